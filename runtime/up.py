"""Everything on one machine, by one command: servers, migrations, topology, edge and actors, demo data; until Ctrl-C.

Edge and actors are processes of their own, restarted when they fall over, ended with this one. They get least privilege: a database
login that may not change the schema, and a broker user each.
"""

import asyncio
import contextlib
import logging
import random
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import aiohttp
import asyncpg
from rich.console import Console
from yarl import URL

from config import entry_points
from config.pools import load_pools
from config.sections import Settings
from config.settings import load_settings
from config.systems import SystemSettings, load_systems
from config.urls import with_user
from runtime.broker_roles import broker_users
from runtime.bus import Bus
from runtime.client import Client
from runtime.clock import SystemClock, stopwatch_seconds
from runtime.database import APP_ROLE
from runtime.house import find_actors, load_vocabularies, topology_of
from runtime.link import Link
from runtime.migrations import migrate
from runtime.process import until_told
from runtime.running import tell_running, tell_stopped
from runtime.servers import LocalServers
from runtime.servers.ports import Ports, is_free
from runtime.statements import Statements
from runtime.topology import Topology, declare

_sql = Statements.beside(__file__, "up.sql")

log = logging.getLogger("coffer.up")
console = Console(highlight=False, soft_wrap=True)

READY_SECONDS = 60
PARTS = ("actors", "edge")
APP_LOGIN = "coffer_login"
STEADY_SECONDS, LONGEST_PAUSE_SECONDS = 30.0, 10.0


class NotReady(Exception):
    """The bank did not come up; the message says where to look."""


async def up(environment: Mapping[str, str]) -> None:
    """Run a whole bank until told to stop."""
    settings = load_settings(environment, needs=())
    load_vocabularies()
    began = stopwatch_seconds()
    systems = load_systems(settings.config_dir, environment, settings.profile)
    pools = load_pools(settings.config_dir, environment)
    users = broker_users(settings.broker, systems, {pool.actor_name for pool in pools.values()})
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    say = console.print
    async with LocalServers(settings.state_dir, broker_users=users, say=say) as servers:
        child_environment = await _prepare(servers, environment, settings)
        tell_running(settings.state_dir, {n: v for n, v in child_environment.items() if n.startswith("COFFER_")})
        found = load_settings(child_environment)
        topology = topology_of(found, pools, systems, set(find_actors(pools).values()))
        await _declare(found, topology)
        told = asyncio.create_task(until_told())
        async with servers.kept_running(), _children(settings, child_environment) as children:
            url = f"http://{found.http.host}:{found.http.port}"
            ready = asyncio.create_task(_until_ready(url, settings, children))
            await asyncio.wait([told, ready], return_when=asyncio.FIRST_COMPLETED)
            if not told.done():
                await ready
                logins = await _seed(found, topology) if found.seeds_demo else []
                _welcome(url, found, logins, _demo_systems(found, systems), stopwatch_seconds() - began)
                await told
            ready.cancel()
            say("stopping: turns in flight finish first (Ctrl-C again ends at once)")
    tell_stopped(settings.state_dir)
    say("stopped; the data stays")


