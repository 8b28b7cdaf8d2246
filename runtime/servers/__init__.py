"""PostgreSQL, RabbitMQ and Redis of one's own, for a first look, for development and tests. A deployment gives URLs instead.

    edge = BrokerUser("edge", write="^commands$", read="^replies$")
    async with LocalServers(Path(".local"), broker_users=[edge]) as servers:
        servers.database_url            # postgresql://postgres:...@127.0.0.1:17342/coffer, as superuser
        servers.broker_url              # amqp://coffer_admin:...@127.0.0.1:22154/coffer, as administrator
        servers.broker_urls["edge"]     # the same as that user
        servers.redis_url
        await servers.rabbitmq.kill()   # likewise .postgres and .redis; then .start(), or .stop(), or .wipe()

Each server is, in this order: the one whose URL is in the environment; installed; fetched below the state directory. They
listen on 127.0.0.1 only, have random passwords that are kept with the state, and end with us, also when we are killed.
"""

from runtime.servers.broker_users import BrokerUser, TopicPermission
from runtime.servers.errors import ServerError, ServerFailed, ServerMissing, StateInUse
from runtime.servers.local import LocalServers

__all__ = [
    "BrokerUser",
    "LocalServers",
    "ServerError",
    "ServerFailed",
    "ServerMissing",
    "StateInUse",
    "TopicPermission",
]
