"""What can be wrong with the machine: Python, the installed packages, room on the disk, the port."""

import contextlib
import re
import shutil
import socket
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from config.sections import HttpSettings, Settings
from runtime.doctor.finding import Finding, fail, ok, warn

HOUSE = Path(__file__).parent.parent.parent
OLDEST_PYTHON, NEWEST_TRIED_PYTHON = (3, 11), (3, 13)
LEAST_FREE_BYTES = 500 * 2**20
"""RabbitMQ stops taking messages below its own limit of 50 MB, and PostgreSQL below none; long before that is time to act."""
COMFORTABLE_FREE_BYTES = 2 * 2**30
ANSWER_SECONDS = 2


def look_at_machine(settings: Settings | None) -> Iterator[Finding]:
    """Every check of this machine; those that need settings only where there are some."""
    yield python_version(sys.version_info[:2])
    yield packages(pinned(HOUSE))
    if settings is not None:
        yield disk(settings.state_dir)
        yield port(settings.http)


def python_version(running: tuple[int, int]) -> Finding:
    """Whether this interpreter is one of those that are tried."""
    said = f"{running[0]}.{running[1]}"
    if running < OLDEST_PYTHON:
        return fail("Python", f"{said}; install {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or later")
    if running > NEWEST_TRIED_PYTHON:
        return warn("Python", f"{said}; tried up to {NEWEST_TRIED_PYTHON[0]}.{NEWEST_TRIED_PYTHON[1]}")
    return ok("Python", said)


def pinned(house: Path) -> Mapping[str, str]:
    """Package -> version, from the lock file of a checkout; nothing where there is none, as in an image."""
    lock = house / "uv.lock"
    if lock.is_file():
        found = tomllib.loads(lock.read_text(encoding="utf-8")).get("package", [])
        return {each["name"]: each["version"] for each in found if "version" in each and "registry" in each.get("source", {})}
    for name in ("requirements.lock", "requirements.txt"):
        if (house / name).is_file():
            text = (house / name).read_text(encoding="utf-8")
            return dict(re.findall(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", text, re.MULTILINE))
    return {}


def packages(pins: Mapping[str, str]) -> Finding:
    """Whether what is installed is what the lock file pins. A package that is not installed was not asked for."""
    if not pins:
        return ok("packages", "no lock file beside the code; not compared")
    different = []
    for name, version in pins.items():
        with contextlib.suppress(metadata.PackageNotFoundError):
            if (installed := metadata.version(name)) != version:
                different.append(f"{name} is {installed}, not {version}")
    if different:
        more = f" and {len(different) - 3} more" if len(different) > 3 else ""
        return warn("packages", f"{'; '.join(different[:3])}{more}; the lock file was not installed")
    return ok("packages", "as in the lock file")


def disk(state_dir: Path) -> Finding:
    """Room for the private servers and whatever else lives on that disk."""
    place = next(path for path in (state_dir, *state_dir.parents) if path.exists())
    try:
        free = shutil.disk_usage(place).free
    except OSError as wrong:
        return fail("disk", f"{place} cannot be looked at: {wrong.strerror}")
    said = f"{free / 2**30:.1f} GiB free at {place}"
    if free < LEAST_FREE_BYTES:
        return fail("disk", f"{said}; make room, at least {LEAST_FREE_BYTES // 2**20} MiB")
    return ok("disk", said) if free >= COMFORTABLE_FREE_BYTES else warn("disk", f"{said}; that will not last")


def port(http: HttpSettings) -> Finding:
    """Whether the edge could listen, or a Coffer does already."""
    where = f"{http.host}:{http.port}"
    if http.port == 0:
        return ok("port", "any free one")
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    try:
        with socket.socket(family) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((http.host, http.port))
    except OSError as wrong:
        if _is_coffer(http):
            return ok("port", f"{where}: a running Coffer answers")
        return fail("port", f"{where}: {wrong.strerror}; end what listens there, or set COFFER_HTTP_PORT")
    return ok("port", f"{where} is free")


def _is_coffer(http: HttpSettings) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(http.host, http.host)  # noqa: S104 - asks the machine itself
    try:
        with urlopen(f"http://{host}:{http.port}/health", timeout=ANSWER_SECONDS) as answer:
            return bool(answer.status == 200)
    except HTTPError:
        return False
    except (OSError, ValueError):
        return False
