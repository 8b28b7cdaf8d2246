"""Ports on 127.0.0.1: found free, remembered, so that a restart of the same state keeps its addresses."""

import json
import secrets
import socket
from pathlib import Path

HOST = "127.0.0.1"

LOWEST, HIGHEST = 15_000, 31_999
"""Below the range from which Linux takes ports for outgoing connections (32768 and up): while a server is down, a client that
keeps trying could otherwise be given the server's own port, or even connect to itself."""

TRIES = 200


def is_free(port: int) -> bool:
    """Whether a server could listen there now. Connections that linger from an earlier one do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


class Ports:
    """The ports of one state directory, by the name of who listens."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}

    def take(self, name: str) -> int:
        """The port of this name: the remembered one while it is free, else a new one."""
        port = self._ports.get(name)
        if port is None or not is_free(port):
            self._ports[name] = port = self._new()
            new = self._file.with_suffix(".new")
            new.write_text(json.dumps(self._ports, indent=1))
            new.replace(self._file)
        return port

    def _new(self) -> int:
        taken = set(self._ports.values())
        for _ in range(TRIES):
            port = LOWEST + secrets.randbelow(HIGHEST - LOWEST + 1)
            if port not in taken and is_free(port):
                return port
        raise OSError(f"no free port between {LOWEST} and {HIGHEST} on {HOST}")
