"""Where the servers of one state directory live: its lock, ports, passwords, and a directory for each server's data.

Usually `<state dir>/servers`. When the servers' account cannot get there (a clone under /root), or when the path has blanks,
which RabbitMQ's scripts do not bear, that is a link to a directory elsewhere.
"""

import hashlib
import os
import re
import secrets
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from runtime.servers.account import Account, account_of, can_reach, hand_over, server_account
from runtime.servers.errors import ServerFailed
from runtime.servers.ports import Ports
from runtime.servers.state_lock import take_lock

ROOTS_DIRECTORY = Path("/var/lib/coffer")
ELSEWHERE = "set COFFER_STATE_DIR to another place"
PASSWORD_BYTES = 24
FETCHED = "fetched"
LOCK = "lock"

_PLAIN_PATH = re.compile(r"[\w@%+=:,./-]+", re.ASCII)


class Place:
    """The directory of the servers, held by one process at a time."""

    def __init__(self, root: Path, account: Account | None) -> None:
        self.root = root
        self.account = account
        self.fetched = root / FETCHED
        self.lock_fd: int | None = None
        self._making = threading.Lock()

    @classmethod
    def of(cls, state_dir: Path) -> "Place":
        """The place that belongs to a state directory; made when there is none."""
        account = server_account()
        try:
            root = _root(state_dir.expanduser().resolve() / "servers", account)
        except OSError as error:
            raise ServerFailed(f"cannot make {error.filename}: {error.strerror}; {ELSEWHERE}") from error
        owner = root.stat().st_uid
        if owner != os.geteuid():
            raise ServerFailed(f"{root} belongs to user {owner}, and this is user {os.geteuid()}; {ELSEWHERE}")
        if account is not None:
            account = _owner_of_data(root, account)
        if not can_reach(account, root):
            raise ServerFailed(f"{account or 'this user'} cannot enter {root}; {ELSEWHERE}")
        return cls(root, account)

    def directory(self, name: str) -> Path:
        """A server's own directory, closed to everybody else."""
        path = self.root / name
        path.mkdir(mode=0o700, exist_ok=True)
        hand_over(self.account, path)
        return path

    def ports(self) -> Ports:
        """The ports remembered here."""
        return Ports(self.root / "ports.json")

    def password(self, name: str) -> str:
        """The random password of this name; made once, kept in a file that only its owner reads."""
        file = self.root / "passwords" / name
        with self._making:
            if not file.exists():
                file.parent.mkdir(mode=0o700, exist_ok=True)
                self.write_private(file, secrets.token_urlsafe(PASSWORD_BYTES))
        return file.read_text()

    def write_private(self, file: Path, text: str, owner: Account | None = None) -> None:
        """Write a file with mode 0600, whole or not at all."""
        new = file.with_name(f"{file.name}.new")
        new.unlink(missing_ok=True)
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w") as stream:
            stream.write(text)
            if owner is not None:
                os.fchown(fd, owner.uid, owner.gid)
        new.replace(file)

    def lock(self, say: Callable[[str], None]) -> None:
        """Become the one process that runs these servers."""
        self.lock_fd = take_lock(self.root / LOCK, say, ELSEWHERE)

    def unlock(self) -> None:
        """Let others have it."""
        if self.lock_fd is not None:
            os.close(self.lock_fd)
            self.lock_fd = None

    def forget(self) -> None:
        """Delete what the servers keep: data, passwords, ports, logs. What was fetched stays, it is the same each time."""
        for entry in self.root.iterdir():
            if entry.is_dir() and entry.name != FETCHED:
                shutil.rmtree(entry)
            elif entry.is_file() and entry.name != LOCK:
                entry.unlink()
        if not self.fetched.exists():
            shutil.rmtree(self.root)


def _root(link: Path, account: Account | None) -> Path:
    """The directory at this path, or where the link at this path leads; made when there is neither."""
    if link.is_symlink() and not link.exists():
        link.unlink()
    if link.exists():
        return link.resolve()
    root = _choose(link, account)
    _make(root, account)
    if not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(root)
    return root


def _choose(wanted: Path, account: Account | None) -> Path:
    if can_reach(account, wanted) and _PLAIN_PATH.fullmatch(str(wanted)):
        return wanted
    name = hashlib.sha256(str(wanted).encode()).hexdigest()[:12]
    if account is not None:
        return ROOTS_DIRECTORY / name
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "coffer" / name
    if not _PLAIN_PATH.fullmatch(str(home)):
        raise ServerFailed(f"RabbitMQ bears no blanks in its path, which {wanted} has; {ELSEWHERE}")
    return home


def _make(root: Path, account: Account | None) -> None:
    """Made by root, directories that the account can pass, whatever root's umask; else closed to others."""
    missing = [path for path in (root, *root.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir()
        if account is not None:
            path.chmod(0o755)
    if account is None:
        root.chmod(0o700)


def _owner_of_data(root: Path, account: Account) -> Account:
    """The account that earlier runs used stays the one, even if a better one has come up meanwhile."""
    for entry in root.iterdir():
        if (uid := entry.stat().st_uid) not in (0, account.uid):
            return account_of(uid)
    return account
