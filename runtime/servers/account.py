"""As whom the servers run. Started by root they run as an ordinary account that exists already; none is ever made."""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.servers.errors import ServerMissing

CANDIDATES = ("postgres", "nobody")
"""PostgreSQL refuses to run as root, and the others need no such power. `postgres` exists where PostgreSQL is installed,
`nobody` everywhere."""


@dataclass(frozen=True)
class Account:
    """An unprivileged user of this machine."""

    name: str
    uid: int
    gid: int

    def __str__(self) -> str:
        return self.name


def server_account() -> Account | None:
    """The account to drop to; None when this process is an ordinary user's, whose servers run as that user."""
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            return account_of(pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
    raise ServerMissing(
        f"run by root, the servers need an ordinary account: make one called {CANDIDATES[0]}, or do not run as root"
    )


def account_of(uid: int) -> Account:
    """The account with this number."""
    entry = pwd.getpwuid(uid)
    return Account(entry.pw_name, uid, entry.pw_gid)


def run_as(account: Account | None, argv: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end as the servers' account, and give back what it said."""
    who: dict[str, Any] = {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}
    return subprocess.run(  # noqa: S603 - binaries of the servers, found or fetched by this package; no shell
        [str(part) for part in argv], text=True, capture_output=True, check=False, stdin=subprocess.DEVNULL, **who, **options
    )


def can_reach(account: Account | None, directory: Path) -> bool:
    """Whether the account can enter this directory, or the nearest one above that exists. Asked by trying: ACLs count too."""
    while not directory.exists():
        directory = directory.parent
    return run_as(account, ["/usr/bin/test", "-x", directory], cwd="/").returncode == 0


def hand_over(account: Account | None, *paths: Path) -> None:
    """Make the account the owner."""
    if account is not None:
        for path in paths:
            os.chown(path, account.uid, account.gid)
