"""What another system cannot do: each bad message gets a named refusal, or becomes a dead letter where nobody can be told."""

from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from aiormq.exceptions import AMQPError
from prometheus_client import generate_latest

from messages.ledger import Account
from runtime import customs, letters_of_others
from tests.bank import Bank, House, until
from tests.systems.conftest import balance, dead_letter, deposit, entry_of
from tests.systems.stranger import Stranger, read

DEPOSIT = "ledger.deposit.v1"
LONG_AGO = 1_000_000_000_000
"""In milliseconds since 1970."""

BAD: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a type that its entry does not name": ("type_not_allowed", "{}", {"type": "ledger.freeze_account.v1"}),
    "an event": ("type_not_allowed", "{}", {"type": "ledger.entry_posted.v1"}),
    "a type of nobody's": ("unknown_type", "{}", {"type": "treasury.print_money.v1"}),
    "no wire name": ("unknown_type", "{}", {"type": "\x00';--" + "x" * 200}),
    "no type": ("unknown_type", "{}", {"type": None}),
    "a newer version": ("unknown_version", "{}", {"type": "ledger.deposit.v99"}),
    "an older version": ("unknown_version", "{}", {"type": "ledger.deposit.v0"}),
    "nothing": ("unparsable", "", {}),
    "half an object": ("unparsable", '{"account_id": ', {}),
    "a list": ("unparsable", "[]", {}),
    "no text": ("unparsable", "\udcff{}", {}),
    "a key twice": ("unparsable", '{"account_id": "a", "account_id": "b"}', {}),
    "a key twice, further down": ("unparsable", '{"amount": {"amount": "1", "amount": "2", "currency": "KES"}}', {}),
    "levels without end": ("unparsable", '{"a":' * 10_000 + "1" + "}" * 10_000, {}),
    "not a number": ("unparsable", '{"amount": NaN}', {}),
    "a field too many": ("invalid", '{"favourite_colour": "blue"}', {}),
    "a field too few": ("invalid", "{}", {}),
    "too large for this system": ("oversized", '{"description": "%s"}' % ("x" * 70_000), {}),
    "too large for anybody": ("oversized", '{"description": "%s"}' % ("x" * 300_000), {}),
    "another content type": ("content_type", "{}", {"content_type": "application/xml"}),
    "no content type": ("content_type", "{}", {"content_type": None}),
    "an encoding": ("content_type", "{}", {"content_encoding": "gzip"}),
    "an id that is none": ("message_id", "{}", {"message_id": "4711"}),
    "a deadline that is no number": ("malformed", "{}", {"headers": {"deadline": "tomorrow"}}),
    "a deadline that has passed": ("expired", "{}", {"headers": {"deadline": LONG_AGO}}),
}


@pytest.mark.parametrize("bad", BAD)
async def test_who_says_nonsense_is_told_so_by_name(bad: str, partner: Stranger) -> None:
    reason, body, properties = BAD[bad]
    reply = await partner.asks(DEPOSIT, body.encode(errors="surrogateescape"), **properties)
    said = read(reply)
    assert (reply.type, said.get("rule", said.get("reason"))) == ("expired" if reason == "expired" else "refusal", reason)
    assert said["detail"]
    assert reply.type == "expired" or 400 <= said["status"] < 500


@pytest.mark.parametrize("bad", [bad for bad, (_, _, properties) in BAD.items() if "message_id" not in properties])
async def test_nonsense_whose_sender_waits_for_no_answer_is_kept(bad: str, partner: Stranger, bank: Bank) -> None:
    reason, body, properties = BAD[bad]
    message_id = str(uuid4())
    body_bytes = body.encode(errors="surrogateescape")
    await partner.publish(DEPOSIT, body_bytes, **properties, message_id=message_id, reply_to=None)
    letter = await dead_letter(bank, message_id)
    assert letter.reason == reason
    assert letter.envelope["sender"] == "demo_partner"


async def test_a_field_at_fault_is_named(partner: Stranger, account: Account) -> None:
    said = read(await partner.asks(DEPOSIT, deposit(account, "-5.00")))
    assert (said["rule"], said["status"], said["field"]) == ("invalid", 422, "amount")


@pytest.mark.parametrize("forged", ["coffer_edge", "records_import", "nobody"])
async def test_the_broker_refuses_another_user_id(forged: str, partner: Stranger, bank: Bank, account: Account) -> None:
    with pytest.raises(AMQPError, match="user_id"):
        await partner.publish(DEPOSIT, deposit(account), user_id=forged)
    await until(lambda: partner.channel.is_closed)
    assert await balance(bank, account) == "0.00"


async def test_who_does_not_say_who_they_are_is_not_heard_and_not_answered(
    partner: Stranger, importer: Stranger, bank: Bank, account: Account
) -> None:
    message_id = str(uuid4())
    said = await partner.publish(
        DEPOSIT, deposit(account), user_id=None, message_id=message_id, reply_to="reply.records-import"
    )
    assert (await dead_letter(bank, message_id)).reason == "missing_sender"
    await importer.asks(DEPOSIT, b"whatever")
    assert [reply for reply in importer.replies if reply.correlation_id == said] == []
    assert await balance(bank, account) == "0.00"


async def test_a_user_of_the_broker_without_an_entry_is_not_heard(house: House, bank: Bank, account: Account) -> None:
    async with Stranger.connected(house.servers.broker_url, "demo-partner", hears=False) as administrator:
        message_id = str(uuid4())
        said = await administrator.publish(DEPOSIT, deposit(account), message_id=message_id)
        assert (await dead_letter(bank, message_id)).reason == "sender_not_allowed"
        assert [reply for reply in administrator.replies if reply.correlation_id == said] == []
    assert await balance(bank, account) == "0.00"


