"""Other programs that speak AMQP to the bank: their broker user, what each may say and hear, and how much."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, field_validator

from config.documents import Place
from config.errors import ConfigError
from config.layers import Section, environment_layer, file_layers, origin_of, overlay, validated
from config.sections import Profile

_WIRE_NAME = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*\.v[1-9][0-9]*")
_EVENT_PATTERN = re.compile(r"(?:[a-z][a-z_]*|\*)\.(?:#|(?:[a-z][a-z_]*|\*)(?:\.(?:v[1-9][0-9]*|\*|#))?)")


def _listed(value: object) -> object:
    """A list, or its items in one text with commas (as an environment variable has to write it)."""
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def _wire_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not _WIRE_NAME.fullmatch(name):
            raise ValueError(f"{name[:60]!r} is no wire name; write actor.verb.v1")
    return names


def _patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in patterns:
        if not _EVENT_PATTERN.fullmatch(pattern):
            raise ValueError(f"{pattern[:60]!r} is no event pattern; write ledger.entry_posted.v1, ledger.*.v1 or ledger.#")
    return patterns


Listed = BeforeValidator(_listed)


class SystemSettings(Section):
    """One external system. It acts as its own principal, never as somebody it claims to be."""

    user: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,60}$")
    """Its broker user, which the broker validates on every message; no other system may have the same."""
    says: Annotated[tuple[str, ...], Listed, AfterValidator(_wire_names)] = ()
    """Wire names of the commands and queries it may send; anything else is refused."""
    hears: Annotated[tuple[str, ...], Listed, AfterValidator(_patterns)] = ()
    """Patterns of the events it may subscribe to."""
    roles: Annotated[tuple[str, ...], Listed] = ()
    """Its principal's roles, as in roles.yaml."""
    rate_per_second: float = Field(100, gt=0, le=100_000)
    """Messages per second, on average; above it they are refused as rate_limited."""
    burst: int = Field(200, ge=1, le=1_000_000)
    """Messages it may send at once after a silence."""
    largest_bytes: int = Field(65_536, ge=256, le=262_144)
    """The largest message body; a larger one is refused."""
    profiles: Annotated[tuple[Profile, ...], Listed] = tuple(Profile)
    """The profiles in which the entry exists."""
    local_password: SecretStr | None = None
    """Given to its user by the private servers, for demos. Production refuses it."""


class _Systems(Section):
    systems: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")], SystemSettings] = Field(default_factory=dict)

    @field_validator("systems")
    @classmethod
    def _users_differ(cls, systems: dict[str, SystemSettings]) -> dict[str, SystemSettings]:
        owners: dict[str, str] = {}
        for name, system in systems.items():
            other = owners.setdefault(system.user, name)
            if other != name:
                raise ValueError(f"{name} and {other} have the same broker user {system.user}")
        return systems


Check = Callable[[str, SystemSettings], Iterable[tuple[Place, str]]]
"""What configuration cannot know by itself, such as which messages exist: the places of a named system that are wrong, and why."""


def load_systems(
    config_dir: Path | None = None,
    environment: Mapping[str, str] | None = None,
    profile: Profile | None = None,
    *,
    check: Check | None = None,
) -> dict[str, SystemSettings]:
    """The external systems by name; only those of the profile, if one is given. ConfigError says what is wrong and where."""
    layer = overlay([*file_layers(config_dir, "systems.yaml"), environment_layer(environment or {}, only="systems")])
    found = validated(_Systems, layer).systems
    places = [(("systems", name, *place), why) for name, each in found.items() if check for place, why in check(name, each)]
    if places:
        raise ConfigError(f"{origin_of(layer, place)}: {'.'.join(map(str, place))}: {why}" for place, why in places)
    return {name: system for name, system in found.items() if profile is None or profile in system.profiles}
