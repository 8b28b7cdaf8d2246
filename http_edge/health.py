"""Whether the edge is alive (`/health`), whether it should be given work (`/ready`), and what it counts (`/metrics`).

Anybody may ask the first two. Which piece is not ready, and the metrics, are for operators: a peer on this machine, with no
proxy in between, or a token with the permission `pools:read`.
"""

import asyncio
import logging
from collections.abc import Mapping
from ipaddress import ip_address

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from http_edge import metrics
from http_edge.api_keys import authorization_of
from http_edge.endpoint import Shared
from http_edge.needs import Readiness
from http_edge.problems import Problem
from http_edge.response import Response
from http_edge.router import Router
from http_edge.security import Gatekeeper
from runtime.clock import stopwatch_seconds

log = logging.getLogger("coffer.edge")

OPERATORS_PERMISSION = "pools:read"
SECONDS_TO_ANSWER = 2.0
"""For all pieces together; an orchestrator's probe waits about as long."""
SECONDS_TO_KEEP = 0.5
"""A storm of probes asks the pieces twice a second."""
_FORWARDED = ("Forwarded", "X-Forwarded-For", "Via", "X-Real-IP")


class Health:
    """The state of this edge and of what it stands on."""

    def __init__(self, readiness: Readiness, gatekeeper: Gatekeeper, shared: Shared) -> None:
        self.draining = False
        self._readiness = readiness
        self._gatekeeper = gatekeeper
        self._clock = shared.clock
        self._asking: asyncio.Task[Mapping[str, str | None]] | None = None
        self._asked_at = float("-inf")
        metrics.in_flight.set_function(lambda: shared.client.in_flight)

    def add_to(self, router: Router) -> None:
        """Put the three paths into the router."""
        router.add("GET", "/health", self._health)
        router.add("GET", "/ready", self._ready)
        router.add("GET", "/metrics", self._metrics)

    async def _health(self, _request: web.BaseRequest, _values: tuple[str, ...]) -> Response:
        return Response(200, b'{"status":"alive"}', now=self._now())

    async def _ready(self, request: web.BaseRequest, _values: tuple[str, ...]) -> Response:
        pieces: dict[str, str | None] = {"edge": "draining" if self.draining else None, **await self._pieces()}
        ready = not any(pieces.values())
        told: dict[str, object] = {"ready": ready}
        if await self._is_operator(request):
            told["pieces"] = {name: wrong or "ok" for name, wrong in pieces.items()}
        headers = {} if ready else {"Retry-After": "1"}
        return Response(200 if ready else 503, orjson.dumps(told), now=self._now(), headers=headers)

    async def _metrics(self, request: web.BaseRequest, _values: tuple[str, ...]) -> Response:
        if not await self._is_operator(request):
            raise Problem("forbidden")
        return Response(200, generate_latest(), now=self._now(), content_type=CONTENT_TYPE_LATEST)

    async def _pieces(self) -> Mapping[str, str | None]:
        if self._asking is None or stopwatch_seconds() - self._asked_at > SECONDS_TO_KEEP:
            self._asked_at = stopwatch_seconds()
            self._asking = asyncio.get_running_loop().create_task(self._ask_pieces())
        return await asyncio.shield(self._asking)

    async def _ask_pieces(self) -> Mapping[str, str | None]:
        try:
            async with asyncio.timeout(SECONDS_TO_ANSWER):
                return await self._readiness()
        except TimeoutError:
            return {"answers": f"none within {SECONDS_TO_ANSWER} s"}
        except Exception:
            log.exception("readiness")
            return {"answers": "the question failed"}

    async def _is_operator(self, request: web.BaseRequest) -> bool:
        if authorization := authorization_of(request.headers):
            known = self._gatekeeper.known(authorization, self._now())
            caller = known or await self._gatekeeper.admit(authorization, request)
            return OPERATORS_PERMISSION in caller.permissions
        if any(name in request.headers for name in _FORWARDED):
            return False
        try:
            return ip_address(request.remote or "").is_loopback
        except ValueError:
            return False

    def _now(self) -> float:
        return self._clock.now().timestamp()
