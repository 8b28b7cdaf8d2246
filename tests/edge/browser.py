"""A real browser without a window: the one that is installed, or Debian's, fetched below .local/ as the servers are."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from runtime.servers.debs import unpacked
from runtime.servers.wheels import alone
from tests.conftest import LOCAL

INSTALLED = ("chromium-headless-shell", "chromium", "google-chrome", "chromium-browser")
OTHERWISE = "install chromium, or set COFFER_CHROMIUM to one"
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> tuple[Path, str]:
    """The browser, and where its libraries are beside the system's. runtime.servers.errors.ServerMissing where none can be had."""
    named = os.environ.get("COFFER_CHROMIUM") or next(filter(None, map(shutil.which, INSTALLED)), None)
    if named:
        return Path(named), ""
    fetched = LOCAL / "browser"
    with alone(fetched):
        root = fetched / "root"
        if not root.is_dir():
            work = fetched / "work"
            new = unpacked("Chromium", ["chromium-headless-shell"], work, OTHERWISE, with_what_is_missing=True)
            new.rename(root)
            shutil.rmtree(work)
    libraries = [str(path.parent) for path in root.glob("usr/lib/*-linux-gnu/**/*.so*")]
    return root / "usr/lib/chromium/chromium-headless-shell", ":".join(dict.fromkeys(libraries))


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A running browser."""
    program, libraries = chromium()
    environment = {"PATH": os.defpath, "HOME": "/nonexistent", **({"LD_LIBRARY_PATH": libraries} if libraries else {})}
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS), env=environment)
        try:
            yield running
        finally:
            await running.close()
