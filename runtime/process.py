"""A process of actors: database, bus, pools and housekeeping, put together, run until told to stop.

SIGTERM or SIGINT drain (readiness first, turns in flight finish), a second one ends at once, SIGHUP reads pools.yaml again.
"""

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import signal
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import orjson
from prometheus_client import start_http_server

from config.errors import ConfigError
from config.pools import PoolSettings, load_pools
from config.roles import load_roles
from config.sections import Settings
from runtime import pool_changes
from runtime.actor import Actor
from runtime.admission import Door
from runtime.bus import Bus
from runtime.cache.line import Line
from runtime.cache.vouching import Voucher
from runtime.client import Client
from runtime.clock import Clock, SystemClock
from runtime.customs import Customs
from runtime.database import Database
from runtime.errors import Unavailable, is_surroundings
from runtime.failpoints import Failpoints
from runtime.feed import Feed
from runtime.house import find_actors, topology_of
from runtime.housekeeping import Housekeeping
from runtime.outbox import Relay
from runtime.pool import House, Pool
from runtime.principal import Authority
from runtime.supervisor import ended
from runtime.systems import external_systems
from runtime.turn import Surroundings

log = logging.getLogger("coffer.process")

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 2.0
CHANGES_SECONDS = 2.0


class ActorsProcess:
    """Runs pools until stopped."""

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str],
        *,
        only: Collection[str] = (),
        clock: Clock | None = None,
        failpoints: Failpoints | None = None,
        read_pools: Callable[[], dict[str, PoolSettings]] | None = None,
        actors: Mapping[str, type[Actor]] | None = None,
    ) -> None:
        self._settings = settings
        self._read_pools = read_pools or partial(load_pools, settings.config_dir, environment)
        self._only = set(only)
        self._clock = clock or SystemClock()
        assert settings.database.url is not None
        self.database = Database(settings.database.url, size=settings.database.pool_max, application="coffer actors")
        broker = settings.broker
        user = broker.user_for("actors")
        self.bus = Bus(
            broker.url_for("actors"), user=user, name=f"actors {os.getpid()}", heartbeat_seconds=broker.heartbeat_seconds
        )
        self._all_pools = self._read_pools()
        systems = external_systems(settings, environment, self._all_pools)
        if unknown := self._only - set(self._all_pools):
            raise ConfigError([f"pools.yaml has no pool {', '.join(sorted(unknown))}; it has {', '.join(self._all_pools)}"])
        self._actors = dict(actors) if actors is not None else find_actors(self._all_pools)
        self.topology = topology_of(settings, self._all_pools, systems, set(self._actors.values()))
        failpoints = failpoints or Failpoints()
        self._line = Line(settings.redis.url)
        self.voucher = Voucher(self._line)
        self.relay = Relay(self.database, self.bus, failpoints, self.voucher, Feed(self._line, self.voucher))
        self.client = Client(self.bus, self.topology, self._clock, role="actors")
        authority = Authority(load_roles(settings.config_dir))
        surroundings = Surroundings(
            self.database, self._clock, self.relay, self.topology, authority, failpoints, self.client, self.voucher
        )
        trusted = frozenset({user, broker.user_for("edge")})
        self._house = House(
            self.bus,
            surroundings,
            Door(trusted),
            Door(frozenset(system.user for system in systems.values()), believed=False),
            Customs(systems, self.topology, self._clock),
        )
        keeps_topology = broker.passwords.topology is not None or broker.passwords.actors is None
        self.housekeeping = Housekeeping(
            self.database,
            self.bus,
            self.relay,
            self.topology,
            self._clock,
            self.describe,
            broker.url_for("topology") if keeps_topology else None,
            lift_after=timedelta(seconds=settings.process.lift_seconds),
        )
        self.pools: dict[str, Pool] = {}
        self._changes: dict[str, dict[str, Any]] = {}
        self._watching: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self._ending = False

    def describe(self) -> dict[str, Any]:
        """The state of the pools, for operators."""
        return {name: pool.describe() for name, pool in self.pools.items()}

    async def start(self) -> None:
        """Connect and open the pools; waits for a database that is not there yet."""
        await self._open_database()
        await self.voucher.start()
        await self.bus.start()
        await self.relay.start()
        await self.housekeeping.start()
        for name, settings in self._wanted().items():
            actor = self._actors[name].configured(self._settings)
            self.pools[name] = Pool(name, actor, self.topology.mailboxes[actor.name], settings, self._house)
            await self.pools[name].start()
        self._watching = asyncio.create_task(self._watch_changes(), name="pool changes")

    def _wanted(self) -> dict[str, PoolSettings]:
        return {name: pool for name, pool in self._all_pools.items() if not self._only or name in self._only}

    async def _open_database(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self.database.open()
            except Unavailable as away:
                log.warning("database away", extra={"reason": away.reason})
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                return

    async def stop(self) -> None:
        """Drain: turns in flight finish, what was said is confirmed, then all is closed."""
        self._ending = True
        if self._watching is not None:
            await ended(self._watching)
        drain_seconds = self._settings.process.drain_seconds
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(drain_seconds), self._changing:
                await asyncio.gather(*(pool.drain() for pool in self.pools.values()))
        await self.relay.stop(drain_seconds=min(5.0, drain_seconds))
        await self.housekeeping.stop()
        await self.bus.stop()
        await self.voucher.stop()
        await self._line.close()
        await self.database.close()

    async def reload(self) -> None:
        """Read pools.yaml again and go over to what changed. A bad file is refused, the old settings stay."""
        try:
            fresh = self._read_pools()
        except ConfigError as wrong:
            log.error("pools.yaml refused; the old settings stay", extra={"problems": str(wrong)})
            return
        for name in sorted(set(fresh) ^ set(self._all_pools)):
            log.warning("pools are added and removed by a restart", extra={"pool": name})
        self._all_pools = {name: self._reloaded(name, fresh.get(name, pool)) for name, pool in self._all_pools.items()}
        await self._apply()

    def _reloaded(self, name: str, fresh: PoolSettings) -> PoolSettings:
        """What of a pool's new settings may come while it runs."""
        old = self._all_pools[name]
        if (fresh.actor, fresh.mailbox) == (old.actor, old.mailbox):
            return fresh
        log.warning("actor and mailbox of a pool are changed by a restart", extra={"pool": name})
        return fresh.model_copy(update={"actor": old.actor, "mailbox": old.mailbox})

    async def _apply(self) -> None:
        """Change what is to be changed, one pool after the other; who else wants changes waits for it."""
        async with self._changing:
            for name, pool in self.pools.items():
                wanted = self._all_pools[name]
                if change := self._changes.get(name):
                    try:
                        wanted = wanted.with_changes(change)
                    except ConfigError as wrong:
                        log.error("pool change refused; the old settings stay", extra={"pool": name, "problem": str(wrong)})
                        continue
                if wanted != pool.settings and not self._ending:
                    await pool.change(wanted)

    async def _watch_changes(self) -> None:
        while True:
            try:
                async with self.database.connection() as connection:
                    changes = await pool_changes.all_changes(connection)
                if changes != self._changes:
                    self._changes = changes
                    await self._apply()
            except Exception as error:
                if is_surroundings(error):
                    log.info("pool changes put off", extra={"reason": str(error)})
                else:
                    log.exception("pool changes failed")
            await asyncio.sleep(CHANGES_SECONDS)


def freeze_what_stays() -> None:
    """Take modules and models out of the garbage collector's sight: walking through them stops the loop for milliseconds.

    Turns leave no cycles worth a collection for each few hundred objects, so the young generation may grow to 10,000.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


async def until_told(reload: Callable[[], Any] | None = None) -> None:
    """Wait for SIGTERM or SIGINT; a second one ends the process at once. SIGHUP calls `reload`."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    tasks: set[asyncio.Task[Any]] = set()

    def on_stop() -> None:
        if told.is_set():
            os._exit(130)
        told.set()

    def on_hangup() -> None:
        if reload is not None:
            task = asyncio.ensure_future(reload())
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_stop)
    loop.add_signal_handler(signal.SIGHUP, on_hangup)
    await told.wait()


