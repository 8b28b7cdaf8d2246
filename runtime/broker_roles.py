"""Which broker user may do what: one user per role of the house and one per other system, least privilege by pattern.

The same table serves the local servers and an operator who sets up a broker: `coffer doctor` prints it.
"""

import re
from collections.abc import Collection, Mapping

from config.sections import BrokerSettings
from config.systems import SystemSettings
from runtime.servers import BrokerUser, TopicPermission
from runtime.topology import COMMANDS, EVENTS, EXPIRED_QUEUE, INGRESS, INGRESS_QUEUE, MARK, QUERIES, REPLIES

_ALL, _NOTHING = ".*", "^$"
_ONE = "[0-9a-f]{32}"
"""The last word of a queue that a process makes for itself. A binding by pattern, to hear what others are answered, is none."""
_INGRESS_QUEUES = "|".join(map(re.escape, (INGRESS_QUEUE, EXPIRED_QUEUE)))
_MADE = rf"commands\.[a-z_]+\.[0-9]+|(queries|events)\.[a-z0-9_-]+|reply\.[a-z0-9-]+|{_INGRESS_QUEUES}|{re.escape(MARK)}"
"""The queues that the topology's user makes; its requesters' and edges' own are not among them."""
HEARD_BY_EDGES = ("identity.access_changed.v1",)
"""The events that an edge hears on a queue of its own: what makes it forget."""


def broker_users(settings: BrokerSettings, systems: Mapping[str, SystemSettings], actors: Collection[str]) -> list[BrokerUser]:
    """The users, where these actors run. None may write to the default exchange; only the topology's declares anything but queues of
    its own, and it hears and says nothing.
    """
    users, actor = settings.users, f"({'|'.join(sorted(actors))})"
    edge = BrokerUser(
        users.edge,
        configure=rf"^(reply|hearing)\.edge\.{_ONE}$",
        write=rf"^(commands|queries|(reply|hearing)\.edge\.{_ONE})$",
        read=rf"^(replies|events|(reply|hearing)\.edge\.{_ONE})$",
        topic_permissions=(
            TopicPermission(EVENTS, write=_NOTHING, read=rf"^({'|'.join(map(re.escape, HEARD_BY_EDGES))})$"),
            TopicPermission(COMMANDS, write=_ALL),
            TopicPermission(QUERIES, write=_ALL),
            TopicPermission(REPLIES, read=rf"^reply\.edge\.{_ONE}$"),
        ),
    )
    its_queues = rf"commands\.{actor}\.[0-9]+|(queries|events)\.{actor}|{_INGRESS_QUEUES}"
    of_actors = BrokerUser(
        users.actors,
        configure=rf"^reply\.actors\.{_ONE}$",
        write=rf"^(commands|queries|events|replies|reply\.actors\.{_ONE})$",
        read=rf"^({its_queues}|replies|reply\.actors\.{_ONE})$",
        topic_permissions=(
            TopicPermission(COMMANDS, write=_ALL),
            TopicPermission(QUERIES, write=_ALL),
            TopicPermission(EVENTS, write=_ALL),
            TopicPermission(REPLIES, write=r"^(reply|events)\.", read=rf"^reply\.actors\.{_ONE}$"),
        ),
    )
    topics = (COMMANDS, QUERIES, EVENTS, REPLIES)
    topology = BrokerUser(
        users.topology,
        configure=rf"^({'|'.join(topics)}|{INGRESS}|{_MADE})$",
        # The broker asks for `write` on a queue to bind it and on the exchange that it dead-letters into; for `read` on the
        # exchange that it is bound to, and on a queue that dead-letters.
        write=rf"^({INGRESS}|{_MADE})$",
        read=rf"^({'|'.join(topics)}|{INGRESS}|{re.escape(INGRESS_QUEUE)})$",
        topic_permissions=tuple(TopicPermission(name, write=_NOTHING, read=_ALL) for name in topics),
    )
    return [edge, of_actors, topology, *(_system(name, system) for name, system in systems.items())]


def _system(name: str, system: SystemSettings) -> BrokerUser:
    password = system.local_password
    return BrokerUser(
        system.user,
        password=password.get_secret_value() if password is not None else None,
        write="^ingress$",
        read=rf"^{'(reply|events)' if system.hears else 'reply'}\.{name}$",
    )
