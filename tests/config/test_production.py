"""The production profile refuses to start with what is only good for a first look, and says which setting it is."""

import pytest

from config.settings import ConfigError, load_settings
from tests.config.test_settings import GOOD_PRODUCTION

KEY = "COFFER_IDENTITY__KEY_SECRET"


def refused(**changes: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(GOOD_PRODUCTION | changes)
    return [problem.removeprefix("production refuses to start: ") for problem in caught.value.problems]


def test_good_secrets_and_addresses_start() -> None:
    assert load_settings(GOOD_PRODUCTION).profile == "production"


def test_bare_production_names_everything_that_is_missing() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings({"COFFER_PROFILE": "production"})
    for setting in ("database.url", "broker.url", "redis.url", "identity.key_secret"):
        assert f"production refuses to start: {setting} " in str(caught.value)


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("", "is a default or demo secret"),
        ("demo-key-secret-that-everybody-knows-0000", "is a default or demo secret"),
        ("changeme-changeme-changeme-changeme", "is a default or demo secret"),
        ("k3-short", "is shorter than 32"),
        ("abababababababababababababababababab", "has fewer than 8 different characters"),
    ],
)
def test_a_weak_key_secret_is_named_and_not_repeated(secret: str, why: str) -> None:
    (told,) = refused(**{KEY: secret})
    assert told.startswith(f"identity.key_secret {why}")
    assert not secret or secret not in told


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        (
            "COFFER_DATABASE_URL",
            "postgresql://coffer:coffer@db/coffer",
            "database.url: its password is a default or demo secret",
        ),
        (
            "COFFER_DATABASE_URL",
            "postgresql://bank-owner-1:bank-owner-1@db/c",
            "database.url: its password is the same as its user",
        ),
        ("COFFER_BROKER_URL", "amqp://guest:guest@broker", "broker.url: its password is a default or demo secret"),
        ("COFFER_BROKER__PASSWORDS__EDGE", "s3cret", "broker.passwords.edge is shorter than 12 characters"),
        ("COFFER_REDIS_URL", "redis://:redis@cache", "redis.url: its password is a default or demo secret"),
        ("COFFER_DEMO__ENABLED", "true", "demo.enabled is true: production has no demo users"),
        ("COFFER_IDENTITY__BCRYPT_COST", "4", "identity.bcrypt_cost is 4; production needs at least 10"),
        (
            "COFFER_SYSTEMS__DEMO-PARTNER__PROFILES",
            "dev,production",
            "systems.demo-partner.local_password is for private servers",
        ),
    ],
)
def test_what_is_only_good_for_a_first_look_is_refused(variable: str, value: str, said: str) -> None:
    (told,) = refused(**{variable: value})
    assert told.startswith(said)


def test_a_broker_without_any_password_would_be_entered_as_guest() -> None:
    without = {name: value for name, value in GOOD_PRODUCTION.items() if "PASSWORDS" not in name}
    with pytest.raises(ConfigError, match="the client would use guest/guest"):
        load_settings(without)


def test_a_migration_needs_the_database_alone() -> None:
    only = {name: GOOD_PRODUCTION[name] for name in ("COFFER_PROFILE", "COFFER_DATABASE_URL")}
    assert load_settings(only, needs=("database",)).database.url
