"""The operators' actor: dead letters and pools. It speaks of the runtime's own tables, which the runtime's modules keep."""

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from config.errors import ConfigError
from config.pools import PoolSettings, load_pools
from config.sections import Settings
from messages.base import Invalid
from messages.operations import (
    ChangePool,
    DeadLetter,
    DeadLetterNotFound,
    DeadLetterPage,
    DeadLetterResolved,
    DeadLetterUnreadable,
    DiscardDeadLetter,
    GetDeadLetter,
    GetReadiness,
    ListDeadLetters,
    ListPools,
    PoolChanged,
    PoolList,
    PoolNotFound,
    PoolState,
    Readiness,
    ReplayDeadLetter,
    ResetPool,
)
from runtime import dead_letters, parking, pool_changes
from runtime.actor import Actor, Turn, handles
from runtime.paging import decode_cursor, encode_cursor


class Operations(Actor):
    """Shows what could not be handled and how the pools are; replays, discards, changes."""

    name = "operations"

    def __init__(self, pools: Mapping[str, PoolSettings]) -> None:
        self._pools = pools

    @classmethod
    def configured(cls, settings: Settings) -> Self:
        """It knows the pools of the files."""
        return cls(load_pools(settings.config_dir, os.environ))

    @handles
    async def list_dead_letters(self, query: ListDeadLetters, turn: Turn) -> DeadLetterPage:
        before: tuple[datetime, UUID] | None = None
        if query.cursor is not None:
            moment, letter_id = decode_cursor(query.cursor, 2)
            try:
                before = datetime.fromisoformat(moment), UUID(letter_id)
            except ValueError:
                raise Invalid("This cursor did not come from the previous page.", field="cursor") from None
        found = await dead_letters.listed(turn, state=query.state, actor=query.mailbox, before=before, limit=query.limit + 1)
        page = [_shown(row) for row in found[: query.limit]]
        more = len(found) > query.limit
        cursor = encode_cursor(page[-1].last_at.isoformat(), str(page[-1].id)) if more else None
        return DeadLetterPage(items=tuple(page), next_cursor=cursor)

    @handles
    async def get_dead_letter(self, query: GetDeadLetter, turn: Turn) -> DeadLetter:
        found = await dead_letters.shown(turn, query.dead_letter_id)
        if found is None:
            raise DeadLetterNotFound
        return _shown(found)

    @handles
    async def replay_dead_letter(self, command: ReplayDeadLetter, turn: Turn) -> DeadLetter:
        await self._refuse_resolved(turn, command.dead_letter_id)
        found = await dead_letters.resolve(
            turn, command.dead_letter_id, state="replayed", note=command.note, by=turn.principal.id
        )
        if found is None:
            raise DeadLetterResolved
        if "body" not in found["envelope"]:
            raise DeadLetterUnreadable
        await dead_letters.forget_attempts(turn, found["actor"], found["message_id"])
        again = dead_letters.to_replay(found)
        if not await parking.release(turn, found["actor"], parking.key_of(again), again.message_id, first=again):
            turn.say_again(again)
        return _shown(found)

    @handles
    async def discard_dead_letter(self, command: DiscardDeadLetter, turn: Turn) -> DeadLetter:
        await self._refuse_resolved(turn, command.dead_letter_id)
        found = await dead_letters.resolve(
            turn, command.dead_letter_id, state="discarded", note=command.note, by=turn.principal.id
        )
        if found is None:
            raise DeadLetterResolved
        if found["key"] is not None and found["message_id"] is not None:
            await parking.release(turn, found["actor"], found["key"], found["message_id"])
        return _shown(found)

    async def _refuse_resolved(self, turn: Turn, letter_id: UUID) -> None:
        found = await dead_letters.shown(turn, letter_id)
        if found is None:
            raise DeadLetterNotFound
        if found["state"] != "dead":
            raise DeadLetterResolved(state=found["state"])

    @handles
    async def list_pools(self, query: ListPools, turn: Turn) -> PoolList:
        del query
        return PoolList(items=tuple(PoolState(**each) for each in await pool_changes.living(turn)))

    @handles
    async def change_pool(self, command: ChangePool, turn: Turn) -> PoolChanged:
        if command.pool not in self._pools:
            raise PoolNotFound
        current = await pool_changes.changed(turn, command.pool, self._pools[command.pool])
        try:
            current.with_changes(command.changes())
        except ConfigError as wrong:
            raise Invalid(str(wrong), field=next(iter(command.changes()), None)) from None
        changes = await pool_changes.change(turn, command.pool, command.changes(), by=turn.principal.id)
        return PoolChanged(pool=command.pool, changes=changes)

    @handles
    async def reset_pool(self, command: ResetPool, turn: Turn) -> PoolChanged:
        if command.pool not in self._pools:
            raise PoolNotFound
        await pool_changes.reset(turn, command.pool)
        return PoolChanged(pool=command.pool, changes={})

    @handles
    async def get_readiness(self, query: GetReadiness, turn: Turn) -> Readiness:
        del query
        missing = await pool_changes.missing(turn, self._pools)
        return Readiness(ready=not missing, missing=missing)


def _shown(row: dict[str, Any]) -> DeadLetter:
    return DeadLetter(**row)
