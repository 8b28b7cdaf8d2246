"""On a machine that has none of them, the servers are fetched. Skipped, with the reason, where no registry can be reached."""

from pathlib import Path

import pytest

from runtime.servers import LocalServers, ServerMissing, postgres_binaries, rabbitmq_binaries
from runtime.servers import redis as redis_server
from tests.runtime.servers.conftest import EDGE


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, no_server_named: None) -> None:
    monkeypatch.setattr(postgres_binaries, "_installed", lambda _account: [])
    monkeypatch.setattr(rabbitmq_binaries, "_installed", list)
    monkeypatch.setattr(redis_server, "_installed", lambda: None)


@pytest.mark.parametrize("server", ["postgres", "redis", "rabbitmq"])
async def test_it_is_fetched_and_runs(state_dir: Path, nothing_installed: None, server: str) -> None:
    said: list[str] = []
    servers = LocalServers(state_dir, only=(server,), broker_users=[EDGE], say=said.append)
    try:
        await servers.__aenter__()
    except ServerMissing as error:
        if "could not be fetched" in str(error):
            pytest.skip(str(error))
        raise
    await servers.__aexit__(None, None, None)
    assert any(line.startswith("fetching ") for line in said)
    said.clear()
    async with servers:
        assert not any(line.startswith("fetching ") for line in said)
