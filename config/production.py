"""What a production deployment may not have: default, demo or weak secrets, demo users, missing servers."""

from collections.abc import Collection, Iterator, Mapping

from config.sections import DEMO_KEY_SECRET, DEMO_PASSWORD, Settings
from config.systems import SystemSettings
from config.urls import password_in, user_in

SHORTEST_PASSWORD = 12
"""Characters of a server password; machines type it, so there is no reason for less."""
SHORTEST_KEY_SECRET = 32
"""Bytes; as long as the HMAC-SHA256 key that is derived from it."""
FEWEST_DISTINCT = 8
"""Different characters; `aaaaaaaaaaaaaaaa` is long and weak."""
LOWEST_BCRYPT_COST = 10
"""The least that current password-storage guidance accepts."""

_KNOWN = frozenset(
    {"guest", "coffer", "postgres", "password", "changeme", "secret", "admin", "administrator", "rabbitmq", "redis"}
)
_KNOWN_STARTS = ("demo", "dev-", "test", "example", "change", "sample", "default")


NEEDS = ("database", "broker", "redis", "identity")
"""The parts that a whole bank needs."""


def check_production(
    settings: Settings, systems: Mapping[str, SystemSettings] | None = None, needs: Collection[str] = NEEDS
) -> list[str]:
    """One line per thing that production refuses, each naming the setting; empty when a process with these needs may start."""
    found = [*_demo(settings, systems or {})]
    for name in needs:
        found += _identity(settings) if name == "identity" else _server(settings, name)
    return found


def weakness(secret: str, *, shortest: int = SHORTEST_PASSWORD, user: str | None = None) -> str | None:
    """Why this secret is too weak for production, in words that do not repeat it; None when it is not."""
    lowered = secret.lower()
    if secret in (DEMO_KEY_SECRET, DEMO_PASSWORD) or lowered in _KNOWN or lowered.startswith(_KNOWN_STARTS):
        return "is a default or demo secret"
    if user is not None and lowered == user.lower():
        return "is the same as its user name"
    if len(secret.encode()) < shortest:
        return f"is shorter than {shortest} characters"
    if len(set(secret)) < FEWEST_DISTINCT:
        return f"has fewer than {FEWEST_DISTINCT} different characters"
    return None


def _server(settings: Settings, name: str) -> Iterator[str]:
    url: str | None = getattr(settings, name).url
    if url is None:
        yield f"{name}.url is missing: production starts no servers of its own; set COFFER_{name.upper()}_URL"
        return
    password = password_in(url)
    if password is not None and (why := weakness(password, user=user_in(url))):
        yield f"{name}.url: its password {why}"
    if name == "broker":
        yield from _broker_passwords(settings)


def _broker_passwords(settings: Settings) -> Iterator[str]:
    broker = settings.broker
    passwords = {role: secret for role, secret in broker.passwords if secret is not None}
    for role, secret in passwords.items():
        if why := weakness(secret.get_secret_value(), user=getattr(broker.users, role)):
            yield f"broker.passwords.{role} {why}"
    if broker.url is not None and password_in(broker.url) is None and not passwords:
        yield (
            "broker.url has no password and no role has one (the client would use guest/guest);"
            " set COFFER_BROKER__PASSWORDS__EDGE, __ACTORS, __TOPOLOGY"
        )


def _identity(settings: Settings) -> Iterator[str]:
    if why := weakness(settings.identity.key_secret.get_secret_value(), shortest=SHORTEST_KEY_SECRET):
        yield f"identity.key_secret {why}; set COFFER_IDENTITY__KEY_SECRET to at least {SHORTEST_KEY_SECRET} random bytes"
    if settings.identity.bcrypt_cost < LOWEST_BCRYPT_COST:
        yield f"identity.bcrypt_cost is {settings.identity.bcrypt_cost}; production needs at least {LOWEST_BCRYPT_COST}"


def _demo(settings: Settings, systems: Mapping[str, SystemSettings]) -> Iterator[str]:
    if settings.demo.enabled:
        yield "demo.enabled is true: production has no demo users"
    for name, system in systems.items():
        if system.local_password is not None:
            yield f"systems.{name}.local_password is for private servers; give its broker user a password in the broker instead"
