"""Pools: how many replicas of an actor run, and how. Read at the start and again whenever the operator says so."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from config.errors import ConfigError
from config.layers import Section, environment_layer, file_layers, overlay, validated

KEYED_PARTITIONS = 16
"""Fixed: the hash of a key modulo this names its queue, so another number would send a key's messages elsewhere."""


class Mailbox(StrEnum):
    """How an actor's commands are queued."""

    KEYED = "keyed"
    """16 partitions by the hash of the message's key, one active consumer each."""
    STREAM = "stream"
    """One ordered queue, handled in batch turns."""
    COMPETING = "competing"
    """One queue, any number of consumers, no order."""

    @property
    def partitions(self) -> int:
        """How many partitions the actor has; 0 where there is no order to keep."""
        return {Mailbox.KEYED: KEYED_PARTITIONS, Mailbox.STREAM: 1, Mailbox.COMPETING: 0}[self]


def parse_partitions(value: object) -> object:
    """`0-3,8` or a list of numbers as a sorted list without repeats."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        return value
    numbers: set[int] = set()
    for part in parts:
        first, _, last = str(part).strip().partition("-")
        last = last or first
        if not (first.strip().isdecimal() and last.strip().isdecimal()) or len(first + last) > 8:
            raise ValueError("write partitions as 0-15, as 0-3,8, or as a list of numbers")
        if int(first) > int(last) or int(last) >= KEYED_PARTITIONS:
            raise ValueError(f"partitions run from 0 to {KEYED_PARTITIONS - 1}, the lower first; not {str(part).strip()!r}")
        numbers.update(range(int(first), int(last) + 1))
    return sorted(numbers)


class QuerySettings(Section):
    """The queue of the actor's queries: competing, not persistent."""

    concurrency: int = Field(8, ge=1, le=1_000)
    """Queries answered at once, per replica."""
    prefetch: int = Field(32, ge=1, le=10_000)
    """Queries that the broker hands out ahead of their answers, per replica."""


class RestartSettings(Section):
    """What the supervisor does when a replica falls over."""

    first_seconds: float = Field(0.5, gt=0, le=60)
    """The wait before the first restart; it doubles with each, give or take a jitter."""
    cap_seconds: float = Field(30, gt=0, le=3_600)
    """The longest wait."""
    steady_seconds: float = Field(60, gt=0, le=3_600)
    """After so long without a fall, the next wait is the first again."""


class RetrySettings(Section):
    """What happens to a message whose turn fails by its own fault (not: the database is away)."""

    in_place: int = Field(3, ge=0, le=10)
    """Repeats at once, while only its own key waits."""
    in_place_first_seconds: float = Field(0.05, gt=0, le=10)
    """The wait before the first of them; it grows fourfold, give or take half."""
    parked: int = Field(6, ge=0, le=50)
    """Repeats from the parking place, in order with what came for the same key since."""
    parked_first_seconds: float = Field(1, gt=0, le=600)
    """The wait before the first of those; it doubles, with full jitter."""
    parked_cap_seconds: float = Field(600, gt=0, le=86_400)
    """The longest wait."""
    exhausted: Literal["continue", "hold"] = "continue"
    """When the message has become a dead letter: does its key go on, or is it held until an operator has decided?"""


class PoolSettings(Section):
    """One pool."""

    actor: str = Field(pattern=r"^actors\.[a-z][a-z_]*$", max_length=80)
    """The actor's package, as a word: `actors.ledger`."""
    mailbox: Mailbox
    """How its commands are queued: keyed, stream or competing. Belongs to the actor: all its pools say the same."""
    replicas: int = Field(1, ge=1, le=64)
    """Mailboxes opened per process. A second one on the same partitions is a standby."""
    prefetch: int = Field(64, ge=1, le=10_000)
    """Messages that the broker hands to a consumer ahead of their acks. Each is a place where a higher priority waits."""
    concurrency: int = Field(8, ge=1, le=1_000)
    """Keys (or, competing, messages) worked on at once, per replica, in all its partitions together. What is taken as a batch counts
    once."""
    batch: int = Field(1, ge=1, le=2_000)
    """Messages that one batch turn takes at most, in one transaction; of a keyed mailbox each has another key. 1: no batches."""
    partitions: Annotated[tuple[int, ...] | None, BeforeValidator(parse_partitions)] = None
    """The partitions that this process may serve, as 0-15 or a list. Not set: all of the actor's."""
    priority: int = Field(0, ge=0, le=10)
    """Consumer priority: the broker prefers higher ones while they keep up."""
    queries: QuerySettings = QuerySettings()
    restart: RestartSettings = RestartSettings()
    retry: RetrySettings = RetrySettings()

    @model_validator(mode="after")
    def _fits_together(self) -> "PoolSettings":
        if self.batch > self.prefetch * (
            self.mailbox.partitions if self.mailbox is Mailbox.KEYED else 1
        ):  # filled by all partitions
            raise ValueError(f"batch {self.batch} can never fill with prefetch {self.prefetch}; raise prefetch or lower batch")
        if self.partitions is not None and any(number >= self.mailbox.partitions for number in self.partitions):
            count = self.mailbox.partitions
            raise ValueError(
                f"a {self.mailbox} mailbox has {f'{count} partitions, from 0' if count else 'no partitions to choose from'}"
            )
        if self.restart.first_seconds > self.restart.cap_seconds:
            raise ValueError("restart.first_seconds is above restart.cap_seconds")
        if self.retry.parked_first_seconds > self.retry.parked_cap_seconds:
            raise ValueError("retry.parked_first_seconds is above retry.parked_cap_seconds")
        return self

    def with_changes(self, changes: Mapping[str, object]) -> "PoolSettings":
        """These settings with some of them changed. ConfigError says, key by key, what may not be."""
        try:
            return PoolSettings.model_validate({**self.model_dump(mode="json"), **changes})
        except ValidationError as wrong:
            raise ConfigError(
                ": ".join([*(str(part) for part in error["loc"]), error["msg"].removeprefix("Value error, ")])
                for error in wrong.errors(include_url=False)
            ) from None

    @property
    def actor_name(self) -> str:
        """The first part of the wire names it handles: `ledger`."""
        return self.actor.rpartition(".")[2]

    @property
    def served(self) -> tuple[int, ...]:
        """The partitions that this process serves."""
        return tuple(range(self.mailbox.partitions)) if self.partitions is None else self.partitions


PoolName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class _Pools(Section):
    pools: dict[PoolName, PoolSettings] = Field(default_factory=dict, max_length=200)

    @field_validator("pools")
    @classmethod
    def _one_mailbox_per_actor(cls, pools: dict[str, PoolSettings]) -> dict[str, PoolSettings]:
        kinds: dict[str, tuple[str, Mailbox]] = {}
        for name, pool in pools.items():
            other, kind = kinds.setdefault(pool.actor, (name, pool.mailbox))
            if kind is not pool.mailbox:
                raise ValueError(f"{name} and {other} run {pool.actor} with different mailboxes, {pool.mailbox} and {kind}")
        return pools


def load_pools(config_dir: Path | None = None, environment: Mapping[str, str] | None = None) -> dict[str, PoolSettings]:
    """The pools by name. May be called again in a running process: a ConfigError says what is wrong, nothing has changed."""
    layers = [*file_layers(config_dir, "pools.yaml"), environment_layer(environment or {}, only="pools")]
    return validated(_Pools, overlay(layers)).pools
