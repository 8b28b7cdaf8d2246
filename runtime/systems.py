"""The other systems, as systems.yaml has them, with every name in it looked up: a name that nobody has is found at the start.

external_systems(settings, environment, pools)   ConfigError: config/systems.yaml:12: systems.shop.says.0: there is no ...
"""

from collections.abc import Collection, Iterator, Mapping

from config.documents import Place
from config.layers import did_you_mean
from config.pools import PoolSettings
from config.roles import load_roles
from config.sections import Settings
from config.systems import SystemSettings, load_systems
from messages.base import Event, Message, all_message_types
from runtime.house import load_vocabularies
from runtime.topology import matches


def external_systems(
    settings: Settings, environment: Mapping[str, str], pools: Mapping[str, PoolSettings]
) -> dict[str, SystemSettings]:
    """The other systems of this profile. ConfigError where one may say, hear or be what does not exist."""
    load_vocabularies()
    roles, actors = load_roles(settings.config_dir), {pool.actor_name for pool in pools.values()}
    return load_systems(
        settings.config_dir, environment, settings.profile, check=lambda name, system: _wrong_names(name, system, roles, actors)
    )


def _wrong_names(
    name: str, system: SystemSettings, roles: Collection[str], actors: Collection[str]
) -> Iterator[tuple[Place, str]]:
    if name in actors:
        yield (), f"an actor is called {name}, and its events would be taken by the system; choose another name"
    kinds: dict[str, type[Message]] = {kind.wire: kind for kind in all_message_types()}
    events = [wire for wire, kind in kinds.items() if issubclass(kind, Event)]
    sayable = kinds.keys() - set(events)
    for index, wire in enumerate(system.says):
        if wire in events:
            yield ("says", index), f"{wire} is an event; the actors tell it, a system hears it"
        elif wire not in sayable:
            yield ("says", index), f"there is no command or query {wire}{did_you_mean(wire, sayable)}"
        elif kinds[wire].actor not in actors:
            yield ("says", index), f"no pool in pools.yaml runs the actor {kinds[wire].actor}"
    for index, pattern in enumerate(system.hears):
        if not any(matches(pattern, wire) for wire in events):
            yield ("hears", index), f"no event is called {pattern}{did_you_mean(pattern, events)}"
    for index, role in enumerate(system.roles):
        if role not in roles:
            yield ("roles", index), f"roles.yaml has no role {role}{did_you_mean(role, roles)}"
