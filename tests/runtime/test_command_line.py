"""The command `coffer` as an operator meets it: help that teaches, one line for what is wrong, exit codes for scripts."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from openapi_spec_validator import validate
from typer.main import get_command
from typer.testing import CliRunner

from runtime.command_line import app
from runtime.servers import LocalServers
from tests.bank import Bank

HOUSE = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str


async def coffer(*words: str, piped: str = "", **environment: str) -> Said:
    """Run the command in a process of its own, with nothing but these variables of ours."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("COFFER_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "runtime",
        *words,
        cwd=HOUSE,
        env={**others, "COFFER_STATE_DIR": "/nonexistent", **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(piped.encode())
    return Said(process.returncode or 0, out.decode(), err.decode())


def commands() -> list[str]:
    """Every command there is, as its words."""
    found: list[str] = []
    waiting: list[tuple[tuple[str, ...], Any]] = [((), get_command(app))]
    while waiting:
        words, command = waiting.pop()
        inner = getattr(command, "commands", {})
        waiting += [((*words, name), each) for name, each in inner.items()]
        found += [] if inner else [" ".join(words)]
    return sorted(found)


@pytest.mark.parametrize("command", commands())
def test_every_commands_help_shows_an_example_of_itself(command: str) -> None:
    shown = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert "For example" in shown.output
    assert f"coffer {command}" in shown.output.partition("For example")[2]


def test_the_promised_commands_are_there() -> None:
    first = {command.split()[0] for command in commands()}
    assert first == {"up", "run", "migrate", "pools", "dead", "cache", "administrator", "doctor", "openapi", "asyncapi"}


async def test_a_wrong_setting_is_one_line_and_exit_code_2() -> None:
    said = await coffer("migrate", COFFER_DATABASE_ULR="x")
    assert (said.code, said.out) == (2, "")
    assert said.err == "coffer: environment COFFER_DATABASE_ULR: unknown variable; did you mean COFFER_DATABASE_URL?\n"


async def test_without_a_database_it_says_what_to_set() -> None:
    said = await coffer("migrate")
    assert (said.code, said.err) == (2, "coffer: no database: set COFFER_DATABASE_URL, or start one with coffer up\n")


async def test_production_with_demo_secrets_refuses_to_start_and_says_which() -> None:
    said = await coffer("run", "edge", COFFER_PROFILE="production")
    assert said.code == 2
    assert "production refuses to start: identity.key_secret is a default or demo secret" in said.err
    assert "Traceback" not in said.err


async def test_migrate_brings_a_database_up_to_date_once(servers: LocalServers) -> None:
    name = f"t_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(servers.database_url)
    await admin.execute(f"CREATE DATABASE {name}")
    url = {"COFFER_DATABASE_URL": servers.database_url.rpartition("/")[0] + f"/{name}"}
    to_do = await coffer("migrate", "--check", **url)
    assert (to_do.code, to_do.out.splitlines()[0]) == (1, "to do: 0001_runtime")
    assert (await coffer("migrate", **url)).out.startswith("applied 0001_runtime\n")
    assert await coffer("migrate", **url) == Said(0, "current\n", "")
    assert await coffer("migrate", "--check", **url) == Said(0, "current\n", "")
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def test_doctor_ends_with_1_when_something_is_away() -> None:
    said = await coffer("doctor", COFFER_DATABASE_URL="postgresql://me:hidden-word@127.0.0.1:1/bank")
    assert said.code == 1
    assert "fail  PostgreSQL" in said.out
    assert "hidden-word" not in said.out + said.err


async def test_doctor_prints_the_brokers_users_as_commands() -> None:
    said = await coffer("doctor", "--broker-users")
    assert "rabbitmqctl set_permissions -p coffer coffer_edge" in said.out


async def test_openapi_prints_a_valid_document(tmp_path: Path) -> None:
    said = await coffer("openapi", "--output", str(tmp_path / "openapi.json"))
    assert said == Said(0, "", "")
    document = json.loads((tmp_path / "openapi.json").read_text())
    assert document["openapi"].startswith("3.1")
    validate(document)


async def test_asyncapi_prints_a_document() -> None:
    said = await coffer("asyncapi")
    assert json.loads(said.out)["asyncapi"].startswith("3.")


async def test_pools_are_listed_changed_and_reset_while_they_run(bank: Bank) -> None:
    here = dict(bank.house.environment)
    listed = await coffer("pools", "list", **here)
    assert "ledger" in listed.out
    changed = await coffer("pools", "set", "member", "prefetch=48", "partitions=0-3,8", **here)
    assert changed.out == "member: partitions [0, 1, 2, 3, 8], prefetch 48\n"
    assert (await coffer("pools", "reset", "member", **here)).out == "member: as in the files\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", "member", "prefetc=48"), "did you mean prefetch?"),
        (("set", "member", "prefetch"), "write KEY=VALUE"),
        (("set", "member", "prefetch=0"), "prefetch: "),
        (("set", "nobody", "prefetch=5"), "pool_not_found"),
        (("set", "ledger", "batch=2000"), "can never fill"),
    ],
)
async def test_a_change_that_cannot_be_is_one_line(bank: Bank, words: tuple[str, ...], said: str) -> None:
    told = await coffer("pools", *words, **bank.house.environment)
    assert told.code in (1, 2)
    assert said in told.err
    assert "Traceback" not in told.err


