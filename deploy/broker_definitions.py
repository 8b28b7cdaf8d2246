"""Prints the broker's vhost, users and rights as the definitions file that RabbitMQ loads at its start; for compose.yaml.

The users are those of `coffer doctor --broker-users`. Passwords come from COFFER_BROKER__PASSWORDS__EDGE, __ACTORS and __TOPOLOGY,
and leave as salted hashes. Other systems' users get theirs from the operator, by rabbitmqctl.
"""  # noqa: INP001 - a script beside the file that runs it, no package

import os
import sys
from dataclasses import replace

from config.pools import load_pools
from config.settings import load_settings
from runtime.broker_roles import broker_users
from runtime.servers.broker_users import definitions


def main() -> str:
    """The definitions, or which variable is missing."""
    settings = load_settings(os.environ, needs=())
    broker = settings.broker
    actors = {pool.actor_name for pool in load_pools(settings.config_dir, os.environ).values()}
    passwords = {getattr(broker.users, role): secret for role, secret in broker.passwords}
    users = []
    for user in broker_users(broker, {}, actors):
        secret = passwords[user.name]
        if secret is None:
            sys.exit(f"no password for the broker's user {user.name}: set COFFER_BROKER__PASSWORDS__{{EDGE,ACTORS,TOPOLOGY}}")
        users.append((replace(user, password=None), secret.get_secret_value()))
    return definitions(users)


if __name__ == "__main__":
    sys.stdout.write(main())
