"""What can go wrong in a turn, in three kinds that are treated apart.

Refusal (messages.base)      a business "no"      a reply; stored, never retried
Fault                        everything below
  MessageFault               of the message       bounded retries, then a dead letter with its reason
    Unreadable               not a message that anybody can handle: no retry, a dead letter at once
    NewerVersion             from a newer sender: waits, is not poison
  SurroundingsFault          of the surroundings  wait, hold, resume; never a dead letter
    Unavailable              told to whoever asked: try again later
    Fenced                   somebody else changed the rows meanwhile: do the turn again
"""

import asyncio
import re

import aiormq.exceptions
import asyncpg


class Fault(Exception):
    """The root of what is not a business answer."""


class MessageFault(Fault):
    """The message cannot be handled, and that is its own fault."""


class Unreadable(MessageFault):
    """The message does not pass the door. `reason` is a stable name such as `oversized`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class NewerVersion(MessageFault):
    """A version of a known message that this process does not know yet; a rolling deployment is not a poison."""


class SurroundingsFault(Fault):
    """Database or broker are away."""


class Unavailable(SurroundingsFault):
    """The answer cannot be had now. Ask again under the same id."""

    def __init__(self, reason: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class Fenced(SurroundingsFault):
    """A version check at the commit failed: this process was not alone."""


_TRANSIENT_STATES = ("40001", "40P01", "55P03", "57014", "25006", "53", "08", "57P")
"""SQLSTATEs (or their class) that say nothing about the message: serialization, deadlock, lock and statement timeout,
read-only standby, insufficient resources, connection exceptions, operator intervention."""


_LOST_CONNECTION = re.compile(
    r"connection is closed|pool is clos|connection is already closed|has been released back to the pool|cannot switch to state"
)
"""What asyncpg says of a connection that is gone. It uses the same class for a value that no column takes, or a wrong number of
arguments: those are the message's fault, or the handler's, and waiting would mend nothing."""


def is_surroundings(error: BaseException) -> bool:
    """Whether the error is a fault of the surroundings, so that the message waits and no attempt is burnt."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(_TRANSIENT_STATES)
    if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError):
        return _LOST_CONNECTION.search(str(error)) is not None
    return isinstance(
        error,
        SurroundingsFault | OSError | TimeoutError | asyncio.IncompleteReadError | aiormq.exceptions.AMQPError,
    )
