"""A process of the edge: bus, client and HTTP server, run until told to stop.

Readiness flips first, then requests in flight finish.
"""

import asyncio
import logging
import os
from collections.abc import Mapping
from functools import partial
from typing import Any

from config.limits import load_limits
from config.pools import load_pools
from config.roles import load_roles
from config.sections import Settings
from config.systems import load_systems
from http_edge.app import create_app
from http_edge.limits import check_limits
from http_edge.routes import ROUTES
from http_edge.server import serve
from http_edge.uses import THE_EDGE
from messages.identity import AccessChanged
from messages.operations import GetReadiness
from runtime.bus import Bus
from runtime.cache.line import Line
from runtime.cache.shelf import Shelf
from runtime.client import Client, reply_of
from runtime.clock import Clock, SystemClock
from runtime.errors import Unavailable
from runtime.feed import FeedReader
from runtime.hearing import Hearing
from runtime.house import topology_of
from runtime.limits import Limiter
from runtime.process import freeze_what_stays, until_told
from runtime.supervisor import ended

log = logging.getLogger("coffer.edge")

NOTICE_SECONDS = 0.5
"""Between saying `not ready` and closing the door, so that a balancer notices."""


class EdgeProcess:
    """One edge."""

    def __init__(self, settings: Settings, environment: Mapping[str, str], *, clock: Clock | None = None) -> None:
        self._settings = settings
        clock = clock or SystemClock()
        broker = settings.broker
        pools = load_pools(settings.config_dir, environment)
        systems = load_systems(settings.config_dir, environment, settings.profile)
        topology = topology_of(settings, pools, systems)
        self.bus = Bus(
            broker.url_for("edge"),
            user=broker.user_for("edge"),
            name=f"edge {os.getpid()}",
            heartbeat_seconds=broker.heartbeat_seconds,
        )
        self.client = Client(self.bus, topology, clock, role="edge", most_in_flight=settings.http.limits.max_in_flight)
        limits = load_limits(settings.config_dir, settings.profile, check=partial(check_limits, ROUTES))
        self.limiter = Limiter(settings.redis.url, share_alone=limits.share_without_redis)
        self._line = Line(settings.redis.url)
        cache = settings.cache
        self.shelf = Shelf(self._line, fresh_seconds=cache.fresh_seconds, stale_seconds=cache.stale_seconds)
        self._app = create_app(
            self.client,
            readiness=self.readiness,
            limiter=self.limiter,
            limits=limits,
            settings=settings,
            roles=load_roles(settings.config_dir),
            clock=clock,
            shelf=self.shelf if cache.enabled else None,
            feed=FeedReader(self._line),
        )
        gatekeeper = self._app.gatekeeper
        told = {AccessChanged.wire: gatekeeper.on_access_changed}
        self.hearing = Hearing(self.bus, role="edge", told=told, deaf=gatekeeper.forget_all)
        self._runner: Any = None
        self._telling: asyncio.Task[None] | None = None

    async def readiness(self) -> Mapping[str, str | None]:
        """The pieces that must answer: None for one that does, else what is wrong."""
        if not self.bus.is_ready:
            return {"broker": "blocked" if self.bus.is_blocked else "away"}
        question = GetReadiness()
        try:
            answer = await self.client.call(question, principal=THE_EDGE, deadline_seconds=1.5)
            found = reply_of(question, answer)
        except Unavailable as away:
            return {"broker": None, "actors": away.reason}
        # The answer was read from the database by an actor, so both are there.
        return {"broker": None, "database": None, **dict.fromkeys(found.missing, "nobody consumes for it")}

    async def tells_uses(self) -> None:
        """Tell now which sessions and API keys were used here, as it does once a minute."""
        await self._app.uses.tell()

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def start(self) -> None:
        """Listen; the broker may come later."""
        await self.bus.start()
        http = self._settings.http
        self._runner = await serve(
            self._app, http.host, http.port, limits=http.limits, drain_seconds=self._settings.process.drain_seconds
        )
        self._telling = asyncio.create_task(self._app.uses.keep_telling(), name="uses")
        log.info("listening", extra={"url": self.url})

    async def stop(self) -> None:
        """Drain and close."""
        self._app.start_draining()
        await asyncio.sleep(NOTICE_SECONDS)
        await self._runner.cleanup()
        self._app.close()
        if self._telling is not None:
            await ended(self._telling)
            await self.tells_uses()
        await self.bus.stop()
        await self.limiter.close()
        await self._line.close()


async def run_edge(settings: Settings, environment: Mapping[str, str], *, clock: Clock | None = None) -> None:
    """Run an edge until told to stop."""
    process = EdgeProcess(settings, environment, clock=clock)
    freeze_what_stays()
    await process.start()
    await until_told()
    log.info("draining", extra={"in_flight": process.client.in_flight})
    await process.stop()
    log.info("stopped")
