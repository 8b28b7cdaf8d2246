"""An operator at the command line speaks to the running house as everybody does: by message, mostly to the `operations` actor.

Messages are named by their wire names, because the runtime knows no vocabulary. Whoever has the edge's broker password may
speak as an operator; what was done is written down under their name.
"""

import asyncio
import getpass
import socket
from collections.abc import Mapping
from typing import Any, get_args

from config.pools import load_pools
from config.sections import Settings
from config.urls import redacted
from messages.base import Command, Message, Query, Reply, message_type
from runtime.bus import Bus
from runtime.client import Client, reply_of
from runtime.clock import SystemClock
from runtime.errors import Unavailable
from runtime.house import load_vocabularies
from runtime.principal import Principal
from runtime.topology import Mailbox, MailboxKind, Topology

CONNECT_SECONDS = 10
ADMINISTRATOR = "admin"
"""The role of roles.yaml that an operator has."""


def operator() -> Principal:
    """Whoever runs this command."""
    return Principal("system", f"operator:{getpass.getuser()}@{socket.gethostname()}", (ADMINISTRATOR,))


def message_of(wire: str, fields: Mapping[str, Any]) -> Message:
    """The message of this wire name. pydantic's ValidationError where the fields are no good."""
    load_vocabularies()
    kind = message_type(wire)
    if kind is None:
        raise LookupError(f"no vocabulary has {wire}")
    return kind.model_validate(fields)


async def say(settings: Settings, environment: Mapping[str, str], message: Message) -> dict[str, Any]:
    """Say it and wait for the answer, as JSON. Unavailable: broker or actor are away; a refusal is raised as its class."""
    assert isinstance(message, Command | Query)
    broker = settings.broker
    bus = Bus(
        broker.url_for("edge"),
        user=broker.user_for("edge"),
        name="coffer command line",
        heartbeat_seconds=broker.heartbeat_seconds,
    )
    actor = message.actor
    topology = Topology({actor: Mailbox(actor, _kind_of_mailbox(settings, environment, actor))}, (), broker.queue_type)
    client = Client(bus, topology, SystemClock(), role="edge")
    await bus.start()
    try:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await bus.ready()
        except TimeoutError:
            raise Unavailable(f"the broker at {redacted(broker.url_for('edge'))} cannot be reached") from None
        answer = await client.call(message, principal=operator())
        reply: Reply = reply_of(message, answer)
        return reply.model_dump(mode="json")
    finally:
        await bus.stop()


def _kind_of_mailbox(settings: Settings, environment: Mapping[str, str], actor: str) -> MailboxKind:
    pools = load_pools(settings.config_dir, environment).values()
    kinds: dict[str, MailboxKind] = {str(kind): kind for kind in get_args(MailboxKind)}
    return next((kinds[pool.mailbox] for pool in pools if pool.actor_name == actor), "competing")
