"""Fetches Debian's or Ubuntu's packages, such as RabbitMQ's, and unpacks them into a directory. Nothing is installed, no root is needed.

apt gets lists and caches of its own; it checks the signatures of the archive as always.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from runtime.servers.errors import ServerMissing
from runtime.servers.wheels import FETCH_SECONDS, alone

PACKAGES = (
    "rabbitmq-server",
    *(
        f"erlang-{part}"
        for part in (
            "base", "asn1", "crypto", "eldap", "inets", "mnesia", "os-mon", "parsetools", "public-key", "runtime-tools", "ssl",
            "syntax-tools", "tools", "xmerl",
        )
    ),
)  # fmt: skip
"""What the node needs at its boot. asn1 is no direct dependency, yet it does not start without."""

ERLANG_ROOT = "usr/lib/erlang"


def fetched_rabbitmq(fetched: Path, say: Callable[[str], None], otherwise: str) -> Path:
    """The root below which the packages are unpacked; fetched when they are not there yet."""
    target = fetched / "rabbitmq"
    with alone(fetched):
        if target.is_dir():
            _settle_erlang(target / ERLANG_ROOT, target / ERLANG_ROOT)  # the checkout may have moved
            return target
        say("fetching RabbitMQ (about 40 MB)")
        work = fetched / "rabbitmq.work"
        new = unpacked("RabbitMQ", PACKAGES, work, otherwise)
        _settle_erlang(new / ERLANG_ROOT, target / ERLANG_ROOT)
        new.rename(target)
        shutil.rmtree(work)
    return target


def unpacked(what: str, packages: Sequence[str], work: Path, otherwise: str, *, with_what_is_missing: bool = False) -> Path:
    """A root below `work` with these packages in it; `with_what_is_missing`, with those that they need and this machine has not.

    ServerMissing where they cannot be had.
    """
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise ServerMissing(f"{what} is not installed, and without {tool} it cannot be fetched; {otherwise}")
    shutil.rmtree(work, ignore_errors=True)
    for directory in ("state/lists/partial", "cache/archives/partial", "root"):
        (work / directory).mkdir(parents=True)
    options = {
        "Dir::State": work / "state",
        "Dir::State::lists": work / "state/lists",
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": work / "cache",
        "Debug::NoLocking": 1,
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "Acquire::Retries": 2,
        "Acquire::http::Timeout": 30,
    }
    apt = ["apt-get", "--quiet", *(part for name, value in options.items() for part in ("-o", f"{name}={value}"))]
    archives = work / "cache/archives"
    _run(what, [*apt, "update"], otherwise)
    if with_what_is_missing:
        _run(what, [*apt, "install", "--yes", "--no-install-recommends", "--download-only", *packages], otherwise)
    else:
        _run(what, [*apt, "download", *packages], otherwise, cwd=archives)
    for file in sorted(archives.glob("*.deb")):
        _run(what, ["dpkg-deb", "--extract", str(file), str(work / "root")], otherwise)
    return work / "root"


def _settle_erlang(where: Path, final: Path) -> None:
    """Debian writes Erlang's root into its start scripts; this is where it will be."""
    for script in (where / "bin/erl", *where.glob("erts-*/bin/erl")):
        before = script.read_text()
        after = re.sub(r'^(\s*)ROOTDIR="?/.*$', rf'\1ROOTDIR="{final}"', before, flags=re.MULTILINE)
        if after != before:
            script.write_text(after)


def _run(what: str, argv: Sequence[str], otherwise: str, cwd: Path | None = None) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - apt-get and dpkg-deb, with arguments of ours
            argv, cwd=cwd, capture_output=True, text=True, check=False, timeout=FETCH_SECONDS, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise ServerMissing(f"fetching {what} took more than {FETCH_SECONDS} s; {otherwise}") from None
    if done.returncode != 0:
        reason = next((line for line in done.stderr.splitlines() if line.startswith("E:")), "no reason given")
        raise ServerMissing(f"{what} could not be fetched ({reason}); {otherwise}")
