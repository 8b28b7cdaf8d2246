"""Every user of the broker tries every deed on every exchange and queue, with every message's routing key: what the table says, no more."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import reduce
from itertools import product
from typing import NamedTuple
from uuid import uuid4

import pytest

from config.pools import load_pools
from config.systems import SystemSettings, load_systems
from messages.base import Event, Query, all_message_types
from runtime import topology
from runtime.link import Link
from runtime.topology import COMMANDS, EVENTS, INGRESS, QUERIES, REPLIES, Topology, matches
from runtime.wire import Delivery
from tests.bank import PASSER_BY, House
from tests.systems import trying
from tests.systems.trying import Deed, Trier

MAY = """
# who        does            to which; beside that: with which; with which routing key
#
# `*` stands for one word, `#` for any number; {actor} for each of pools.yaml, {system} for each of systems.yaml, {own} for the word by
# which a process calls its queue, {heard} for what an edge hears. Who may read a queue consumes, gets, purges; who may declare, deletes.

edge         publishes       commands,queries                                     #
edge         declares        reply.edge.{own},hearing.edge.{own}
edge         reads           reply.edge.{own},hearing.edge.{own}
edge         binds           reply.edge.{own},hearing.edge.{own}  replies         reply.edge.{own}
edge         binds           reply.edge.{own},hearing.edge.{own}  events          {heard}

actors       publishes       commands,queries,events                              #
actors       publishes       replies                                              reply.#,events.#
actors       declares        reply.actors.{own}
actors       reads           reply.actors.{own},commands.{actor}.*,queries.{actor},events.{actor},ingress.arrived,ingress.expired
actors       binds           reply.actors.{own}                   replies         reply.actors.{own}

topology     declares        commands,queries,events,replies,ingress
topology     declares        commands.*.*,queries.*,events.*,reply.*,ingress.arrived,ingress.expired,nothing.lost
topology     binds           commands.*.*,queries.*,events.*,reply.*,ingress.arrived,ingress.expired,nothing.lost   {ours}  #

{system}     publishes       ingress                                              #
{system}     reads           {its_queues}

# One right of RabbitMQ covers several deeds. It asks for no more than the above when a queue of one's own is to send its dead letters on,
# or an exchange is to get what another has:

edge         dead-letters    reply.edge.{own},hearing.edge.{own}  commands,queries
edge         joins           commands,queries                     replies         reply.edge.{own}
edge         joins           commands,queries                     events          {heard}
actors       dead-letters    reply.actors.{own}                   commands,queries,events,replies
actors       joins           commands,queries,events,replies      replies         reply.actors.{own}

# And the queue of what arrived sends what expired in it through `ingress` again, so who declares it may write there, and read it. What
# they say there goes no further: they have no entry in systems.yaml.

