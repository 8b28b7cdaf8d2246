"""What several do at the same moment to one user's access: it ends as if they had done it one after the other.

A row is held until all of them wait for it, and let go: so they meet each time, not once in a thousand.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import bcrypt
import pytest

from actors.identity.rules import passwords
from messages.access import AccessRequest, ApproveAccessRequest, GetAccessRequest, RejectAccessRequest
from messages.base import Refusal
from messages.identity import (
    CheckSession,
    DisableUser,
    EndUserSessions,
    GetUser,
    ListSessions,
    Login,
    LoginAnswer,
    LogoutEverywhere,
    RefreshTokens,
    RequirePasswordChange,
    SetRoles,
    Tokens,
    User,
)
from messages.ids import new_id
from runtime.principal import Principal
from tests.actors.identity.test_logging_in import PASSWORD, claims, created, logged_in, refreshed
from tests.actors.identity.test_users import administrators, no_other_administrators
from tests.bank import Bank, House, until

MAKER, CHECKER, OTHER_CHECKER = (Principal("user", str(new_id()), ("admin",)) for _ in range(3))
SYSTEM = Principal("actor", "test")
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def approval(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes of roles need approval, as in production."""
    monkeypatch.setattr(house.actors.pools["identity"].actor, "needs_approval", True)


@contextlib.asynccontextmanager
async def held(bank: Bank, statement: str, *arguments: Any) -> AsyncIterator[None]:
    """Rows that nobody else gets until the end."""
    async with bank.database.acquire() as connection, connection.transaction():
        await connection.execute(f"{statement} FOR UPDATE", *arguments)
        yield


async def somebody_waits(bank: Bank, number: int) -> bool:
    """Whether so many turns wait for a row."""
    return bool(await bank.database.fetchval(WAITING) >= number)


def user_row(bank: Bank, *users: User) -> contextlib.AbstractAsyncContextManager[None]:
    return held(bank, "SELECT FROM identity.login WHERE user_id = ANY ($1)", [user.user_id for user in users])


async def meet(bank: Bank, row: contextlib.AbstractAsyncContextManager[None], *turns: Awaitable[Any]) -> list[Any]:
    """Their answers, or refusals, where each waited for the row in the order in which they stand here."""
    begun: list[asyncio.Future[Any]] = []
    async with row:
        for turn in turns:
            begun.append(asyncio.ensure_future(turn))
            with contextlib.suppress(AssertionError):  # of the same key the house itself lets only one begin
                await until(lambda: somebody_waits(bank, len(begun)), within_seconds=0.3)
    answers = await asyncio.gather(*begun, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, Refusal):
            raise answer
    return answers


def refusals(answers: list[Any]) -> list[str]:
    return [answer.rule for answer in answers if isinstance(answer, Refusal)]


async def asks(bank: Bank, user: User, *roles: str) -> AccessRequest:
    return await bank.says(SetRoles(user_id=user.user_id, roles=roles, reason="promoted"), as_=MAKER)


def approves(bank: Bank, request: AccessRequest, who: Principal = CHECKER) -> Awaitable[AccessRequest]:
    return bank.says(ApproveAccessRequest(request_id=request.request_id), as_=who)


def disables(bank: Bank, user: User, who: Principal | None = None) -> Awaitable[User]:
    return bank.says(DisableUser(user_id=user.user_id, reason="left"), as_=who)


async def told(bank: Bank, wire: str, about: str) -> int:
    """How many such events name this."""
    rows = await bank.database.fetch("SELECT envelopes FROM runtime.outbox WHERE actor = 'identity'")
    return sum(1 for row in rows if f'"{wire}"'.encode() in row["envelopes"] and about.encode() in row["envelopes"])


async def is_out(bank: Bank, user: User, tokens: Tokens) -> bool:
    """Whether nothing is left of a login: its session lives nowhere, and its refresh token is good for nothing."""
    with bank.refuses("session_over"):
        await bank.says(CheckSession(session_id=(await claims(bank, tokens)).sid))  # type: ignore[arg-type]  # a UUID
    with bank.refuses("refresh_token_invalid"):
        await refreshed(bank, tokens)
    me = Principal("user", str(user.user_id), user.roles)
    return not (await bank.says(ListSessions(), as_=me)).items


