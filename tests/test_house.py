"""The repository reads itself and stays tidy. Each check is shown to find a planted fault, so quiet means clean."""

from collections.abc import Callable, Iterable, Mapping

import pytest

from config.pools import load_pools
from config.roles import load_roles
from config.settings import Profile, load_settings
from config.systems import load_systems
from tests.tidy import code, names, settings, sql, words
from tests.tidy.repository import HOUSE, files

FILES = files()

FileCheck = Callable[[str, str], Iterable[str]]
HouseCheck = Callable[[Mapping[str, str]], Iterable[str]]

FILE_CHECKS: list[FileCheck] = [
    names.says_what_it_is,
    names.belongs_at_the_top,
    names.is_short_enough,
    names.has_a_head,
    names.hands_names_on,
    words.leaves_nothing_behind,
    words.says_why_it_is_silenced,
    words.says_why_it_is_skipped,
    words.speaks_of_the_product_alone,
    words.locks_public_sources,
    code.asks_the_one_clock,
    code.keeps_rules_pure,
    code.counts_money_in_whole_units,
    code.keeps_sql_in_its_files,
    code.waits_for_conditions,
    sql.names_and_describes,
    sql.says_why_first,
]
HOUSE_CHECKS: list[HouseCheck] = [names.is_used, sql.stays_in_its_schema, sql.is_said_by_somebody, settings.is_read]

WORKPLACE, TICKET = "work", "issue"
RULES = "actors/loan/rules/day_counts.py"
QUERIES = "actors/loan/queries.sql"

PLANTED: list[tuple[FileCheck, str, str]] = [
    (names.says_what_it_is, "runtime/utils.py", ""),
    (names.says_what_it_is, "actors/common/actor.py", ""),
    (names.says_what_it_is, "runtime/base_actor.py", ""),
    (names.says_what_it_is, "runtime/base.py", ""),
    (names.belongs_at_the_top, "scripts/run.py", ""),
    (names.is_short_enough, "runtime/turn.py", "x = 1\n" * 401),
    (names.has_a_head, "runtime/turn.py", "x = 1\n"),
    (names.hands_names_on, "runtime/__init__.py", "def f():\n    a = 1\n    b = 2\n    c = 3\n    d = 4\n    return a\n"),
    (words.leaves_nothing_behind, "runtime/turn.py", "# TODO: later\n"),
    (words.says_why_it_is_silenced, "runtime/turn.py", "x = 1  # noqa\n"),
    (words.says_why_it_is_silenced, "runtime/turn.py", "x = 1  # noqa: E501\n"),
    (words.says_why_it_is_silenced, "runtime/turn.py", "x = 1  # type: ignore\n"),
    (words.says_why_it_is_silenced, "runtime/turn.py", "x = 1  # type: ignore[misc]\n"),
    (words.says_why_it_is_skipped, "tests/test_x.py", "@pytest.mark.skip\ndef test_x(): ...\n"),
    (words.speaks_of_the_product_alone, "README.md", f"see /{WORKPLACE}/main\n"),
    (words.speaks_of_the_product_alone, "README.md", f"closes {TICKET} #12\n"),
    (words.locks_public_sources, "uv.lock", 'registry = "https://mirror.example.net/simple"\n'),
    (code.asks_the_one_clock, "http_edge/app.py", "import time\nx = time.time()\n"),
    (code.asks_the_one_clock, "actors/loan/actor.py", "from datetime import datetime\nx = datetime.now(UTC)\n"),
    (code.keeps_rules_pure, RULES, "import random\n"),
    (code.keeps_rules_pure, RULES, "from importlib import import_module\n"),
    (code.keeps_rules_pure, RULES, "x = date.today()\n"),
    (code.keeps_rules_pure, RULES, "async def f(): ...\n"),
    (code.counts_money_in_whole_units, "messages/ledger.py", "class A:\n    amount: float\n"),
    (code.counts_money_in_whole_units, "actors/ledger/rules/balance.py", "x = float(a)\n"),
    (code.counts_money_in_whole_units, "messages/money.py", "x = a / 100\n"),
    (code.counts_money_in_whole_units, RULES, "rate = 0.1\n"),
    (code.keeps_sql_in_its_files, "actors/loan/store.py", 'sql = "SELECT id FROM loan.loan"\n'),
    (code.keeps_sql_in_its_files, "http_edge/app.py", 'sql = f"update loan.loan set state = {x}"\n'),
    (code.waits_for_conditions, "tests/test_x.py", "await asyncio.sleep(2)\n"),
    (sql.names_and_describes, QUERIES, "-- name: loan_by_id\nSELECT 1;\n"),
    (sql.names_and_describes, QUERIES, "-- name: loan_by_id\n-- One loan.\nSELECT 1\n"),
    (sql.names_and_describes, QUERIES, "-- name: Loan-by-id\n-- One loan.\nSELECT 1;\n"),
    (sql.names_and_describes, QUERIES, "SELECT 1;\n-- name: loan_by_id\n-- One loan.\nSELECT 1;\n"),
    (sql.says_why_first, "migrations/0009_loan.sql", "CREATE SCHEMA loan;\n"),
]
PLANTED_IN_A_HOUSE: list[tuple[HouseCheck, dict[str, str]]] = [
    (names.is_used, {"runtime/forgotten.py": "x = 1\n", "tests/test_forgotten.py": "import runtime.forgotten\n"}),
    (names.is_used, {"actors/loan/actor.py": "x = 1\n", "config/pools.yaml": "actor: actors.loans\n"}),
    (settings.is_read, {"runtime/pool.py": "x = pool.prefetc\n", "config/production.py": "x = settings.prefetch\n"}),
    (sql.stays_in_its_schema, {QUERIES: "SELECT 1 FROM ledger.account;", "actors/ledger/actor.py": ""}),
    (sql.stays_in_its_schema, {QUERIES: "UPDATE runtime.inbox SET reply = '';"}),
    (sql.is_said_by_somebody, {QUERIES: "-- name: loan_by_id\n", "actors/loan/store.py": 'self.sql["loan_by_number"]'}),
]


