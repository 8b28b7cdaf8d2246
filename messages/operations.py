"""What operators say to the running house: dead letters and pools."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from messages.base import Command, Line, NotFound, Page, Query, Refusal, Reply

DeadLetterState = Literal["dead", "replayed", "discarded"]


class DeadLetterNotFound(NotFound):
    """There is no such dead letter."""

    rule = "dead_letter_not_found"


class DeadLetterResolved(Refusal):
    """This dead letter was replayed or discarded before."""

    rule = "dead_letter_resolved"
    status = 409


class DeadLetterUnreadable(Refusal):
    """This dead letter was never a message that could be handled, so that it cannot be replayed; discard it with a note."""

    rule = "dead_letter_unreadable"


class PoolNotFound(NotFound):
    """There is no such pool."""

    rule = "pool_not_found"


class DeadLetter(Reply):
    """A message that could not be handled."""

    id: UUID
    actor: str
    """Whose mailbox it was in."""
    message_id: UUID | None
    type: str
    """The message's wire name, as far as it could be read."""
    key: str | None
    reason: str
    """Stable name of why: `exhausted`, `kills_process`, `unparsable`, `unknown_type`, ..."""
    error: str
    attempts: int
    first_at: datetime
    last_at: datetime
    state: DeadLetterState
    note: str | None
    resolved_by: str | None
    resolved_at: datetime | None
    envelope: dict[str, Any]
    """The whole message."""


class DeadLetterPage(Page[DeadLetter]):
    """Dead letters, the last ones first."""


class ListDeadLetters(Query[DeadLetterPage], wire="operations.list_dead_letters.v1", permission="dead-letters:read"):
    """The messages that could not be handled, the last ones first."""

    state: DeadLetterState = "dead"
    """Which ones: still dead, replayed, or discarded."""
    mailbox: str | None = Field(None, max_length=60)
    """Only those of one actor's mailbox."""
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=200)


class GetDeadLetter(Query[DeadLetter], wire="operations.get_dead_letter.v1", permission="dead-letters:read"):
    """One dead letter with its whole message."""

    dead_letter_id: UUID


class ReplayDeadLetter(
    Command[DeadLetter], wire="operations.replay_dead_letter.v1", key="dead_letter_id", permission="dead-letters:manage"
):
    """Send the message again under its own id: what was done before is not done twice."""

    dead_letter_id: UUID
    note: Line | None = None


class DiscardDeadLetter(
    Command[DeadLetter], wire="operations.discard_dead_letter.v1", key="dead_letter_id", permission="dead-letters:manage"
):
    """Put the message away for good, with a note that says why."""

    dead_letter_id: UUID
    note: Line


class PoolState(Reply):
    """One pool in one process."""

    pool: str
    actor: str
    host: str
    pid: int
    consuming: bool
    """Whether each of its mailboxes is registered with the broker."""
    depth: int
    """Messages taken and not yet handled."""
    restarts: int
    replicas: int
    prefetch: int
    concurrency: int
    batch: int
    partitions: tuple[int, ...]
    priority: int
    seen_at: datetime


class PoolList(Reply):
    """All pools in all living processes."""

    items: tuple[PoolState, ...]


class ListPools(Query[PoolList], wire="operations.list_pools.v1", permission="pools:read"):
    """How the pools are, in every process that lives."""


class PoolChanged(Reply):
    """The settings that lie over the files from now on."""

    pool: str
    changes: dict[str, Any]


class ChangePool(Command[PoolChanged], wire="operations.change_pool.v1", key="pool", permission="pools:manage"):
    """Change a pool while it runs; the change holds until it is reset, also over restarts. Fields left out stay as they are."""

    pool: str = Field(max_length=40)
    replicas: int | None = Field(None, ge=1, le=64)
    prefetch: int | None = Field(None, ge=1, le=10_000)
    concurrency: int | None = Field(None, ge=1, le=1_000)
    batch: int | None = Field(None, ge=1, le=2_000)
    partitions: tuple[int, ...] | None = None
    consumer_priority: int | None = Field(None, ge=0, le=10)
    """The broker prefers consumers of a higher one while they keep up."""

    def changes(self) -> dict[str, Any]:
        """What is to change, under the names of pools.yaml."""
        changes = self.model_dump(mode="json", exclude={"pool"}, exclude_none=True)
        return {"priority" if name == "consumer_priority" else name: value for name, value in changes.items()}


class ResetPool(Command[PoolChanged], wire="operations.reset_pool.v1", key="pool", permission="pools:manage"):
    """Let the files decide about a pool again."""

    pool: str = Field(max_length=40)


class Readiness(Reply):
    """Whether the actors are there: each actor's pools consume somewhere."""

    ready: bool
    missing: tuple[str, ...]
    """Actors that nobody consumes for."""


class GetReadiness(Query[Readiness], wire="operations.get_readiness.v1"):
    """Whether every actor is there and answers."""
