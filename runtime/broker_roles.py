"""Which broker user may do what: one user per role of the house and one per other system, least privilege by pattern.

The same table serves the local servers and an operator who sets up a broker: `coffer doctor` prints it.
"""

import re
from collections.abc import Mapping

from config.sections import BrokerSettings
from config.systems import SystemSettings
from runtime.servers import BrokerUser, TopicPermission

_ALL = ".*"
HEARD_BY_EDGES = ("identity.access_changed.v1",)
"""The events that an edge hears on a queue of its own: what makes it forget."""


def broker_users(settings: BrokerSettings, systems: Mapping[str, SystemSettings]) -> list[BrokerUser]:
    """The users. None may write to the default exchange; only the topology's declares anything but queues of its own."""
    users = settings.users
    edge = BrokerUser(
        users.edge,
        configure=r"^(reply|hearing)\.edge\.",
        write=r"^(commands|queries|(reply|hearing)\.edge\..*)$",
        read=r"^(replies|events|(reply|hearing)\.edge\..*)$",
        topic_permissions=(
            TopicPermission("events", write="^$", read=rf"^({'|'.join(map(re.escape, HEARD_BY_EDGES))})$"),
            TopicPermission("commands", write=_ALL),
            TopicPermission("queries", write=_ALL),
            TopicPermission("replies", read=r"^reply\.edge\."),
        ),
    )
    actors = BrokerUser(
        users.actors,
        configure=r"^reply\.actors\.",
        write=r"^(commands|queries|events|replies|reply\.actors\..*)$",
        read=r"^(commands\..*|queries\..*|events\..*|ingress\..*|replies|reply\.actors\..*)$",
        topic_permissions=(
            TopicPermission("commands", write=_ALL),
            TopicPermission("queries", write=_ALL),
            TopicPermission("events", write=_ALL),
            TopicPermission("replies", write=r"^(reply|events)\.", read=r"^reply\.actors\."),
        ),
    )
    topology = BrokerUser(
        users.topology,
        configure=_ALL,
        write=_ALL,
        read=_ALL,
        topic_permissions=tuple(
            TopicPermission(name, write="^$", read=_ALL) for name in ("commands", "queries", "events", "replies")
        ),
    )
    return [edge, actors, topology, *(_system(name, system) for name, system in systems.items())]


def _system(name: str, system: SystemSettings) -> BrokerUser:
    password = system.local_password
    return BrokerUser(
        system.user,
        password=password.get_secret_value() if password is not None else None,
        write="^ingress$",
        read=rf"^(reply|events)\.{name}$",
    )