async def _prepare(servers: LocalServers, environment: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Migrations, and what the processes find in their environment."""
    for name in await migrate(servers.database_url):
        console.print(f"applied {name}")
    child = dict(environment)
    child["COFFER_STATE_DIR"] = str(settings.state_dir)
    child["COFFER_REDIS_URL"] = servers.redis_url
    child["COFFER_DATABASE_URL"] = servers.database_url
    child["COFFER_BROKER_URL"] = servers.broker_url
    if not environment.get("COFFER_DATABASE_URL"):
        child["COFFER_DATABASE_URL"] = await _app_login(servers.nearest_database_url, servers.password(APP_LOGIN))
    if not environment.get("COFFER_BROKER_URL"):
        for role in ("edge", "actors", "topology"):
            child[f"COFFER_BROKER__PASSWORDS__{role.upper()}"] = URL(servers.broker_urls[f"coffer_{role}"]).password or ""
    port = settings.http.port
    if port == 0 or not is_free(port):
        free = Ports(settings.state_dir / "http-port.json").take("edge")
        if port:
            console.print(f"port {port} is taken; using {free} (COFFER_HTTP_PORT chooses another)")
        child["COFFER_HTTP_PORT"] = str(free)
    return child


async def _app_login(admin_url: str, password: str) -> str:
    """A login that may only become the app's role; its URL."""
    connection = await asyncpg.connect(admin_url)
    try:
        exists = await connection.fetchval(_sql["login_exists"], APP_LOGIN)
        verb = "ALTER" if exists else "CREATE"
        quoted = await connection.fetchval(_sql["quoted"], password)
        await connection.execute(f"{verb} ROLE {APP_LOGIN} LOGIN NOINHERIT PASSWORD {quoted}")
        await connection.execute(f"GRANT {APP_ROLE} TO {APP_LOGIN}")
    finally:
        await connection.close()
    return with_user(admin_url, APP_LOGIN, password)


async def _declare(settings: Settings, topology: Topology) -> None:
    link = await Link.connect(settings.broker.url_for("topology"), name="coffer up")
    try:
        await declare(link, topology)
    finally:
        await link.close()


@dataclass
class Child:
    """A process of ours, started again whenever it ends by itself."""

    part: str
    environment: Mapping[str, str]
    log_file: Path
    process: asyncio.subprocess.Process | None = None
    stopping: bool = False
    falls: int = 0

    async def keep_running(self) -> None:
        """Until stopped."""
        pause = 0.5
        while True:
            began = stopwatch_seconds()
            with self.log_file.open("ab") as output:
                self.process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "runtime",
                    "run",
                    self.part,
                    "--with-parent",
                    env=dict(self.environment),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            status = await self.process.wait()
            if self.stopping:
                return
            self.falls += 1
            console.print(f"{self.part} ended by itself ({status}); starting it again. Its log: {self.log_file}")
            if stopwatch_seconds() - began > STEADY_SECONDS:
                pause = 0.5
            await asyncio.sleep(random.uniform(pause / 2, pause))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def stop(self) -> None:
        """Let it drain."""
        self.stopping = True
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)


@contextlib.asynccontextmanager
async def _children(settings: Settings, environment: Mapping[str, str]) -> AsyncIterator[list[Child]]:
    logs = settings.state_dir / "logs"
    logs.mkdir(exist_ok=True)
    children = [Child(part, environment, logs / f"{part}.log") for part in PARTS]
    tasks = [asyncio.create_task(child.keep_running()) for child in children]
    try:
        yield children
    finally:
        # The edge first, so that its last requests are still answered.
        for child, task in reversed(list(zip(children, tasks, strict=True))):
            child.stop()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(settings.process.drain_seconds + 5):
                    await task
            if not task.done() and child.process is not None:
                child.process.kill()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until_ready(url: str, settings: Settings, children: list[Child]) -> None:
    ends = stopwatch_seconds() + READY_SECONDS
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as http:
        while stopwatch_seconds() < ends:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with http.get(f"{url}/ready") as answer:
                    if answer.status == 200:
                        return
            if any(child.falls > 3 for child in children):
                break
            await asyncio.sleep(0.1)
    raise NotReady(f"the bank did not become ready; its logs are in {settings.state_dir / 'logs'}")


async def _seed(settings: Settings, topology: Topology) -> list[tuple[str, str]]:
    broker = settings.broker
    bus = Bus(broker.url_for("edge"), user=broker.user_for("edge"), name="demo")
    client = Client(bus, topology, SystemClock(), role="edge")
    await bus.start()
    try:
        await bus.ready()
        seed: Any = resolve_name(entry_points.SEED_DEMO)
        logins: list[tuple[str, str]] = await seed(client, settings.demo.password)
        return logins
    finally:
        await bus.stop()


def _demo_systems(settings: Settings, systems: Mapping[str, SystemSettings]) -> dict[str, str]:
    """Addresses by which the demo's other systems reach the broker, by the system's name."""
    assert settings.broker.url is not None
    return {
        name: str(URL(settings.broker.url).with_user(system.user).with_password(system.local_password.get_secret_value()))
        for name, system in systems.items()
        if system.local_password is not None
    }


def _welcome(url: str, settings: Settings, logins: list[tuple[str, str]], amqp: dict[str, str], seconds: float) -> None:
    console.print(f"\n[bold]Coffer is ready[/bold] after {seconds:.1f} s\n")
    console.print(f"  API            {url}/api/v1")
    console.print(f"  documentation  {url}/api/docs")
    console.print(f"  health         {url}/ready, {url}/metrics")
    for name, address in amqp.items():
        console.print(f"  AMQP           {address} for {name}")
    console.print(f"  logs           {settings.state_dir / 'logs'}")
    if logins:
        console.print(f"\n  Demo logins, all with the password [bold]{settings.demo.password.get_secret_value()}[/bold]:")
        for name, what in logins:
            console.print(f"    {name:<22} {what}")
    console.print("\nCtrl-C stops it; the data stays.")
