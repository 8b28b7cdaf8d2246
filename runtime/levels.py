"""Levels of priority: what comes above a level, and whether a queue takes anything more urgent than a message.

The broker hands out the most urgent first, for ever; a message can starve only where its queue takes more urgent types.
"""

from functools import lru_cache

from messages.base import Command, Job, Priority, all_message_types, message_type
from runtime.envelope import Envelope
from runtime.topology import COMMANDS, Mailbox, Topology


def level_above(level: int) -> int:
    """The next level; the highest stays."""
    return min((int(each) for each in Priority if each > level), default=level)


def may_starve(envelope: Envelope, receiver: str, topology: Topology) -> bool:
    """Whether more urgent messages may come before it in the receiver's queue."""
    mailbox = topology.mailboxes.get(receiver)
    if mailbox is None:
        return False
    return (
        _most_urgent_command(receiver) if envelope.exchange == COMMANDS else _most_urgent_event(mailbox)
    ) > envelope.priority


@lru_cache(maxsize=256)
def _most_urgent_command(actor: str) -> int:
    kinds = (kind for kind in all_message_types() if kind.actor == actor and issubclass(kind, Command | Job))
    return max((int(kind.priority) for kind in kinds), default=0)


@lru_cache(maxsize=256)
def _most_urgent_event(mailbox: Mailbox) -> int:
    kinds = (message_type(wire) for wire in mailbox.events)
    return max((int(kind.priority) for kind in kinds if kind is not None), default=0)
