"""The three servers as a developer or a fault test uses them."""

import json
import os
import signal
from pathlib import Path
from urllib.parse import urlsplit

import aiormq
import asyncpg
import pytest
from aiormq.exceptions import AMQPError, ChannelAccessRefused
from redis.asyncio import Redis

from runtime.servers import LocalServers, ServerError
from tests.bank import until
from tests.runtime.servers.conftest import EDGE, LOCAL, PARTNER


async def one_value(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def queues(local: LocalServers) -> list[str]:
    return [row["name"] for row in json.loads(await local.rabbitmq.ctl("list_queues", "-p", "coffer", "--formatter", "json"))]


async def declare(url: str, queue: str) -> None:
    connection = await aiormq.connect(url)
    try:
        channel = await connection.channel()
        await channel.queue_declare(queue, durable=True)
    finally:
        await connection.close()


async def test_they_listen_on_this_machine_alone_and_want_a_password(local: LocalServers) -> None:
    for url in (local.database_url, local.broker_url, local.redis_url):
        assert urlsplit(url).hostname == "127.0.0.1"
        assert len(urlsplit(url).password or "") >= 24
    password = urlsplit(local.database_url).password or ""
    for url in (local.database_url, local.nearest_database_url):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(url.replace(password, "guessed"))


async def test_the_nearest_way_to_postgres_is_its_unix_socket(local: LocalServers) -> None:
    assert await one_value(local.database_url, "SELECT host(inet_server_addr())") == "127.0.0.1"
    assert await one_value(local.nearest_database_url, "SELECT inet_server_addr()") is None
    assert (local.postgres.home / "sockets").stat().st_mode & 0o077 == 0


async def test_postgres_is_as_durable_as_in_production(local: LocalServers) -> None:
    for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert await one_value(local.database_url, f"SHOW {name}") == "on"
    assert await one_value(local.database_url, "SHOW password_encryption") == "scram-sha-256"
    assert await one_value(local.database_url, "SELECT current_database()") == "coffer"
    assert await one_value(local.database_url, "SELECT lower('ÄÉ') || ('Z' < 'a')::text") == "äétrue"


async def test_what_postgres_has_acknowledged_outlives_a_kill(local: LocalServers) -> None:
    await one_value(local.database_url, "CREATE TABLE kept (it text)")
    await one_value(local.database_url, "INSERT INTO kept VALUES ('here')")
    await local.postgres.kill()
    assert not local.postgres.running
    with pytest.raises(ConnectionRefusedError):
        await asyncpg.connect(local.database_url, timeout=2)
    await local.postgres.start()
    assert await one_value(local.database_url, "SELECT it FROM kept") == "here"
    await local.postgres.stop()
    await local.postgres.start()
    assert await one_value(local.database_url, "SELECT it FROM kept") == "here"


async def test_a_lock_left_by_postgres_does_not_count_when_its_number_is_another_programs(local: LocalServers) -> None:
    await local.postgres.kill()
    lock = local.postgres.home / "data/postmaster.pid"
    lines = lock.read_text().split("\n")
    lock.write_text("\n".join(["1", *lines[1:]]))
    await local.postgres.start()
    assert await one_value(local.database_url, "SELECT 1") == 1


async def test_redis_comes_back_with_what_it_had(local: LocalServers) -> None:
    async with Redis.from_url(local.redis_url) as redis:
        await redis.set("kept", "here")
        await redis.bgrewriteaof()
        await redis.config_set("appendfsync", "always")
        await redis.set("kept", "here")
    await local.redis.kill()
    await local.redis.start()
    async with Redis.from_url(local.redis_url) as redis:
        assert await redis.get("kept") == b"here"
        assert (await redis.config_get("maxmemory-policy"))["maxmemory-policy"] == "noeviction"
    await local.redis.wipe()
    async with Redis.from_url(local.redis_url) as redis:
        assert await redis.get("kept") is None


async def test_rabbitmq_keeps_its_queues_over_a_kill_and_has_none_after_a_wipe(local: LocalServers) -> None:
    await declare(local.broker_url, "kept")
    await local.rabbitmq.ctl("eval", "catch mnesia:sync_log().")  # else what was declared a moment ago may be in no file yet
    await local.rabbitmq.kill()
    with pytest.raises(AMQPError):
        await aiormq.connect(local.broker_url)
    await local.rabbitmq.start()
    assert await queues(local) == ["kept"]
    url = local.broker_urls[EDGE.name]
    await local.rabbitmq.wipe()
    assert await queues(local) == []
    assert local.broker_urls[EDGE.name] == url
    await (await aiormq.connect(url)).close()


async def process_ids(local: LocalServers) -> set[int]:
    async with Redis.from_url(local.redis_url) as redis:
        of_redis = int((await redis.info("server"))["process_id"])
    of_rabbitmq = int((await local.rabbitmq.ctl("eval", "list_to_integer(os:getpid()).")).strip())
    of_postgres = await one_value(local.database_url, "SELECT pg_read_file('postmaster.pid', 0, 20)")
    return {of_redis, of_rabbitmq, int(str(of_postgres).split()[0])}


async def test_what_is_killed_by_somebody_else_is_started_again(state_dir: Path) -> None:
    said: list[str] = []
    async with LocalServers(state_dir, broker_users=[EDGE], fetched_from=LOCAL, say=said.append) as servers:
        killed = await process_ids(servers)
        async with servers.kept_running():
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            await until(lambda: sum(line.endswith("runs again") for line in said) == len(killed), within_seconds=60)
        assert killed.isdisjoint(await process_ids(servers))
        await (await aiormq.connect(servers.broker_url)).close()


async def test_the_broker_has_the_listed_users_with_their_permissions_and_no_others(local: LocalServers) -> None:
    users = json.loads(await local.rabbitmq.ctl("list_users", "--formatter", "json"))
    assert {user["user"] for user in users} == {"coffer_admin", EDGE.name, PARTNER.name}
    with pytest.raises(ChannelAccessRefused):
        await declare(local.broker_urls[PARTNER.name], "not_mine")
    topics = json.loads(await local.rabbitmq.ctl("list_user_topic_permissions", EDGE.name, "--formatter", "json"))
    assert [(topic["exchange"], topic["write"]) for topic in topics] == [("commands", r"^ledger\.")]


async def test_a_user_who_is_no_longer_listed_is_gone_and_a_new_one_is_there(local: LocalServers) -> None:
    await local.rabbitmq.set_users([EDGE])
    users = json.loads(await local.rabbitmq.ctl("list_users", "--formatter", "json"))
    assert {user["user"] for user in users} == {"coffer_admin", EDGE.name}
    await local.rabbitmq.set_users([EDGE, PARTNER])
    await (await aiormq.connect(local.broker_urls[PARTNER.name])).close()


async def test_a_wrong_command_for_rabbitmqctl_says_why(local: LocalServers) -> None:
    with pytest.raises(ServerError, match=r"rabbitmqctl no_such_command: .*no_such_command"):
        await local.rabbitmq.ctl("no_such_command")


async def test_a_password_is_made_once(local: LocalServers) -> None:
    assert local.password("coffer_app") == local.password("coffer_app") != local.password("coffer_migrate")