topology     publishes       ingress                                              #
topology     reads           ingress.arrived
topology     joins           ingress                              {ours}          #
"""

OURS = (COMMANDS, QUERIES, EVENTS, REPLIES, INGRESS)
MADE_BY_THE_BROKER = ("amq.direct", "amq.fanout", "amq.headers", "amq.match", "amq.topic", "amq.rabbitmq.trace")
THE_DEFAULT = ""
OTHERS = (*MADE_BY_THE_BROKER, THE_DEFAULT, "nowhere")
OWN = uuid4().hex
NOT_THERE = (
    *(f"{kind}.{role}.{OWN}" for kind in ("reply", "hearing") for role in ("edge", "actors", "topology")),
    *("reply.edge.all", "hearing.edge.all", "reply.actors.all", "reply.demo-partner.too", "events.demo-partner.too"),
    *("events.records-import", "reply.nobody", "events.nobody", "queries.nobody", "commands.nobody.00", "commands.ledger"),
    *("commands.ledger.00.too", "not.commands.ledger.00", "ingress.elsewhere", "nothing.lost.too", "dead", "amq.gen-mine"),
)
"""Names of queues that nobody has."""
REPLY_KEYS = (
    *(f"reply.{role}.{OWN}" for role in ("edge", "actors")),
    *(
        "reply.edge.*",
        "reply.edge.#",
        "reply.actors.#",
        "reply.demo-partner",
        "events.demo-partner",
        "reply.#",
        "events.#",
        "#",
    ),
)
USERS = {
    "coffer_edge": f"reply.edge.{OWN}",
    "coffer_actors": f"reply.actors.{OWN}",
    "coffer_topology": "events.nobody",
    "demo_partner": "reply.demo-partner",
    "records_import": "reply.records-import",
    PASSER_BY.name: "dead",
}
"""And a queue that each binds, if they may, with every routing key."""


class Tried(NamedTuple):
    """What somebody tries: the verb of the table, how, and to what."""

    verb: str
    how: str
    names: tuple[str, ...]


class Line(NamedTuple):
    """A line of the table as config fills it in: for each name the patterns that it may match."""

    verb: str
    names: tuple[tuple[str, ...], ...]

    def admits(self, tried: Tried) -> bool:
        """Whether it names this."""
        return self.verb == tried.verb and all(
            any(matches(pattern, name) for pattern in patterns) for patterns, name in zip(self.names, tried.names, strict=True)
        )


def rights(user: str, systems: Mapping[str, SystemSettings], heard: tuple[str, ...]) -> Iterator[Line]:
    """The lines that are about this user."""
    who = user.removeprefix("coffer_")
    filled = {"{own}": OWN, "{heard}": ",".join(heard), "{ours}": ",".join(OURS)}
    for name, system in systems.items():
        if system.user == user:
            who = "{system}"
            filled["{its_queues}"] = f"reply.{name},events.{name}" if system.hears else f"reply.{name}"
    actors = sorted(pool.actor_name for pool in load_pools().values())
    for line in MAY.splitlines():
        if line.split()[:1] == [who]:
            _, verb, *names = reduce(lambda text, each: text.replace(*each), filled.items(), line).split()
            each = (tuple(one.replace("{actor}", actor) for one in column.split(",") for actor in actors) for column in names)
            yield Line(verb, tuple(each))


def keys_of(where: Topology) -> dict[str, list[str]]:
    """By exchange its routing keys: of every message that is said through it, and of some that are not."""
    kinds = [kind for kind in all_message_types() if kind.actor in where.mailboxes]  # other tests have words of their own
    commands = [(kind, where.command_route(kind.actor, kind.wire, None)) for kind in kinds]
    events = [kind.wire for kind, _ in commands if issubclass(kind, Event)]
    queries = [f"{kind.actor}.{kind.wire}" for kind, _ in commands if issubclass(kind, Query)]
    own = {
        COMMANDS: [route for kind, route in commands if not issubclass(kind, Event | Query)],
        QUERIES: queries,
        EVENTS: events,
    }
    some = [key for keys in own.values() for key in keys[::10]]
    strange = {exchange: [*some, "ingress", "ingress.expired", *REPLY_KEYS] for exchange in (*OURS, *OTHERS)}
    strange[THE_DEFAULT] += queues_of(where)
    return {exchange: [*{**dict.fromkeys(own.get(exchange, ())), **dict.fromkeys(strange[exchange])}] for exchange in strange}


def queues_of(where: Topology) -> list[str]:
    """All that the topology makes."""
    return [topology.MARK, *(name for name, *_ in topology._queues(where))]


Tries = dict[str, tuple[dict[Tried, Deed], set[Tried]]]
"""By user: what they tried, and what the broker let them do."""


@contextlib.asynccontextmanager
async def _all_in_use(house: House) -> AsyncIterator[None]:
    """Somebody consumes from each queue, so that who may delete it does not; and in the end each is there."""
    where = house.actors.topology
    link = await Link.connect(house.servers.broker_url, name="a test's consumers")
    held: list[Delivery] = []
    try:
        for name in queues_of(where):
            found = await topology.depth(link, name)
            if found is not None and found[1] == 0:
                await (await link.lane()).consume(name, held.append, prefetch=1)
        yield
        for name in queues_of(where):
            assert await topology.depth(link, name) is not None, name
    finally:
        await link.close()


@pytest.fixture(scope="module")
async def tries(house: House) -> Tries:
    """One after the other."""
    where = house.actors.topology
    common = {**dict(_with_exchanges(where)), **dict(_with_queues(queues_of(where)))}
    deeds = {user: common | dict(_by_every_key(own, where)) for user, own in USERS.items()}

    async def tries_all(user: str) -> set[Tried]:
        async with Trier.connected(house.servers.broker_urls[user]) as trier:
            return await trier.admitted(deeds[user])

    async with _all_in_use(house):
        admitted = [await tries_all(user) for user in USERS]
    return {user: (deeds[user], let) for user, let in zip(USERS, admitted, strict=True)}


def _with_exchanges(where: Topology) -> Iterator[tuple[Tried, Deed]]:
    for exchange, keys in keys_of(where).items():
        for key in keys:
            yield Tried("publishes", "", (exchange, key)), trying.publish(exchange, key)
        yield Tried("declares", "exchange", (exchange,)), trying.declare_exchange(exchange)
        yield Tried("declares", "delete exchange", (exchange,)), trying.delete_exchange(exchange)
    for to, source in product((*OURS, *OTHERS), repeat=2):
        yield Tried("joins", "", (to, source, REPLY_KEYS[0])), trying.join(to, source, REPLY_KEYS[0])


def _with_queues(queues: list[str]) -> Iterator[tuple[Tried, Deed]]:
    yield Tried("declares", "queue", ("",)), trying.declare("")  # to be named by the broker
    for queue in (*queues, *NOT_THERE):
        yield Tried("reads", "consumes", (queue,)), trying.consume(queue)
        yield Tried("reads", "gets", (queue,)), trying.get(queue)
        yield Tried("reads", "purges", (queue,)), trying.purge(queue)
        yield Tried("declares", "queue", (queue,)), trying.declare(queue)
        yield Tried("declares", "delete queue", (queue,)), trying.delete(queue)
        for exchange in OURS:
            yield Tried("binds", "", (queue, exchange, REPLY_KEYS[0])), trying.bind(queue, exchange, REPLY_KEYS[0])
    for queue, exchange in product(NOT_THERE[:12], (*OURS, *OTHERS)):
        yield Tried("binds", "", (queue, exchange, REPLY_KEYS[0])), trying.bind(queue, exchange, REPLY_KEYS[0])
        yield Tried("dead-letters", "", (queue, exchange)), trying.declare(queue, dead_letters_to=exchange)


def _by_every_key(own: str, where: Topology) -> Iterator[tuple[Tried, Deed]]:
    for exchange in (EVENTS, REPLIES):
        for key in keys_of(where)[exchange]:
            yield Tried("binds", "", (own, exchange, key)), trying.bind(own, exchange, key)
            yield Tried("joins", "", (COMMANDS, exchange, key)), trying.join(COMMANDS, exchange, key)


@pytest.mark.parametrize("user", USERS)
def test_each_user_may_do_what_the_table_says_and_nothing_else(user: str, house: House, tries: Tries) -> None:
    tried, admitted = tries[user]
    lines = [*rights(user, load_systems(None, {}, house.settings.profile), house.edge.hearing.events)]
    named = {each for each in tried if any(line.admits(each) for line in lines)}
    assert (sorted(admitted - named), sorted(named - admitted)) == ([], [])
    assert [line for line in lines if not any(line.admits(each) for each in tried)] == []
    assert len(tried) > 1_500


def test_the_table_is_about_everybody(house: House) -> None:
    systems = load_systems(None, {}, house.settings.profile)
    users = house.settings.broker.users
    everybody = {users.edge, users.actors, users.topology, PASSER_BY.name, *(system.user for system in systems.values())}
    assert set(USERS) == everybody