@pytest.mark.usefixtures("approval")
class TestRequests:
    """One request, several who decide."""

    async def test_of_two_who_approve_one_does(self, bank: Bank) -> None:
        user = await created(bank, roles=("auditor",), as_=SYSTEM)
        request = await asks(bank, user, "teller")
        answers = await meet(bank, user_row(bank, user), approves(bank, request), approves(bank, request, OTHER_CHECKER))
        assert refusals(answers) == ["access_request_decided"]
        now = await bank.says(GetUser(user_id=user.user_id))
        assert (now.roles, now.version) == (("teller",), user.version + 1)
        assert await told(bank, "identity.roles_changed.v1", str(user.user_id)) == 1

    async def test_who_approves_and_who_rejects_agree_on_what_became_of_it(self, bank: Bank) -> None:
        user = await created(bank, roles=("auditor",), as_=SYSTEM)
        request = await asks(bank, user, "teller")
        rejects = bank.says(RejectAccessRequest(request_id=request.request_id, note="no"), as_=OTHER_CHECKER)
        answers = await meet(bank, user_row(bank, user), rejects, approves(bank, request))
        assert refusals(answers) == ["access_request_decided"]
        status = (await bank.says(GetAccessRequest(request_id=request.request_id))).status
        assert ((await bank.says(GetUser(user_id=user.user_id))).roles == ("teller",)) == (status == "approved")

    @pytest.mark.parametrize("first", ["approval", "change"])
    async def test_a_role_that_is_taken_away_meanwhile_is_not_given_back(self, bank: Bank, first: str) -> None:
        """The user is disabled while somebody approves what was asked for when they were not."""
        user = await created(bank, roles=("auditor",), as_=SYSTEM)
        request = await asks(bank, user, "manager")
        turns = [approves(bank, request), disables(bank, user)]
        answers = await meet(bank, user_row(bank, user), *(turns if first == "approval" else reversed(turns)))
        now = await bank.says(GetUser(user_id=user.user_id))
        assert now.disabled
        was_approved = not refusals(answers)
        assert now.roles == (("manager",) if was_approved else ("auditor",))
        status = (await bank.says(GetAccessRequest(request_id=request.request_id))).status
        assert (status, refusals(answers)) == (("approved", []) if was_approved else ("void", ["access_request_void"]))

    async def test_of_two_requests_about_a_user_one_counts_and_the_other_is_void(self, bank: Bank) -> None:
        user = await created(bank, roles=("auditor",), as_=SYSTEM)
        one, other = await asks(bank, user, "teller"), await asks(bank, user, "manager")
        answers = await meet(bank, user_row(bank, user), approves(bank, one), approves(bank, other, OTHER_CHECKER))
        assert refusals(answers) == ["access_request_void"]
        assert len((await bank.says(GetUser(user_id=user.user_id))).roles) == 1

    async def test_what_is_approved_for_two_administrators_at_once_leaves_one(self, bank: Bank) -> None:
        one, other = [await created(bank, roles=("admin",), as_=SYSTEM) for _ in range(2)]
        requests = [await asks(bank, each, "teller") for each in (one, other)]
        async with no_other_administrators(bank, one, other):
            answers = await meet(bank, user_row(bank, one, other), *(approves(bank, each) for each in requests))
            assert refusals(answers) == ["last_administrator"]
            assert len(await administrators(bank)) == 1
            statuses = {(await bank.says(GetAccessRequest(request_id=each.request_id))).status for each in requests}
        assert statuses == {"approved", "pending"}


async def test_of_two_administrators_who_leave_at_once_one_stays(bank: Bank) -> None:
    one, other = [await created(bank, roles=("admin",)) for _ in range(2)]
    async with no_other_administrators(bank, one, other):
        leave = [disables(bank, each, Principal("user", str(each.user_id), ("admin",))) for each in (one, other)]
        assert refusals(await meet(bank, user_row(bank, one, other), *leave)) == ["last_administrator"]
        assert len(await administrators(bank)) == 1


async def test_the_last_administrator_does_not_leave(bank: Bank) -> None:
    last = await created(bank, roles=("admin",))
    async with no_other_administrators(bank, last):
        with bank.refuses("last_administrator"):
            await disables(bank, last, Principal("user", str(last.user_id), ("admin",)))
        with bank.refuses("own_access"):
            oneself = Principal("user", str(last.user_id), ("admin",))
            await bank.says(SetRoles(user_id=last.user_id, roles=("teller",)), as_=oneself)
        assert len(await administrators(bank)) == 1


ENDS: dict[str, Any] = {
    "disabled": lambda user: DisableUser(user_id=user.user_id, reason="left"),
    "ended": lambda user: EndUserSessions(user_id=user.user_id),
}


