"""Of all messages that there are a system may say those that its entry names; any other is refused by name, and nothing comes of it."""

from uuid import UUID, uuid4

import pytest

from config.systems import load_systems
from messages.base import Event, all_message_types
from runtime.customs import system_message_id
from tests.bank import House, until
from tests.systems.stranger import Stranger, read

USERS = {"demo-partner": "demo_partner", "records-import": "records_import"}


@pytest.mark.parametrize("system", USERS)
async def test_a_system_says_what_its_entry_names_and_nothing_else(system: str, house: House) -> None:
    entry = load_systems(None, {}, house.settings.profile)[system]
    kinds = {kind.wire: kind for kind in all_message_types()}
    async with Stranger.connected(house.servers.broker_urls[entry.user], system, hears=False) as stranger:
        said = {wire: (str(uuid4()), str(uuid4())) for wire in kinds}
        for wire, (message_id, conversation) in said.items():
            await stranger.publish(wire, {"nothing_has_this": 1}, message_id=message_id, correlation_id=conversation)
        await until(lambda: len(stranger.replies) == len(said))
    told = {reply.correlation_id: read(reply)["rule"] for reply in stranger.replies}
    by_wire = {wire: told[conversation] for wire, (_, conversation) in said.items()}
    assert {wire for wire, rule in by_wire.items() if rule == "invalid"} == set(entry.says)
    assert {rule for wire, rule in by_wire.items() if wire not in entry.says} == {"type_not_allowed"}
    assert all(wire not in entry.says for wire, kind in kinds.items() if issubclass(kind, Event))
    ids = [system_message_id(system, UUID(message_id)) for message_id, _ in said.values()]
    assert not await house.database.fetchval("SELECT count(*) FROM runtime.inbox WHERE message_id = ANY ($1)", ids)
