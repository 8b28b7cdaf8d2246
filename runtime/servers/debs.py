"""Fetches RabbitMQ as Debian's or Ubuntu's packages and unpacks them into a directory. Nothing is installed, no root is needed.

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
        for tool in ("apt-get", "dpkg-deb"):
            if shutil.which(tool) is None:
                raise ServerMissing(f"RabbitMQ is not installed, and without {tool} it cannot be fetched; {otherwise}")
        say("fetching RabbitMQ (about 40 MB)")
        work = fetched / "rabbitmq.work"
        shutil.rmtree(work, ignore_errors=True)
        files = _download(work, otherwise)
        new = work / "root"
        new.mkdir()
        for file in files:
            _run(["dpkg-deb", "--extract", str(file), str(new)], otherwise)
        _settle_erlang(new / ERLANG_ROOT, target / ERLANG_ROOT)
        new.rename(target)
        shutil.rmtree(work)
    return target


def _download(work: Path, otherwise: str) -> list[Path]:
    for directory in ("state/lists/partial", "cache/archives/partial", "files"):
        (work / directory).mkdir(parents=True)
    options = {
        "Dir::State": work / "state",
        "Dir::State::lists": work / "state/lists",
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": work / "cache",
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "Acquire::Retries": 2,
        "Acquire::http::Timeout": 30,
    }
    apt = ["apt-get", "--quiet", *(part for name, value in options.items() for part in ("-o", f"{name}={value}"))]
    _run([*apt, "update"], otherwise)
    _run([*apt, "download", *PACKAGES], otherwise, cwd=work / "files")
    return sorted((work / "files").glob("*.deb"))


def _settle_erlang(where: Path, final: Path) -> None:
    """Debian writes Erlang's root into its start scripts; this is where it will be."""
    for script in (where / "bin/erl", *where.glob("erts-*/bin/erl")):
        before = script.read_text()
        after = re.sub(r'^(\s*)ROOTDIR="?/.*$', rf'\1ROOTDIR="{final}"', before, flags=re.MULTILINE)
        if after != before:
            script.write_text(after)


def _run(argv: Sequence[str], otherwise: str, cwd: Path | None = None) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - apt-get and dpkg-deb, with arguments of ours
            argv, cwd=cwd, capture_output=True, text=True, check=False, timeout=FETCH_SECONDS, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise ServerMissing(f"fetching RabbitMQ took more than {FETCH_SECONDS} s; {otherwise}") from None
    if done.returncode != 0:
        reason = next((line for line in done.stderr.splitlines() if line.startswith("E:")), "no reason given")
        raise ServerMissing(f"RabbitMQ could not be fetched ({reason}); {otherwise}")
