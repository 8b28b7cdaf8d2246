"""The doctor finds what is wrong, says what to do, and never repeats a password."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.sections import DatabaseSettings, HttpSettings
from runtime.clock import SettableClock
from runtime.doctor import broker, cache, database, machine, private
from runtime.doctor.examination import configuration, examine
from runtime.doctor.finding import Finding, Verdict
from runtime.migrations import migrate
from runtime.servers import LocalServers

SERVER: Mapping[str, Any] = {
    "version": 150_018,
    "version_text": "15.18 (Debian)",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "encoding": "UTF8",
    "is_standby": False,
    "max_connections": 100,
}


def given(servers: LocalServers) -> dict[str, str]:
    return {
        "COFFER_PROFILE": "test",
        "COFFER_DATABASE_URL": servers.database_url,
        "COFFER_BROKER_URL": servers.broker_url,
        "COFFER_REDIS_URL": servers.redis_url,
    }


def verdicts(findings: list[Finding]) -> dict[str, Verdict]:
    return {finding.what: finding.verdict for finding in findings}


async def test_a_good_deployment_has_nothing_that_fails(servers: LocalServers) -> None:
    await migrate(servers.database_url)
    found = await examine(given(servers))
    assert not [finding for finding in found if finding.verdict is Verdict.FAIL]
    assert {"PostgreSQL", "durability", "migrations", "app role", "RabbitMQ", "Redis", "database's clock"} <= set(
        verdicts(found)
    )


async def test_servers_that_are_away_are_named_without_their_passwords() -> None:
    away = {
        "COFFER_DATABASE_URL": "postgresql://somebody:hidden-word@127.0.0.1:1/bank",
        "COFFER_BROKER_URL": "amqp://somebody:hidden-word@127.0.0.1:1/bank",
        "COFFER_REDIS_URL": "redis://:hidden-word@127.0.0.1:1/0",
    }
    found = await examine(away)
    told = [finding for finding in found if finding.verdict is Verdict.FAIL]
    assert {finding.what for finding in told} >= {"PostgreSQL", "RabbitMQ", "Redis"}
    assert all("cannot be reached" in finding.said for finding in told if finding.what != "port")
    assert "hidden-word" not in str(found)


async def test_a_clock_that_is_wrong_by_minutes_fails(servers: LocalServers) -> None:
    clock = SettableClock()
    clock.advance(seconds=timedelta(minutes=5).total_seconds())
    found = await examine(given(servers), clock)
    assert verdicts(found)["database's clock"] is Verdict.FAIL
    assert verdicts(found)["Redis's clock"] is Verdict.FAIL


async def test_a_database_without_the_schema_is_told_what_to_run(servers: LocalServers) -> None:
    empty = DatabaseSettings(url=servers.database_url.rpartition("/")[0] + "/postgres")
    found = await database.look_at_database(empty, SettableClock())
    assert next(finding.said for finding in found if finding.what == "migrations").endswith("run coffer migrate")


def test_faulty_settings_are_told_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("http:\n  prot: 1\n")
    settings, found = configuration({"COFFER_CONFIG_DIR": str(tmp_path)})
    assert settings is None
    assert "settings.yaml:2: http.prot: unknown key" in found[0].said


def test_a_system_with_a_role_that_nobody_defined_fails(tmp_path: Path) -> None:
    (tmp_path / "systems.yaml").write_text("systems:\n  shop: {user: shop, roles: [tellr]}\n")
    _, found = configuration({"COFFER_CONFIG_DIR": str(tmp_path)})
    assert verdicts(found)["systems and roles"] is Verdict.FAIL


def test_a_role_that_grants_what_means_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "roles.yaml").write_text("roles:\n  clerk: {members:raed: all, users:write: own, members:read: own}\n")
    _, found = configuration({"COFFER_CONFIG_DIR": str(tmp_path)})
    assert [each.said for each in found if each.verdict is Verdict.FAIL] == [
        "clerk: there is no permission members:raed; did you mean members:read?",
        "clerk: users:write cannot be narrowed to own, so it reaches nothing",
    ]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.OK),
        ({"version": 140_011}, Verdict.FAIL),
        ({"version": 180_001}, Verdict.OK),
        ({"version": 190_000}, Verdict.WARN),
        ({"is_standby": True}, Verdict.FAIL),
        ({"encoding": "LATIN1"}, Verdict.FAIL),
    ],
)
def test_versions_of_postgresql(changes: dict[str, Any], verdict: Verdict) -> None:
    assert database.version({**SERVER, **changes}, "somewhere").verdict is verdict


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.OK),
        ({"fsync": "off"}, Verdict.FAIL),
        ({"full_page_writes": "off"}, Verdict.FAIL),
        ({"synchronous_commit": "off"}, Verdict.FAIL),
        ({"synchronous_commit": "local"}, Verdict.WARN),
    ],
)
def test_a_database_that_forgets_is_no_bank(changes: dict[str, Any], verdict: Verdict) -> None:
    assert [finding.verdict for finding in database.durability({**SERVER, **changes})] == [verdict]


@pytest.mark.parametrize(
    ("said", "queue_type", "verdict"),
    [
        ("3.9.29", "classic", Verdict.FAIL),
        ("3.10.8", "classic", Verdict.OK),
        ("3.10.8", "quorum", Verdict.FAIL),
        ("4.2.1", "quorum", Verdict.FAIL),
        ("4.3.0", "quorum", Verdict.OK),
        ("5.0.0", "classic", Verdict.WARN),
        ("LavinMQ", "classic", Verdict.FAIL),
    ],
)
def test_versions_of_rabbitmq(said: str, queue_type: str, verdict: Verdict) -> None:
    assert broker.version("RabbitMQ", said, "somewhere", queue_type).verdict is verdict


@pytest.mark.parametrize(
    ("server", "verdict"),
    [
        ({"redis_version": "6.2.14"}, Verdict.FAIL),
        ({"redis_version": "7.0.15"}, Verdict.OK),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.0"}, Verdict.OK),
        ({}, Verdict.FAIL),
    ],
)
def test_versions_of_redis(server: dict[str, str], verdict: Verdict) -> None:
    assert cache.version(server, "somewhere").verdict is verdict


@pytest.mark.parametrize(
    ("running", "verdict"), [((3, 10), Verdict.FAIL), ((3, 11), Verdict.OK), ((3, 13), Verdict.OK), ((3, 14), Verdict.WARN)]
)
def test_versions_of_python(running: tuple[int, int], verdict: Verdict) -> None:
    assert machine.python_version(running).verdict is verdict


def test_packages_that_are_not_the_locked_ones_are_named() -> None:
    found = machine.packages({"pydantic": "0.0.1", "not-installed-at-all": "1.0"})
    assert found.verdict is Verdict.WARN
    assert "not 0.0.1" in found.said
    assert "not-installed" not in found.said


def test_the_lock_file_is_read_whatever_its_kind(tmp_path: Path) -> None:
    assert machine.pinned(tmp_path) == {}
    (tmp_path / "requirements.lock").write_text(
        "# made by a tool\naiohttp[speedups]==3.14.5 \\\n    --hash=sha256:00\nyarl==1.22.0\n"
    )
    assert machine.pinned(tmp_path) == {"aiohttp": "3.14.5", "yarl": "1.22.0"}
    (tmp_path / "uv.lock").write_text(
        'version = 1\n[[package]]\nname = "yarl"\nversion = "1.0"\nsource = { registry = "https://pypi.org/simple" }\n'
        '[[package]]\nname = "coffer"\nversion = "0.1.0"\nsource = { virtual = "." }\n'
    )
    assert machine.pinned(tmp_path) == {"yarl": "1.0"}


def test_a_port_that_somebody_else_has_fails() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        found = machine.port(HttpSettings(port=taken.getsockname()[1]))
    assert found.verdict is Verdict.FAIL
    assert "set COFFER_HTTP_PORT" in found.said


def test_too_little_room_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert machine.disk(tmp_path / "not" / "made" / "yet").verdict is not Verdict.FAIL
    monkeypatch.setattr(machine, "LEAST_FREE_BYTES", 2**60)
    assert machine.disk(tmp_path).verdict is Verdict.FAIL


def test_a_server_that_is_nowhere_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_server_named: None
) -> None:
    monkeypatch.setattr(private, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    for look, variable in (
        (private.postgres, "COFFER_DATABASE_URL"),
        (private.rabbitmq, "COFFER_BROKER_URL"),
        (private.redis, "COFFER_REDIS_URL"),
    ):
        found = look(tmp_path / "fetched")
        assert found.verdict is Verdict.FAIL
        assert variable in found.said
