"""A system's entry that names what does not exist is refused at the start, with its line."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.pools import load_pools
from config.settings import load_settings
from runtime.systems import external_systems


def started_with(folder: Path, entry: str) -> None:
    (folder / "systems.yaml").write_text(f"systems:\n  shop:\n    user: shop\n{entry}\n")
    external_systems(load_settings({"COFFER_PROFILE": "test", "COFFER_CONFIG_DIR": str(folder)}), {}, load_pools())


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            "    says:\n      - ledger.deposit.v1\n      - ledger.account.v1",
            "systems.yaml:6: systems.shop.says.1: there is no command",
        ),
        ("    says: [ledger.deposit.v2]", "did you mean ledger.deposit.v1?"),
        ("    says: [ledger.entry_posted.v1]", "ledger.entry_posted.v1 is an event"),
        ("    hears: [ledger.deposit.v1]", "systems.yaml:4: systems.shop.hears.0: no event is called ledger.deposit.v1"),
        ("    hears: [treasury.#]", "no event is called treasury.#"),
        ("    roles: [tellr]", "systems.yaml:4: systems.shop.roles.0: roles.yaml has no role tellr; did you mean teller?"),
    ],
)
def test_what_does_not_exist_is_named_with_its_line(entry: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        started_with(tmp_path, entry)
    assert said in str(caught.value)


def test_what_exists_may_be_named(tmp_path: Path) -> None:
    started_with(tmp_path, "    says: [member.get_member.v1]\n    hears: [ledger.#, 'member.*.v1']\n    roles: [auditor]")


def test_an_actor_that_no_pool_runs_may_not_be_spoken_to(tmp_path: Path) -> None:
    (tmp_path / "systems.yaml").write_text("systems:\n  shop:\n    user: shop\n    says: [ledger.deposit.v1]\n")
    pools = {name: pool for name, pool in load_pools().items() if name != "ledger"}
    with pytest.raises(ConfigError, match=r"no pool in pools\.yaml runs the actor ledger"):
        external_systems(load_settings({"COFFER_PROFILE": "test", "COFFER_CONFIG_DIR": str(tmp_path)}), {}, pools)


def test_a_system_may_not_be_called_as_an_actor_is_whose_events_it_would_take(tmp_path: Path) -> None:
    (tmp_path / "systems.yaml").write_text("systems:\n  ledger:\n    user: shop\n")
    with pytest.raises(ConfigError, match=r"systems\.yaml:2: systems\.ledger: an actor is called ledger"):
        external_systems(load_settings({"COFFER_PROFILE": "test", "COFFER_CONFIG_DIR": str(tmp_path)}), {}, load_pools())