async def run_actors(
    settings: Settings,
    environment: Mapping[str, str],
    *,
    only: Collection[str] = (),
    clock: Clock | None = None,
    failpoints: Failpoints | None = None,
    read_pools: Callable[[], dict[str, PoolSettings]] | None = None,
    actors: Mapping[str, type[Actor]] | None = None,
) -> None:
    """Run pools until told to stop. What they cannot be started by is raised."""
    process = ActorsProcess(
        settings, environment, only=only, clock=clock, failpoints=failpoints, read_pools=read_pools, actors=actors
    )
    telemetry = settings.telemetry
    server, _thread = start_http_server(telemetry.metrics_port, telemetry.metrics_host)
    log.info("metrics", extra={"url": f"http://{telemetry.metrics_host}:{server.server_port}/metrics"})
    starting = asyncio.create_task(process.start())
    telling = asyncio.create_task(until_told(process.reload))
    try:
        await asyncio.wait({starting, telling}, return_when=asyncio.FIRST_COMPLETED)
        if not telling.done():
            await starting
            freeze_what_stays()
        await telling
    finally:
        await ended(starting, telling)
        log.info("draining", extra={"pools": orjson.dumps(process.describe()).decode()})
        await process.stop()
        server.shutdown()
        server.server_close()
    log.info("stopped")


def end_with_parent() -> None:
    """Let the kernel end this process with SIGTERM when its parent is gone, however the parent ended."""
    parent_death_signal = 1  # PR_SET_PDEATHSIG
    ctypes.CDLL(None, use_errno=True).prctl(parent_death_signal, signal.SIGTERM)
    if os.getppid() == 1:
        os.kill(os.getpid(), signal.SIGTERM)
