"""What keeps a system out before it has any right: another's queue, another vhost, a wrong password. The matrix has the rest."""

import aio_pika
import pytest
from aiormq.exceptions import AMQPError

from tests.bank import House
from tests.systems.stranger import Stranger


async def test_it_may_not_hear_the_events_of_another(importer: Stranger, house: House) -> None:
    with pytest.raises(AMQPError, match="ACCESS_REFUSED"):
        await importer.listen("events.demo-partner", importer.events)


@pytest.mark.parametrize(("path", "user"), [("/", "demo_partner"), ("/elsewhere", "demo_partner")])
async def test_it_may_not_enter_another_vhost(path: str, user: str, house: House) -> None:
    url = house.servers.broker_urls[user].removesuffix("/coffer") + path
    with pytest.raises(AMQPError):
        await aio_pika.connect(url)


async def test_a_wrong_password_opens_nothing(house: House) -> None:
    with pytest.raises(AMQPError):
        await aio_pika.connect(house.servers.broker_urls["demo_partner"].replace("demo-partner-password", "guess"))
