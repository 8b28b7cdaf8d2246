"""The whole interface, as its own document tells it, tried by a stranger to the code: schemathesis, with a login of each role.

Whatever the document lets one send, and what it does not, gets one of the answers that it lists, in the shape that it gives, and never
a fault of ours. What ends a session, or meets everybody, is tried by somebody of whom that is not missed.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from http_edge.process import EdgeProcess
from tests.bank import Bank, House, until
from tests.edge.people import Person

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
ENDLESS = r"/events"
"""A stream, which a client would read for ever; tests/edge/events try it."""
ENDS_THE_SESSION = (
    r"/auth/logout-all|/auth/sessions/\{session_id\}"
    r"|/users/\{user_id\}/(?:end-sessions|reset-mfa|roles|disable|require-password-change)"
)
"""It finds out its own ids and uses them. The others of this kind cannot be hit: they take a password."""
MEETS_EVERYBODY = r"/business-date|/close-of-business.*|/pools/.*|/users/\{user_id\}/.*"
"""Who may do these tries them apart, where no id is known: every other test's day, actors and users would suffer."""
LEFT_OUT = {
    "admin": f"{ENDLESS}|{ENDS_THE_SESSION}|{MEETS_EVERYBODY}",
    "teller": f"{ENDLESS}|{ENDS_THE_SESSION}",
    "member": f"{ENDLESS}|{ENDS_THE_SESSION}",
}
EXAMPLES, MANY_EXAMPLES = 2, 30
"""Of each operation, beside those in the document."""
SECONDS, MANY_SECONDS = 100, 840
USERS = r"/users/\{user_id\}/(?:enable|member|branch)"


@dataclass(frozen=True, slots=True)
class Trial:
    """How a run ended."""

    said: str
    is_good: bool
    statuses: Counter[int]


@pytest.fixture(scope="module")
async def door(house: House) -> AsyncIterator[str]:
    """Another edge of the bank, behind a proxy: what it is asked here counts against no address of another test."""
    http = house.settings.http.model_validate({"port": 0, "trusted_proxies": ["127.0.0.0/8"]})
    edge = EdgeProcess(house.settings.model_copy(update={"http": http}), house.environment, clock=house.clock)
    await edge.start()
    await until(lambda: edge.bus.is_ready)
    yield edge.url
    await edge.stop()


async def tried(
    door: str,
    person: Person,
    place: Path,
    *options: str,
    phases: str = "examples,fuzzing",
    examples: int,
    within_seconds: float = SECONDS,
) -> Trial:
    """What schemathesis finds as this person."""
    report = place / "seen.har"
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        *("run", f"{door}/api/v1/openapi.json"),
        *("--header", f"Authorization: Bearer {person.token}"),
        *("--header", f"X-Forwarded-For: 203.0.113.{person.user.user_id.int % 250}"),
        *("--checks", ",".join(CHECKS), "--phases", phases, "--max-examples", str(examples), "--seed", "1"),
        *("--continue-on-failure", "--no-shrink", "--no-color", "--warnings", "off"),
        *("--generation-with-security-parameters", "false", "--generation-database", "none"),
        *("--request-timeout", "10", "--suppress-health-check", "all"),
        *("--report", "har", "--report-har-path", str(report)),
        *options,
    ]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=place, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), within_seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    seen = orjson.loads(report.read_bytes())["log"]["entries"] if report.exists() else []
    return Trial(said.decode(), process.returncode == 0, Counter(entry["response"]["status"] for entry in seen))


@pytest.fixture(scope="module")
async def trials(house: House, door: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Person, Trial]]:
    """Of each role, side by side: most of the time goes into thinking of requests."""
    people = {role: await Person.new(Bank(house), role) for role in LEFT_OUT}
    found = await asyncio.gather(
        *(
            tried(door, people[role], tmp_path_factory.mktemp(role), *left_out(LEFT_OUT[role]), examples=EXAMPLES)
            for role in LEFT_OUT
        )
    )
    return {role: (people[role], trial) for role, trial in zip(LEFT_OUT, found, strict=True)}


def only(paths: str, beside: str = "") -> tuple[str, str]:
    return "--include-path-regex", rf"^(?:/api/v1(?:{paths}){beside})$"


def left_out(paths: str) -> tuple[str, str]:
    return "--exclude-path-regex", rf"^/api/v1(?:{paths})$"


@pytest.mark.parametrize("role", LEFT_OUT)
async def test_every_answer_is_one_that_is_documented(role: str, trials: dict[str, tuple[Person, Trial]]) -> None:
    person, trial = trials[role]
    assert trial.is_good, trial.said
    assert (await person.asks("GET", "/auth/me"))[0] == 200, "it was logged out on the way, and saw nothing from there on"
    assert trial.statuses.total() > 300
    assert trial.statuses[401] < trial.statuses.total() / 10
    assert trial.statuses[200] > 30
    assert (trial.statuses[403] > 50) == (role != "admin")


async def test_what_ends_a_session_is_documented_too(bank: Bank, door: str, tmp_path: Path) -> None:
    person = await Person.new(bank, "admin")
    trial = await tried(door, person, tmp_path, *only(ENDS_THE_SESSION, r"|/ready|/metrics"), examples=5)
    assert trial.is_good, trial.said
    assert trial.statuses[204] >= 1
    assert trial.statuses[401] >= 1
    assert (await person.asks("GET", "/auth/me"))[0] == 401


async def test_what_is_done_to_users_is_documented_too(bank: Bank, door: str, tmp_path: Path) -> None:
    person = await Person.new(bank, "admin")
    trial = await tried(door, person, tmp_path, *only(USERS), examples=10)
    assert trial.is_good, trial.said
    assert trial.statuses.total() > 20 and trial.statuses[200] > 0, trial.statuses
    assert (await person.asks("GET", "/auth/me"))[0] == 200


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("role", LEFT_OUT)
async def test_every_answer_is_documented_however_long_one_tries(role: str, bank: Bank, door: str, tmp_path: Path) -> None:
    person = await Person.new(bank, role)
    phases = "examples,coverage,fuzzing"
    options = left_out(LEFT_OUT[role])
    trial = await tried(door, person, tmp_path, *options, phases=phases, examples=MANY_EXAMPLES, within_seconds=MANY_SECONDS)
    assert trial.is_good, trial.said
    assert (await person.asks("GET", "/auth/me"))[0] == 200
    assert trial.statuses.total() > 10_000
