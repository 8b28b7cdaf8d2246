"""The stage of the benchmarks: private servers, an institution with accounts, and the processes that are measured."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from config.pools import load_pools
from config.settings import load_settings
from config.systems import load_systems
from messages.identity import CreateFirstAdministrator, Login
from messages.ids import AccountId, derived_id
from messages.ledger import AdoptStandardChart, Deposit, OpenAccount
from messages.member import ActivateMember, PersonDetails, RegisterPerson
from messages.money import Money
from runtime.bus import Bus
from runtime.client import Client, reply_of
from runtime.clock import SystemClock, stopwatch_seconds
from runtime.house import find_actors, load_vocabularies, topology_of
from runtime.lane import Lane
from runtime.link import Link
from runtime.principal import Principal
from runtime.servers import LocalServers
from runtime.topology import declare
from tests.bank import emptied, environment_of, private_servers
from tests.bench import load as http_load

ROOT = Path(__file__).parent.parent.parent
CURRENCY = "KES"
TELLER = Principal("user", "bench", ("admin",))
AT_ONCE = 50
NAME, PASSWORD = "bench@bank.test", "a password for benchmarks"


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Process:
    """A measured process."""

    process: asyncio.subprocess.Process

    @property
    def resident_bytes(self) -> int:
        """Memory that it holds."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    @property
    def processor_seconds(self) -> float:
        """Processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def stop(self) -> None:
        """End it."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(15):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()


@contextlib.asynccontextmanager
async def running(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> AsyncIterator[Process]:
    """A Python process of ours for as long as the block lasts."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *arguments, env={**os.environ, **environment}, cwd=ROOT, stdout=output, stderr=output
        )
    found = Process(process)
    try:
        yield found
    finally:
        await found.stop()


async def until_listening(port: int) -> None:
    """Wait for a port."""
    ends = stopwatch_seconds() + 20
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if stopwatch_seconds() > ends:
                raise
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


async def load(host: str, port: int, connections: int, requests: list[dict[str, Any]]) -> dict[str, Any]:
    """Run a load in a process of its own; what it measured."""
    plan = {"host": host, "port": port, "connections": connections, "requests": requests}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", http_load.__name__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    printed, _ = await process.communicate(json.dumps(plan).encode())
    found: dict[str, Any] = json.loads(printed)
    return found


class Stage:
    """An institution on private servers."""

    def __init__(self, servers: LocalServers, state: Path) -> None:
        self.servers = servers
        self.state = state
        self.port = free_port()
        self.environment = {**environment_of(servers), "COFFER_HTTP_PORT": str(self.port), "COFFER_STATE_DIR": str(state)}
        self.settings = load_settings(self.environment)
        pools = load_pools(None, {})
        systems = load_systems(None, {}, self.settings.profile)
        self.topology = topology_of(self.settings, pools, systems, set(find_actors(pools).values()))
        broker = self.settings.broker
        self.bus = Bus(broker.url_for("edge"), user=broker.user_for("edge"), name="bench")
        self.client = Client(self.bus, self.topology, SystemClock(), role="edge", most_in_flight=2000)
        self.database: asyncpg.Pool
        self.accounts: list[AccountId] = []
        self.token = ""

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, state: Path, *, accounts: int) -> AsyncIterator["Stage"]:
        """Servers up, bank empty but for accounts with money."""
        load_vocabularies()
        async with private_servers(state, fetched_from=ROOT / ".local") as servers:
            await emptied(servers)
            stage = cls(servers, state)
            link = await Link.connect(stage.settings.broker.url_for("topology"), name="bench topology")
            await declare(link, stage.topology)
            await link.close()
            stage.database = await asyncpg.create_pool(servers.database_url, min_size=1, max_size=2)
            await stage.bus.start()
            await stage.bus.ready()
            if accounts:
                async with stage.actors():
                    await stage.open_accounts(accounts)
            try:
                yield stage
            finally:
                await stage.bus.stop()
                await stage.database.close()

    @contextlib.asynccontextmanager
    async def actors(self) -> AsyncIterator[Process]:
        """The process of all actors."""
        async with running(["runtime", "run", "actors"], self.environment, self.state / "actors.log") as process:
            await self.until_consuming()
            yield process

    async def until_consuming(self) -> None:
        """Wait until the ledger takes commands."""
        await self.say(AdoptStandardChart(currency=CURRENCY), patient=True)

    @contextlib.asynccontextmanager
    async def edge(self) -> AsyncIterator[Process]:
        """An edge."""
        async with running(["runtime", "run", "edge"], self.environment, self.state / "edge.log") as process:
            await until_listening(self.port)
            yield process

    @contextlib.asynccontextmanager
    async def raw_publisher(self) -> AsyncIterator[Lane]:
        """A confirmed lane of the actors' user, on a connection of its own."""
        link = await Link.connect(self.settings.broker.url_for("actors"), name="bench raw")
        try:
            yield await link.lane(confirms=True)
        finally:
            await link.close()

    async def say(self, message: Any, *, patient: bool = False) -> Any:
        """The reply."""
        ends = stopwatch_seconds() + 30
        while True:
            try:
                return reply_of(
                    message, await self.client.call(message, principal=TELLER, deadline_seconds=3 if patient else 10)
                )
            except Exception:
                if not patient or stopwatch_seconds() > ends:
                    raise

    async def open_accounts(self, count: int, *, funded: bool = True) -> None:
        """Open accounts of one member, with much money on each."""
        await self.say(CreateFirstAdministrator(username=NAME, password=PASSWORD))
        tokens = await self.say(Login(username=NAME, password=PASSWORD))
        self.token = tokens.access_token.get_secret_value()
        person = PersonDetails(given_name="Bench", family_name="Mark", born_on=date(1990, 1, 1))
        member = await self.say(RegisterPerson(person=person))
        await self.say(ActivateMember(member_id=member.member_id))
        member_id = member.member_id
        opening = [OpenAccount(member_id=member_id, kind="savings", currency=CURRENCY) for _ in range(count)]
        self.accounts = [account.account_id for account in await self._say_all(opening)]
        if funded:
            await self._say_all([Deposit(account_id=each, amount=Money.of(10**12, CURRENCY)) for each in self.accounts])

    async def _say_all(self, messages: Sequence[Any]) -> list[Any]:
        replies: list[Any] = []
        for start in range(0, len(messages), AT_ONCE):
            replies += await asyncio.gather(*(self.say(each) for each in messages[start : start + AT_ONCE]))
        return replies

    @property
    def headers(self) -> dict[str, str]:
        """Of a request of somebody logged in."""
        return {"Authorization": f"Bearer {self.token}"}


def pair(accounts: Sequence[UUID], number: int) -> tuple[UUID, UUID]:
    """Two different accounts, spread evenly and the same at each run."""
    source = derived_id(UUID(int=0), f"source {number}").int % len(accounts)
    target = derived_id(UUID(int=0), f"target {number}").int % (len(accounts) - 1)
    return accounts[source], accounts[target if target < source else target + 1]
