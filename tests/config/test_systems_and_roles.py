"""Other programs and roles: who may say what."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.roles import Grant, load_roles
from config.settings import Profile
from config.systems import load_systems


def test_the_demo_partner_does_not_exist_in_production() -> None:
    assert "demo-partner" in load_systems(profile=Profile.DEV)
    assert "demo-partner" not in load_systems(profile=Profile.PRODUCTION)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "systems:\n  shop:\n    user: shop\n    says: [ledger.deposit]\n",
            "systems.yaml:4: systems.shop.says: 'ledger.deposit' is no",
        ),
        (
            "systems:\n  shop:\n    user: shop\n    hears: ['#']\n",
            "systems.yaml:4: systems.shop.hears: '#' is no event pattern",
        ),
        ("systems:\n  shop:\n    user: demo_partner\n", "shop and demo-partner have the same broker user"),
        ("systems:\n  shop:\n    says: []\n", "systems.yaml:2: systems.shop.user: is required"),
        ("systems:\n  shop: {user: 'a b'}\n", "systems.yaml:2: systems.shop.user: should match pattern"),
    ],
)
def test_a_bad_system_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "systems.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_systems(tmp_path)
    assert said in str(caught.value)


def test_a_role_in_the_operators_file_replaces_the_shipped_one_whole(tmp_path: Path) -> None:
    (tmp_path / "roles.yaml").write_text("roles:\n  teller:\n    members:read: all\n  clerk:\n    members:read: own\n")
    roles = load_roles(tmp_path)
    assert (roles["teller"], roles["clerk"]) == ({"members:read": Grant(scope="all")}, {"members:read": Grant(scope="own")})
    assert set(load_roles()) <= set(roles)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "roles:\n  teller:\n    members:read: every\n",
            "roles.yaml:3: roles.teller.members:read.scope: should be 'own', 'group', 'branch' or 'all'",
        ),
        (
            "roles:\n  teller:\n    cash:deposit: {scope: all, at_most: {KES: '1e9'}}\n",
            "roles.yaml:3: roles.teller.cash:deposit.at_most.KES: should be a decimal string",
        ),
        ("roles:\n  teller:\n    cash:deposit: {scope: all, up_to: {KES: '1'}}\n", "cash:deposit.up_to: unknown key"),
        ("roles:\n  teller:\n    members_read: all\n", "roles.yaml:3: roles.teller.members_read"),
    ],
)
def test_a_bad_role_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "roles.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_roles(tmp_path)
    assert said in str(caught.value)