def named(value: object) -> str:
    return str(getattr(value, "__name__", ""))


@pytest.mark.parametrize("check", FILE_CHECKS, ids=named)
def test_the_house_is_tidy(check: FileCheck) -> None:
    found = [f"{path}:{problem}" for path, text in FILES.items() for problem in check(path, text)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("check", HOUSE_CHECKS, ids=named)
def test_the_house_fits_together(check: HouseCheck) -> None:
    found = list(check(FILES))
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(("check", "path", "text"), PLANTED, ids=named)
def test_a_planted_fault_is_found(check: FileCheck, path: str, text: str) -> None:
    assert list(check(path, text))


@pytest.mark.parametrize(("check", "house"), PLANTED_IN_A_HOUSE, ids=named)
def test_a_fault_planted_in_a_house_is_found(check: HouseCheck, house: dict[str, str]) -> None:
    assert list(check(house))


def test_every_check_was_seen_to_find_something() -> None:
    seen = {check for check, *_ in PLANTED} | {check for check, _ in PLANTED_IN_A_HOUSE}
    assert seen == {*FILE_CHECKS, *HOUSE_CHECKS}


def test_every_shipped_configuration_is_good() -> None:
    for profile in (Profile.DEV, Profile.TEST):
        load_settings({"COFFER_PROFILE": profile})
    assert load_roles()
    assert load_systems()
    for name, pool in load_pools().items():
        assert (HOUSE / pool.actor.replace(".", "/") / "actor.py").is_file(), f"pools.yaml: {name} runs {pool.actor}"


def test_every_role_that_a_system_has_exists() -> None:
    roles = load_roles()
    for name, system in load_systems().items():
        assert not set(system.roles) - set(roles), name


def test_the_readme_begins_with_the_two_commands() -> None:
    readme = FILES["README.md"]
    first_screen = "\n".join(readme.splitlines()[:40])
    assert "make run" in first_screen
    assert "make test" in first_screen
