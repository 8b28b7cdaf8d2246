"""RabbitMQ of our own: one node with its own name service, cookie and users. Exchanges and queues are declared by others."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import ClassVar
from urllib.parse import quote

from runtime.servers.account import hand_over, run_as
from runtime.servers.broker_users import ADMINISTRATOR, VHOST, BrokerUser, definitions
from runtime.servers.errors import ServerFailed
from runtime.servers.kept import LONGEST_LOG_BYTES, Command, clean_environment
from runtime.servers.place import Place
from runtime.servers.ports import HOST, Ports
from runtime.servers.rabbitmq_binaries import RabbitMQBinaries, lean_home, rabbitmq_binaries
from runtime.servers.server import Server

NODE = "coffer@localhost"
"""Unique within its own name service; a host name might not resolve."""
MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""Far above what a message may be, so that the runtime's own limit answers first; far below the default of 128 MiB."""
CTL_SECONDS = 60

GREETING = b"AMQP\x00\x00\x09\x01"

ERLANG_ARGUMENTS = "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none"
"""Distribution only on this machine; no spinning schedulers, on two cores they take the time of the bank's own processes."""


class RabbitMQ(Server):
    """One node of ours."""

    name: ClassVar[str] = "rabbitmq"

    def __init__(self, place: Place, ports: Ports, say: Callable[[str], None], users: Sequence[BrokerUser]) -> None:
        super().__init__(place, ports, say)
        everything = ".*"
        administrator = BrokerUser(
            ADMINISTRATOR, configure=everything, write=everything, read=everything, tags=("administrator",)
        )
        self._users = [administrator, *users]
        self._distribution_port = ports.take("rabbitmq_distribution")
        self._names_port = ports.take("rabbitmq_names")
        self._other_ports = (self._distribution_port, self._names_port)
        self._binaries: RabbitMQBinaries | None = None

    @property
    def url(self) -> str:
        """The vhost `coffer`, as the administrator."""
        return self.urls[ADMINISTRATOR]

    @property
    def urls(self) -> dict[str, str]:
        """By user."""
        return {user.name: self._url(user) for user in self._users}

    async def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl with these arguments, give back what it said. Its own chatter is left out."""
        return await asyncio.to_thread(self._ctl, arguments)

    async def set_users(self, users: Sequence[BrokerUser]) -> None:
        """Replace all users but the administrator, at once if the broker runs, else at its next start."""
        self._users = [self._users[0], *users]
        if self.running:
            await asyncio.to_thread(self._write_definitions)
            await self.ctl("import_definitions", str(self.home / "definitions.json"))
            await self._settle()

    def _prepare(self) -> Command:
        found = rabbitmq_binaries(self._place, self._say)
        self._binaries = lean_home(found, self.home / "lean")
        lean = self.home / "lean"
        hand_over(self._place.account, lean, *(path for path in lean.rglob("*") if not path.is_symlink()))
        cookie = self.home / ".erlang.cookie"
        if not cookie.exists():
            self._place.write_private(cookie, self._place.password("rabbitmq_cookie"), owner=self._place.account)
            cookie.chmod(0o400)
        self._write("rabbitmq.conf", self._configuration())
        self._write("enabled_plugins", "[].\n")
        self._write_definitions()
        return Command([self._binaries.scripts / "rabbitmq-server"], env=self._environment(self._binaries))

    async def _answers(self) -> bool:
        reader, writer = await asyncio.open_connection(HOST, self.port)
        try:
            writer.write(GREETING)
            return bool(await reader.read(8))  # listens only once users and permissions are there
        finally:
            writer.close()

    async def _settle(self) -> None:
        """Take away the users that are no longer listed; importing definitions only adds and changes."""
        imported = self.home / "imported_users.json"
        before = set(json.loads(imported.read_text())) if imported.exists() else set()
        now = {user.name for user in self._users}
        for name in before - now:
            await self.ctl("delete_user", name)
        self._write(imported.name, json.dumps(sorted(now)))

    def _configuration(self) -> str:
        settings = {
            "listeners.tcp.1": f"{HOST}:{self.port}",
            "load_definitions": self.home / "definitions.json",
            "max_message_size": MAX_MESSAGE_BYTES,
            "log.console": "false",
            "log.file.level": "info",
            "log.file.rotation.size": LONGEST_LOG_BYTES,
            "log.file.rotation.count": 1,
        }
        return "".join(f"{name} = {value}\n" for name, value in settings.items())

    def _environment(self, binaries: RabbitMQBinaries) -> dict[str, str]:
        path = clean_environment({})["PATH"]
        home = self.home
        return {
            "PATH": f"{binaries.erlang}:{path}" if binaries.erlang else path,
            "HOME": str(home),  # the cookie
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the node, instead of waiting for it and passing signals on
            "ERL_CRASH_DUMP_BYTES": "0",  # none: its log says enough
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(self._names_port),
            "RABBITMQ_NODENAME": NODE,
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(home / "none"),  # not the host's
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "none.config"),
            "RABBITMQ_SCHEDULER_BIND_TYPE": "u",  # not bound to cores: others run here too
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG_ARGUMENTS,
        }

    def _ctl(self, arguments: Sequence[str]) -> str:
        if self._binaries is None:
            raise ServerFailed("rabbitmqctl: the broker was not started yet")
        done = run_as(
            self._place.account,
            [self._binaries.scripts / "rabbitmqctl", "--quiet", "--node", NODE, *arguments],
            env=clean_environment(self._environment(self._binaries)),
            cwd=self.home,
            timeout=CTL_SECONDS,
        )
        if done.returncode != 0:
            raise ServerFailed(f"rabbitmqctl {arguments[0]}: {' '.join((done.stderr or done.stdout).split())}")
        return done.stdout

    def _write_definitions(self) -> None:
        self._write("definitions.json", definitions((user, self._password(user)) for user in self._users))

    def _write(self, name: str, text: str) -> None:
        self._place.write_private(self.home / name, text, owner=self._place.account)

    def _password(self, user: BrokerUser) -> str:
        return self._place.password(f"broker_{user.name}") if user.password is None else user.password

    def _url(self, user: BrokerUser) -> str:
        return f"amqp://{quote(user.name, safe='')}:{quote(self._password(user), safe='')}@{HOST}:{self.port}/{VHOST}"