@pytest.mark.parametrize("first", ["refresh", "end"])
@pytest.mark.parametrize("how", ENDS)
async def test_nothing_is_left_of_a_session_that_is_refreshed_while_it_ends(bank: Bank, how: str, first: str) -> None:
    user = await created(bank)
    tokens = await logged_in(bank, user)
    session = held(bank, "SELECT FROM identity.session WHERE session_id = $1", (await claims(bank, tokens)).sid)
    turns = [bank.says(RefreshTokens(refresh_token=tokens.refresh_token)), bank.says(ENDS[how](user))]
    answers = await meet(bank, session, *(turns if first == "refresh" else reversed(turns)))
    assert refusals(answers) in ([], ["refresh_token_invalid"])
    issued = [answer for answer in answers if isinstance(answer, Tokens | LoginAnswer)]
    assert len(issued) == (first == "refresh")
    for each in (tokens, *issued):
        assert await is_out(bank, user, each)


@pytest.mark.parametrize("first", ["login", "end"])
@pytest.mark.parametrize("how", ENDS)
async def test_nothing_is_left_of_a_login_while_its_user_is_put_out(bank: Bank, how: str, first: str) -> None:
    user = await created(bank)
    turns = [bank.says(Login(username=user.username, password=PASSWORD)), bank.says(ENDS[how](user))]
    answers = await meet(bank, user_row(bank, user), *(turns if first == "login" else reversed(turns)))
    issued = [answer for answer in answers if isinstance(answer, Tokens | LoginAnswer)]
    if how == "disabled":
        assert refusals(answers) == ([] if issued else ["wrong_credentials"])
        with bank.refuses("wrong_credentials"):
            await logged_in(bank, user)
    if how == "disabled" or first == "login":
        for each in issued:
            assert await is_out(bank, user, each)


async def test_who_logs_in_while_another_password_is_asked_for_must_choose_one(bank: Bank) -> None:
    user = await created(bank)
    [_, tokens] = await meet(
        bank,
        user_row(bank, user),
        bank.says(RequirePasswordChange(user_id=user.user_id)),
        bank.says(Login(username=user.username, password=PASSWORD)),
    )
    checked = await bank.says(CheckSession(session_id=(await claims(bank, tokens)).sid))  # type: ignore[arg-type]  # a UUID
    assert checked.must_change_password


async def cost_of(bank: Bank, user: User) -> int:
    return passwords.cost_of(
        await bank.database.fetchval("SELECT password_hash FROM identity.login WHERE user_id = $1", user.user_id)
    )


async def test_logins_that_would_all_write_the_costlier_hash_do_not_wait_in_a_circle(bank: Bank, house: House) -> None:
    user = await created(bank)
    identity: Any = house.actors.pools["identity"].actor
    usual = identity.settings
    identity.settings = usual.model_copy(update={"bcrypt_cost": usual.bcrypt_cost + 1})
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    before = await bank.database.fetchval(deadlocks)
    try:
        answers = await meet(bank, user_row(bank, user), logged_in(bank, user), logged_in(bank, user))
        assert refusals(answers) == []
        assert await bank.database.fetchval(deadlocks) == before
        await logged_in(bank, user)
        assert await cost_of(bank, user) == usual.bcrypt_cost + 1
    finally:
        identity.settings = usual


@pytest.mark.parametrize(("now", "told"), [(PASSWORD, []), ("another horse battery staple", ["wrong_credentials"])])
async def test_a_password_that_is_hashed_anew_meanwhile_is_right_and_another_wrong(
    bank: Bank, now: str, told: list[str]
) -> None:
    user = await created(bank)
    async with bank.database.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        new_hash = passwords.hashed(now, bcrypt.gensalt(5))
        change = "UPDATE identity.login SET password_hash = $2 WHERE user_id = $1"
        await connection.execute(change, user.user_id, new_hash)
        login = asyncio.ensure_future(logged_in(bank, user))
        await until(lambda: somebody_waits(bank, 1))
        await transaction.commit()
    assert refusals(await asyncio.gather(login, return_exceptions=True)) == told


async def test_who_logs_out_everywhere_is_out_of_what_was_refreshed_meanwhile(bank: Bank) -> None:
    user = await created(bank)
    me = Principal("user", str(user.user_id), user.roles)
    held_by_all = [await logged_in(bank, user) for _ in range(3)]
    row = held(bank, "SELECT FROM identity.session WHERE user_id = $1", user.user_id)
    refreshes = [bank.says(RefreshTokens(refresh_token=each.refresh_token)) for each in held_by_all]
    answers = await meet(bank, row, *refreshes, bank.says(LogoutEverywhere(), as_=me))
    assert refusals(answers) == []
    for each in answers[:-1]:
        assert await is_out(bank, user, each)
