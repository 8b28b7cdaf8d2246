"""The AsyncAPI document is valid, and what really goes over the wire is what it says."""

import asyncio
import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from config.settings import load_settings
from messages.base import Event, all_message_types, all_refusals
from messages.ledger import Account
from runtime.asyncapi import asyncapi_document
from runtime.asyncapi_parts import ANSWER_HEADERS, EVENT_HEADERS
from tests.systems.conftest import deposit
from tests.systems.stranger import Stranger, read

OFFICIAL = Path(__file__).parent / "vendor" / "asyncapi-3.0.0.json.gz"
PARSER = """
const { Parser } = require('@asyncapi/parser');
let text = '';
process.stdin.on('data', (piece) => (text += piece)).on('end', async () => {
  const { document, diagnostics } = await new Parser().parse(text);
  console.log(JSON.stringify({ read: Boolean(document), faults: diagnostics.filter((each) => each.severity < 2) }));
});
"""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return asyncapi_document(load_settings({"COFFER_PROFILE": "test", "COFFER_STATE_DIR": "/nonexistent"}), {})


@pytest.fixture(scope="module")
def official() -> Draft7Validator:
    return Draft7Validator(json.loads(gzip.decompress(OFFICIAL.read_bytes())))


def faults(official: Draft7Validator, document: dict[str, Any]) -> list[str]:
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in official.iter_errors(document)]


def test_it_is_valid_by_the_official_schema(official: Draft7Validator, document: dict[str, Any]) -> None:
    assert faults(official, document) == []


@pytest.mark.parametrize(
    ("place", "nonsense"),
    [
        (("channels", "ingress", "address"), 7),
        (("channels", "ingress", "bindings", "amqp", "is"), "pigeon"),
        (("operations", "ledger.deposit.v1", "action"), "shout"),
        (("servers", "broker", "host"), None),
    ],
)
def test_the_official_schema_finds_a_fault(
    place: tuple[str, ...], nonsense: object, official: Draft7Validator, document: dict[str, Any]
) -> None:
    changed = json.loads(json.dumps(document))
    inner = changed
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = nonsense
    assert faults(official, changed)


async def test_the_official_parser_reads_it_without_a_warning(document: dict[str, Any]) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here")
    process = await asyncio.create_subprocess_exec(
        node, "-e", PARSER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, complained = await process.communicate(json.dumps(document).encode())
    if b"Cannot find module" in complained:
        pytest.skip("node has no @asyncapi/parser; NODE_PATH says where it is")
    assert json.loads(said) == {"read": True, "faults": []}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in _references(document):
        inner: Any = document
        for name in reference.removeprefix("#/").split("/"):
            inner = inner[name]


def _references(inner: Any) -> list[str]:
    if isinstance(inner, list):
        return [found for each in inner for found in _references(each)]
    if not isinstance(inner, dict):
        return []
    here = [inner["$ref"]] if isinstance(inner.get("$ref"), str) else []
    return here + [found for each in inner.values() for found in _references(each)]


def test_every_message_and_every_rule_is_in_it(document: dict[str, Any]) -> None:
    assert set(document["operations"]) == {kind.wire for kind in all_message_types()}
    sent = {wire for wire, operation in document["operations"].items() if operation["action"] == "send"}
    assert sent == {kind.wire for kind in all_message_types() if issubclass(kind, Event)}
    rules = document["components"]["schemas"]["Refused"]["x-rules"]
    assert {each.rule for each in all_refusals() if each.rule} <= set(rules)
    assert {"rate_limited", "unparsable", "type_not_allowed"} <= set(rules)


def test_who_may_say_and_hear_what_is_in_it(document: dict[str, Any]) -> None:
    assert document["operations"]["ledger.deposit.v1"]["x-said-by"] == ["demo-partner", "records-import"]
    assert document["operations"]["ledger.freeze_account.v1"]["x-said-by"] == []
    assert document["operations"]["ledger.entry_posted.v1"]["x-heard-by"] == ["demo-partner"]


async def test_what_goes_over_the_wire_is_what_it_says(document: dict[str, Any], partner: Stranger, account: Account) -> None:
    said = await partner.publish("ledger.deposit.v1", body := deposit(account, reference="till 4"))
    reply, event = await partner.answer(said), await partner.event(said)
    refusal = await partner.asks("ledger.withdraw.v1", deposit(account, "1000.00"))
    for name, payload in (
        ("ledger.deposit.v1", body),
        ("reply.Entry", read(reply)),
        ("ledger.entry_posted.v1", read(event)),
        ("refusal", read(refusal)),
    ):
        schema = document["components"]["messages"][name]["payload"]
        Draft7Validator({**schema, "components": document["components"]}).validate(payload)
    for message, headers in ((reply, ANSWER_HEADERS), (event, EVENT_HEADERS)):
        properties = {
            name: value for name, value in message.info().items() if value is not None and name in headers["properties"]
        }
        properties = {**properties, **message.headers, "timestamp": 0, "type": message.type}
        Draft7Validator(headers).validate(properties)
    nonsense = Draft7Validator(
        {**document["components"]["messages"]["ledger.deposit.v1"]["payload"], "components": document["components"]}
    )
    assert not nonsense.is_valid({**body, "favourite_colour": "blue"})
