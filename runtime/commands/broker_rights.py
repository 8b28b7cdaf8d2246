"""The broker's users and their rights as commands for an operator who sets up a RabbitMQ; passwords are the operator's own."""

from collections.abc import Iterable, Iterator
from shlex import join

from runtime.servers import BrokerUser

VHOST = "coffer"
NOTHING = "^$"
"""The pattern that matches no name."""


def rabbitmqctl_lines(users: Iterable[BrokerUser]) -> Iterator[str]:
    """One command a line, for a shell; each password is asked for."""
    yield join(["rabbitmqctl", "add_vhost", VHOST])
    for user in users:
        yield f"read -rsp {join([f'password of {user.name}: '])} password && echo "
        yield f"""printf %s "$password" | {join(["rabbitmqctl", "add_user", user.name])}"""
        rights = [each or NOTHING for each in (user.configure, user.write, user.read)]
        yield join(["rabbitmqctl", "set_permissions", "-p", VHOST, user.name, *rights])
        for topic in user.topic_permissions:
            patterns = [topic.exchange, topic.write or NOTHING, topic.read or NOTHING]
            yield join(["rabbitmqctl", "set_topic_permissions", "-p", VHOST, user.name, *patterns])
