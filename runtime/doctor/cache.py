"""What can be wrong with Redis or Valkey: reach, version, clock."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from config.sections import RedisSettings
from config.urls import redacted
from runtime.clock import Clock
from runtime.doctor.database import clock_skew
from runtime.doctor.finding import Finding, fail, ok

ANSWER_SECONDS = 5
OLDEST_REDIS = 7


async def look_at_redis(settings: RedisSettings, clock: Clock) -> list[Finding]:
    """Every check of the given Redis."""
    if settings.url is None:
        return []
    client: Redis = Redis.from_url(settings.url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS)
    where = redacted(settings.url)
    try:
        server: Mapping[str, Any] = await client.info("server")
        seconds, microseconds = await client.time()
    except (RedisError, OSError, TimeoutError) as wrong:
        return [
            fail("Redis", f"{where} cannot be reached: {str(wrong).splitlines()[0] if str(wrong) else type(wrong).__name__}")
        ]
    finally:
        await client.aclose()
    theirs = datetime.fromtimestamp(seconds + microseconds / 1_000_000, UTC)
    return [version(server, where), clock_skew("Redis's clock", (theirs - clock.now()).total_seconds())]


def version(server: Mapping[str, Any], where: str) -> Finding:
    """Redis 7 or later, or any Valkey, which began after it."""
    if valkey := server.get("valkey_version"):
        return ok("Redis", f"Valkey {valkey} at {where}")
    said = str(server.get("redis_version", "?"))
    if not said.split(".", maxsplit=1)[0].isdigit() or int(said.split(".", maxsplit=1)[0]) < OLDEST_REDIS:
        return fail("Redis", f"{said} at {where}; {OLDEST_REDIS} or later is needed, or Valkey")
    return ok("Redis", f"{said} at {where}")
