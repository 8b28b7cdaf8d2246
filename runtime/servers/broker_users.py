"""Who may do what on the local broker, as plain data, and the definitions file that RabbitMQ reads it from."""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

VHOST = "coffer"
ADMINISTRATOR = "coffer_admin"
"""Made with every local broker, may do everything in the vhost: declares the topology, looks into queues in tests."""

SALT_BYTES = 4
"""RabbitMQ's format: base64 of salt and SHA-256 of salt and password."""


@dataclass(frozen=True)
class TopicPermission:
    """The routing keys (regular expressions) that a user may write to, and bind with to read from, one topic exchange."""

    exchange: str
    write: str = ""
    read: str = ""


@dataclass(frozen=True)
class BrokerUser:
    """A user of the broker. Its patterns are regular expressions over names of exchanges and queues; empty: nothing."""

    name: str
    password: str | None = None
    """None: a random one, kept in the state directory; see `LocalServers.broker_urls`."""
    configure: str = ""
    write: str = ""
    read: str = ""
    topic_permissions: Sequence[TopicPermission] = ()
    tags: Sequence[str] = ()


def definitions(users: Iterable[tuple[BrokerUser, str]]) -> str:
    """The vhost, its users with their passwords, and their permissions, as RabbitMQ imports them at each start."""
    listed = list(users)
    return json.dumps(
        {
            "vhosts": [{"name": VHOST}],
            "users": [
                {
                    "name": user.name,
                    "password_hash": _hash(password),
                    "hashing_algorithm": "rabbit_password_hashing_sha256",
                    "tags": ",".join(user.tags),
                }
                for user, password in listed
            ],
            "permissions": [
                {"user": user.name, "vhost": VHOST, "configure": user.configure, "write": user.write, "read": user.read}
                for user, _ in listed
            ],
            "topic_permissions": [
                {"user": user.name, "vhost": VHOST, "exchange": topic.exchange, "write": topic.write, "read": topic.read}
                for user, _ in listed
                for topic in user.topic_permissions
            ],
        },
        indent=1,
    )


def _hash(password: str) -> str:
    salt = secrets.token_bytes(SALT_BYTES)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
