"""What can be wrong with RabbitMQ: reach and password per role, version, queue type, topology."""

import asyncio
import re

import aiormq

from config.sections import BrokerSettings, Role
from config.urls import redacted
from runtime.doctor.finding import Finding, fail, ok, warn
from runtime.topology import COMMANDS, EVENTS, INGRESS, QUERIES, REPLIES

ANSWER_SECONDS = 5
OLDEST, FIRST_UNTRIED = (3, 10), (5, 0)
QUORUM_FROM = (4, 3)
ROLES: tuple[Role, ...] = ("edge", "actors", "topology")


async def look_at_broker(settings: BrokerSettings) -> list[Finding]:
    """Every check of the given RabbitMQ: once per role that has credentials of its own."""
    if settings.url is None:
        return []
    by_url: dict[str, list[str]] = {}
    for role in ROLES:
        by_url.setdefault(settings.url_for(role), []).append(role)
    found: list[Finding] = []
    for url, roles in by_url.items():
        found += await _as_user(url, settings, " and ".join(roles) if len(by_url) > 1 else "", whole=not found)
    if len(by_url) == 1:
        found.append(warn("broker users", f"one user for {', '.join(ROLES)}; give each its own (broker.passwords)"))
    return found


async def _as_user(url: str, settings: BrokerSettings, roles: str, *, whole: bool) -> list[Finding]:
    what = f"RabbitMQ ({roles})" if roles else "RabbitMQ"
    connection = aiormq.Connection(url)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await connection.connect()
            raw = connection.server_properties.get("version", b"?")
            said = raw.decode() if isinstance(raw, bytes | bytearray) else str(raw)
            found = [version(what, said, redacted(url), settings.queue_type)]
            if whole:
                found.append(await _topology(connection))
            return found
    except (aiormq.AMQPError, OSError, TimeoutError) as wrong:
        return [fail(what, f"{redacted(url)} cannot be reached: {_reason(wrong)}")]
    finally:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await connection.close()
        except (aiormq.AMQPError, OSError, TimeoutError):
            pass  # it is being left anyway


def version(what: str, said: str, where: str, queue_type: str) -> Finding:
    """Whether it is a version that is tried, and has what the queue type needs."""
    match = re.match(r"(\d+)\.(\d+)", said)
    if match is None:
        return fail(what, f"{where} says it is {said[:40]!r}, not RabbitMQ")
    running = (int(match[1]), int(match[2]))
    if running < OLDEST:
        return fail(what, f"{said} at {where}; {OLDEST[0]}.{OLDEST[1]} or later is needed")
    if queue_type == "quorum" and running < QUORUM_FROM:
        return fail(
            what,
            f"{said} at {where}; broker.queue_type quorum needs {QUORUM_FROM[0]}.{QUORUM_FROM[1]}: priorities would vanish",
        )
    if running >= FIRST_UNTRIED:
        return warn(what, f"{said} at {where}; tried up to 4.x")
    return ok(what, f"{said} at {where}")


async def _topology(connection: aiormq.abc.AbstractConnection) -> Finding:
    for exchange in (COMMANDS, QUERIES, EVENTS, REPLIES, INGRESS):
        channel = await connection.channel()
        try:
            await channel.exchange_declare(exchange, passive=True)
        except aiormq.ChannelNotFoundEntity:
            return warn("topology", f"the exchange {exchange} is missing; an actors' process with the topology user makes it")
        except aiormq.ChannelAccessRefused:
            continue  # this user may not see it; the one who declares does
        await channel.close()
    return ok("topology", "the exchanges are there")


def _reason(wrong: BaseException) -> str:
    return str(wrong).splitlines()[0][:200] if str(wrong) else type(wrong).__name__
