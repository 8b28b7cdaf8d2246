"""Which RabbitMQ is run: named by the operator, installed, or fetched; and a lean copy of it that starts in half the time.

Erlang looks for each module in every directory that it knows, and RabbitMQ comes with sixty plugins. The lean home has only the
applications that the broker itself needs: 2.7 s instead of 5.4 s to the first answer on two cores, and 0.4 s for a rabbitmqctl.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from runtime.servers.account import can_reach
from runtime.servers.debs import fetched_rabbitmq
from runtime.servers.errors import ServerMissing
from runtime.servers.place import Place

OTHERWISE = (
    "install rabbitmq-server, or set COFFER_RABBITMQ_HOME (the directory above sbin/rabbitmq-server) or COFFER_BROKER_URL"
)


@dataclass(frozen=True)
class RabbitMQBinaries:
    """A RabbitMQ home (with sbin, plugins, escript) and the directory of `erl`, None when that is on the PATH."""

    home: Path
    erlang: Path | None = None

    @property
    def scripts(self) -> Path:
        """Where the real scripts are; the ones in /usr/sbin of Debian insist on a user."""
        return self.home / "sbin"


def rabbitmq_binaries(place: Place, say: Callable[[str], None]) -> RabbitMQBinaries:
    """Those to run."""
    if named := os.environ.get("COFFER_RABBITMQ_HOME"):
        home = Path(named).absolute()
        if not (home / "sbin/rabbitmq-server").exists():
            raise ServerMissing(f"COFFER_RABBITMQ_HOME={named} has no sbin/rabbitmq-server")
        if not can_reach(place.account, home / "sbin"):
            raise ServerMissing(f"COFFER_RABBITMQ_HOME={named} cannot be entered by {place.account}; move it")
        return _with_erlang(home)
    for home in _installed():
        return _with_erlang(home)
    return _unpacked(fetched_rabbitmq(place.fetched, say, OTHERWISE))


def lean_home(found: RabbitMQBinaries, lean: Path) -> RabbitMQBinaries:
    """A home that has the scripts, and links to the applications which the broker needs. Made again at each start: cheap."""
    if lean.exists():
        shutil.rmtree(lean)
    (lean / "plugins").mkdir(parents=True)
    shutil.copytree(found.scripts, lean / "sbin")
    if (found.home / "escript").exists():
        (lean / "escript").symlink_to(found.home / "escript")
    for application in _needed(found.home / "plugins"):
        (lean / "plugins" / application.name).symlink_to(application)
    return replace(found, home=lean)


def _installed() -> Iterator[Path]:
    """Debian and Red Hat keep it here, the newest first; a generic archive is often unpacked below /opt."""
    for pattern in ("usr/lib/rabbitmq/lib/rabbitmq_server-*", "opt/rabbitmq_server-*", "opt/rabbitmq"):
        for home in sorted(Path("/").glob(pattern), reverse=True):
            if (home / "sbin/rabbitmq-server").exists():
                yield home


def _with_erlang(home: Path) -> RabbitMQBinaries:
    beside = home.parents[2] / "lib/erlang/bin" if len(home.parents) > 2 else home  # unpacked Debian files
    if (beside / "erl").exists() and beside != Path("/usr/lib/erlang/bin"):
        return RabbitMQBinaries(home, beside)
    if shutil.which("erl") is None:
        raise ServerMissing(f"RabbitMQ is in {home}, but there is no erl on the PATH: install erlang")
    return RabbitMQBinaries(home)


def _unpacked(root: Path) -> RabbitMQBinaries:
    home = next(root.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*"))
    return RabbitMQBinaries(home, root / "usr/lib/erlang/bin")


def _needed(plugins: Path) -> list[Path]:
    """`rabbit` and what its application files say it needs. Everything, when the files are not as expected."""
    applications = {path.name.rpartition("-")[0]: path for path in plugins.iterdir() if (path / "ebin").is_dir()}
    if "rabbit" not in applications:
        return list(plugins.iterdir())
    needed: set[str] = set()
    todo = ["rabbit"]
    while todo:
        name = todo.pop()
        if name in applications and name not in needed:
            needed.add(name)
            resource = (applications[name] / "ebin" / f"{name}.app").read_text()
            for listed in re.findall(r"\{\s*(?:included_)?applications\s*,\s*\[([^\]]*)\]", resource):
                todo += re.findall(r"\w+", listed)
    return [applications[name] for name in sorted(needed)]
