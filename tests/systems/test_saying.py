"""What another system can do: say what its entry names, as itself, and hear the answer and what came of it."""

from typing import Any
from uuid import uuid4

import pytest

from messages.ledger import Account, GetAccount
from runtime.principal import Principal
from tests.bank import Bank, House
from tests.systems.conftest import balance, deposit, entry_of
from tests.systems.stranger import Stranger, read

SOMEBODY_ELSE = Principal("user", "the director", ("admin", "manager")).to_header()


async def test_a_command_is_done_answered_and_told(partner: Stranger, bank: Bank, account: Account) -> None:
    said = await partner.publish("ledger.deposit.v1", deposit(account, reference="till 4"))
    reply = await partner.answer(said)
    assert (reply.type, reply.user_id) == ("reply", "coffer_actors")
    entry = read(reply)
    assert (entry["kind"], entry["reference"]) == ("deposit", "till 4")
    event = await partner.event(said)
    assert (event.type, event.user_id) == ("ledger.entry_posted.v1", "coffer_actors")
    assert read(event)["entry"]["entry_id"] == entry["entry_id"]
    assert await balance(bank, account) == "25.00"


async def test_a_query_is_answered(partner: Stranger, account: Account) -> None:
    reply = await partner.asks("ledger.get_account.v1", {"account_id": str(account.account_id)})
    assert reply.type == "reply"
    assert read(reply)["balance"] == {"amount": "0.00", "currency": "KES"}


async def test_a_rule_of_the_bank_says_no_by_its_name(partner: Stranger, account: Account) -> None:
    reply = await partner.asks("ledger.withdraw.v1", deposit(account))
    assert (reply.type, read(reply)["rule"], read(reply)["field"]) == ("refusal", "insufficient_funds", "amount")


async def test_without_a_correlation_id_the_message_id_is_the_conversation(partner: Stranger, account: Account) -> None:
    message_id = str(uuid4())
    await partner.publish("ledger.deposit.v1", deposit(account), message_id=message_id, correlation_id=None)
    assert (await partner.answer(message_id)).type == "reply"
    assert (await partner.event(message_id)).type == "ledger.entry_posted.v1"


async def test_what_is_said_twice_is_done_once_and_answered_alike(partner: Stranger, bank: Bank, account: Account) -> None:
    first = await partner.asks("ledger.deposit.v1", deposit(account), message_id=(message_id := str(uuid4())))
    respelled = b'{"amount": {"currency": "KES", "amount": "25"},\n "account_id": "%s"}' % str(account.account_id).encode()
    for body in (deposit(account), respelled):
        again = await partner.asks("ledger.deposit.v1", body, message_id=message_id)
        assert (again.type, again.body) == ("reply", first.body)
    assert await balance(bank, account) == "25.00"


async def test_one_id_for_two_things_is_refused(partner: Stranger, bank: Bank, account: Account) -> None:
    message_id = str(uuid4())
    await partner.asks("ledger.deposit.v1", deposit(account), message_id=message_id)
    reply = await partner.asks("ledger.deposit.v1", deposit(account, "26.00"), message_id=message_id)
    assert (reply.type, read(reply)["rule"]) == ("refusal", "idempotency_key_reused")
    assert await balance(bank, account) == "25.00"


async def test_the_order_of_what_is_said_is_kept(partner: Stranger, account: Account) -> None:
    said = [await partner.publish("ledger.deposit.v1", deposit(account, f"{n}.00"), priority=9 - n % 10) for n in range(1, 40)]
    entries = [read(await partner.answer(each)) for each in said]
    order = [next(each["seq"] for each in entry["postings"] if each["side"] == "credit") for entry in entries]
    assert order == list(range(1, 40))


async def test_two_systems_may_use_the_same_message_id(
    partner: Stranger, importer: Stranger, bank: Bank, account: Account
) -> None:
    message_id = str(uuid4())
    ours = await partner.asks("ledger.deposit.v1", deposit(account, "10.00"), message_id=message_id)
    theirs = await importer.asks("ledger.deposit.v1", deposit(account, "7.00"), message_id=message_id)
    assert (ours.type, theirs.type) == ("reply", "reply")
    assert await balance(bank, account) == "17.00"


@pytest.mark.parametrize(
    "claim", [SOMEBODY_ELSE, "not a principal at all", bytearray(b"\xff\x00"), 7, {"kind": "actor", "id": "ledger"}]
)
async def test_a_principal_that_a_system_claims_counts_for_nothing(
    claim: Any, partner: Stranger, bank: Bank, account: Account
) -> None:
    reply = await partner.asks(
        "ledger.deposit.v1", deposit(account), headers={"principal": claim, "key": 5, "causation": claim}
    )
    assert reply.type == "reply", reply.body
    posted_by = await bank.database.fetchval("SELECT posted_by FROM ledger.entry WHERE entry_id = $1", read(reply)["entry_id"])
    assert posted_by == "system:demo-partner"


async def test_a_claimed_role_opens_nothing(house: House, partner: Stranger, account: Account) -> None:
    freeze = {"account_id": str(account.account_id), "side": "both", "reason": "mine now"}
    with entry_of(house, "demo-partner", says=("ledger.freeze_account.v1",)):
        reply = await partner.asks("ledger.freeze_account.v1", freeze, headers={"principal": SOMEBODY_ELSE})
    assert (reply.type, read(reply)["rule"]) == ("refusal", "forbidden")


async def test_a_system_that_is_a_member_sees_nobody_elses(house: House, partner: Stranger, account: Account) -> None:
    with entry_of(house, "demo-partner", roles=("member",)):
        reply = await partner.asks("ledger.get_account.v1", {"account_id": str(account.account_id)})
    assert (reply.type, read(reply)["rule"]) == ("refusal", "account_not_found")


async def test_a_far_deadline_is_brought_down_and_a_near_one_kept(partner: Stranger, account: Account) -> None:
    for deadline in (2**62, 10**14):
        reply = await partner.asks("ledger.deposit.v1", deposit(account), headers={"deadline": deadline})
        assert reply.type == "reply"


async def test_the_trace_goes_on(partner: Stranger, bank: Bank, account: Account) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    said = await partner.publish(
        "ledger.deposit.v1", deposit(account), headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    )
    assert str((await partner.event(said)).headers["traceparent"]).split("-")[1] == trace


async def test_nobody_has_to_wait_for_an_answer(partner: Stranger, bank: Bank, account: Account) -> None:
    said = await partner.publish("ledger.deposit.v1", deposit(account), reply_to=None)
    await partner.event(said)
    account_now = await bank.says(GetAccount(account_id=account.account_id))
    assert account_now.balance.amount == "25.00"
    assert not any(reply.correlation_id == said for reply in partner.replies)