async def test_a_faulty_pools_file_is_told_by_its_line_and_nobody_is_signalled(bank: Bank, tmp_path: Path) -> None:
    (tmp_path / "pools.yaml").write_text("pools:\n  member:\n    replcas: 2\n")
    told = await coffer("pools", "reload", **{**bank.house.environment, "COFFER_CONFIG_DIR": str(tmp_path)})
    assert told.code == 2
    assert "pools.yaml:3: pools.member.replcas: unknown key; did you mean replicas?" in told.err


async def test_nobody_there_is_one_line_and_exit_code_3(servers: LocalServers) -> None:
    told = await coffer("dead", "list", COFFER_BROKER_URL="amqp://guest:hidden-word@127.0.0.1:1/")
    assert told.code == 3
    assert "coffer doctor tells more" in told.err
    assert "hidden-word" not in told.err


async def test_a_dead_letter_is_listed_shown_and_discarded_with_a_note(bank: Bank) -> None:
    here = dict(bank.house.environment)
    letter_id = str(uuid4())
    await bank.house.database.execute(
        "INSERT INTO runtime.dead_letter (id, actor, message_id, type, reason, error, attempts, first_at, last_at, envelope)"
        " VALUES ($1, 'ledger', NULL, 'ledger.nonsense.v1', 'unknown_type', 'no such type', 0, now(), now(), '{}')",
        letter_id,
    )
    assert letter_id in (await coffer("dead", "list", "--actor", "ledger", **here)).out
    assert json.loads((await coffer("dead", "show", letter_id, **here)).out)["reason"] == "unknown_type"
    refused = await coffer("dead", "replay", letter_id, **here)
    assert (refused.code, refused.err.split(":")[1].strip()) == (1, "dead_letter_unreadable")
    discarded = await coffer("dead", "discard", letter_id, "--note", "made by hand", **here)
    assert discarded == Said(0, "discarded ledger.nonsense.v1 of ledger\n", "")
    assert (await coffer("dead", "discard", letter_id, "--note", "again", **here)).code == 1


async def test_the_first_administrator_is_made_once_and_the_password_is_shown_nowhere(bank: Bank) -> None:
    here = dict(bank.house.environment)
    weak = await coffer("administrator", "anna@lender.example", piped="hunter2\n", **here)
    assert weak.code == 2
    assert weak.err.startswith("coffer: password: ")
    late = await coffer("administrator", "anna@lender.example", piped="seven green kettles sing at noon\n", **here)
    assert (late.code, late.err.partition(":")[2].split(":")[0].strip()) == (1, "users_exist")
    assert "hunter2" not in weak.out + weak.err
    assert "kettles" not in late.out + late.err
