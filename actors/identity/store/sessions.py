"""Sessions as they are kept: begun, checked, listed, ended."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from actors.identity.rules.access_tokens import Proof
from actors.identity.store.transaction import Transaction
from messages.identity import CheckedSession, Session, SessionId
from messages.ids import MemberId, UserId
from runtime.statements import Statements

_sql = Statements.beside(__file__, "sessions.sql")


class Sessions:
    """Reads and writes sessions; decides nothing."""

    async def begin_session(
        self,
        db: Transaction,
        session_id: UUID,
        user_id: UUID,
        proof: Proof,
        ends_at: datetime,
        device: str,
        address: str,
    ) -> None:
        arguments = (session_id, user_id, proof.at, ends_at, device, address, list(proof.by))
        await db.execute(_sql["begin_session"], *arguments)

    async def forget_sessions(self, db: Transaction, user_id: UUID, over_before: datetime) -> None:
        await db.execute(_sql["forget_sessions"], user_id, over_before)

    async def checked_session(self, db: Transaction, session_id: UUID, now: datetime) -> CheckedSession | None:
        """What a living session's user is now."""
        row = await db.fetchrow(_sql["checked_session"], session_id, now)
        if row is None:
            return None
        return CheckedSession(
            user_id=UserId(row["user_id"]),
            roles=tuple(row["roles"]),
            member_id=None if row["member_id"] is None else MemberId(row["member_id"]),
            branch=row["branch"],
            ends_at=row["ends_at"],
            authenticated_at=row["authenticated_at"],
            amr=tuple(row["amr"]),
            must_change_password=row["must_change_password"],
        )

    async def sessions(
        self, db: Transaction, user_id: UUID, now: datetime, used_after: datetime, limit: int, current: UUID | None
    ) -> list[Session]:
        """The living sessions of a user, the last used first."""
        rows = await db.fetch(_sql["sessions"], user_id, now, used_after, limit, current)
        return [_session(row, current) for row in rows]

    async def sessions_were_used(self, db: Transaction, moments: Mapping[SessionId, datetime]) -> None:
        """Keep when sessions were used last, where that is later than what is known."""
        await db.execute(_sql["sessions_were_used"], list(moments), list(moments.values()))

    async def session_was_used(self, db: Transaction, session_id: UUID, now: datetime) -> None:
        await db.execute(_sql["session_was_used"], session_id, now)

    async def revoke_session(self, db: Transaction, session_id: UUID, now: datetime, because: str) -> UUID | None:
        """The user whose session it was; None where it was over already."""
        user_id: UUID | None = await db.fetchval(_sql["revoke_session"], session_id, now, because)
        return user_id

    async def revoke_own_session(self, db: Transaction, session_id: UUID, user_id: UUID, now: datetime, because: str) -> bool:
        """Whether the user had this session."""
        return await db.fetchval(_sql["revoke_own_session"], session_id, user_id, now, because) is not None

    async def revoke_sessions(
        self, db: Transaction, user_id: UUID, now: datetime, because: str, *, but: UUID | None = None
    ) -> list[SessionId]:
        """The sessions that lived until now."""
        return [SessionId(row["session_id"]) for row in await db.fetch(_sql["revoke_sessions"], user_id, now, because, but)]

    async def end_surplus_sessions(
        self, db: Transaction, user_id: UUID, now: datetime, because: str, most: int
    ) -> list[SessionId]:
        """The sessions that were one too many."""
        rows = await db.fetch(_sql["end_surplus_sessions"], user_id, now, because, most)
        return [SessionId(row["session_id"]) for row in rows]


def _session(row: Any, current: UUID | None) -> Session:
    return Session(
        session_id=SessionId(row["session_id"]),
        device=row["device"],
        address=row["address"],
        began_at=row["began_at"],
        last_used_at=row["last_used_at"],
        ends_at=row["ends_at"],
        current=row["session_id"] == current,
    )