async def test_too_much_at_once_is_refused_and_later_it_goes_on(
    house: House, partner: Stranger, importer: Stranger, bank: Bank, account: Account
) -> None:
    with entry_of(house, "demo-partner", rate_per_second=5.0, burst=3):
        answers = [await partner.asks(DEPOSIT, deposit(account, "1.00")) for _ in range(4)]
        assert [answer.type for answer in answers] == ["reply", "reply", "reply", "refusal"]
        assert (read(answers[-1])["rule"], read(answers[-1])["status"]) == ("rate_limited", 429)
        assert (await importer.asks(DEPOSIT, deposit(account, "1.00"))).type == "reply"

        async def goes_on() -> bool:
            return (await partner.asks(DEPOSIT, deposit(account, "1.00"))).type == "reply"

        await until(goes_on)
    assert await balance(bank, account) == "5.00"


@pytest.mark.parametrize(
    "reply_to", ["reply.records-import", "commands.ledger.00", "amq.rabbitmq.reply-to.g1h2.nope", "reply.edge.x"]
)
async def test_an_answer_goes_to_nobody_else(
    reply_to: str, partner: Stranger, importer: Stranger, bank: Bank, account: Account
) -> None:
    done = await partner.publish(DEPOSIT, deposit(account), reply_to=reply_to)
    await partner.event(done)
    refused = await partner.publish(DEPOSIT, b"{", reply_to=reply_to, message_id=(message_id := str(uuid4())))
    assert (await dead_letter(bank, message_id)).reason == "unparsable"
    await importer.asks(DEPOSIT, b"whatever")
    assert [reply for reply in importer.replies if reply.correlation_id in {done, refused}] == []
    assert await balance(bank, account) == "25.00"


async def test_what_the_broker_itself_finds_expired_is_answered(
    house: House, partner: Stranger, bank: Bank, account: Account
) -> None:
    pool = house.actors.pools["ingress"]
    await pool.drain()
    try:
        said = await partner.publish(DEPOSIT, deposit(account), expiration=0.001)
        kept = str(uuid4())
        await partner.publish(DEPOSIT, deposit(account), expiration=0.001, reply_to=None, message_id=kept)
        behind = await partner.publish(DEPOSIT, deposit(account, "3.00"))
    finally:
        pool._open()
    assert (await partner.answer(said)).type == "expired"
    assert (await partner.answer(behind)).type == "reply"
    assert (await dead_letter(bank, kept)).reason == "expired"
    assert await balance(bank, account) == "3.00"


async def test_bad_text_does_not_keep_a_message_from_being_kept(partner: Stranger, bank: Bank) -> None:
    message_id = str(uuid4())
    headers = {"nul\x00": "\x00", "deep": {"er": ["\x00", 2**62]}, "odd": bytearray(b"\x00\xff")}
    await partner.publish("\x00", b"\x00\xff", headers=headers, reply_to="\x00", message_id=message_id)
    assert (await dead_letter(bank, message_id)).reason == "unknown_type"


async def test_who_sends_nonsense_does_not_fill_the_disk(
    partner: Stranger, bank: Bank, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = "SELECT count(*) FROM runtime.dead_letter WHERE state = 'dead' AND actor = 'ingress'"
    monkeypatch.setattr(letters_of_others, "MOST", await bank.database.fetchval(count) + 3)
    monkeypatch.setattr(letters_of_others, "FULL_SECONDS", 0.1)
    nonsense = b"{" + b"x" * 30_000
    ids = [uuid4() for _ in range(20)]
    for message_id in ids:
        await partner.publish(DEPOSIT, nonsense, message_id=str(message_id), reply_to=None)
    assert (await partner.asks(DEPOSIT, deposit(account))).type == "reply"
    kept = await bank.database.fetch("SELECT envelope FROM runtime.dead_letter WHERE message_id = ANY ($1)", ids)
    assert len(kept) == 3
    assert max(len(row["envelope"]) for row in kept) < 10_000
    assert b'coffer_dropped_total{actor="ingress",reason="unparsable"}' in generate_latest()


async def test_a_fault_of_ours_holds_up_nobody(partner: Stranger, bank: Bank, account: Account) -> None:
    message_id = str(uuid4())
    with patch.object(customs, "read_object", side_effect=RuntimeError("planted")):
        reply = await partner.asks(DEPOSIT, deposit(account), message_id=message_id)
    assert (reply.type, read(reply)["reason"]) == ("fault", "fault")
    assert (await dead_letter(bank, message_id)).reason == "fault"
    assert (await partner.asks(DEPOSIT, deposit(account))).type == "reply"


async def test_made_up_types_do_not_fill_the_metrics(partner: Stranger) -> None:
    for properties in ({}, {"headers": {"deadline": LONG_AGO}}, {"content_type": "text/plain"}):
        await partner.asks("made.up_for_this.v1", b"{}", **properties)
    assert b"made.up" not in generate_latest()


async def test_a_message_larger_than_the_broker_takes_ends_the_channel_alone(partner: Stranger, account: Account) -> None:
    with pytest.raises(AMQPError):
        await partner.publish(DEPOSIT, b"x" * 32 * 1024 * 1024)
    partner.channel = await partner.connection.channel(on_return_raises=True)
    assert (await partner.asks(DEPOSIT, deposit(account))).type == "reply"


def test_the_reasons_that_are_published_are_those_that_are_given() -> None:
    assert {reason for reason, _, _ in BAD.values()} <= set(customs.REASONS)
