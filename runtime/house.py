"""Finds the actors by the names that config gives them, and what follows from them: addresses, events, topology.

The only place that imports by string: the runtime knows no actor, and the house's arrows point from actors to the runtime.
"""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping

import messages
from config.pools import PoolSettings
from config.sections import Settings
from config.systems import SystemSettings
from messages.base import Event
from runtime.actor import Actor
from runtime.topology import ExternalQueues, Mailbox, Topology


def find_actor(package: str) -> type[Actor]:
    """The actor class of a package such as `actors.ledger`. ValueError where there is none."""
    module_name = f"{package}.actor"
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as missing:
        if missing.name not in (package, module_name):
            raise
        raise ValueError(f"pools.yaml names {package}, but there is no {module_name}") from None
    found = [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Actor) and each.__module__ == module_name
    ]
    if len(found) != 1:
        raise ValueError(f"{module_name} must define one actor, not {len(found)}")
    return found[0]


def find_actors(pools: Mapping[str, PoolSettings]) -> dict[str, type[Actor]]:
    """The actor class of each pool, by the pool's name."""
    return {name: find_actor(pool.actor) for name, pool in pools.items()}


def topology_of(
    settings: Settings,
    pools: Mapping[str, PoolSettings],
    systems: Mapping[str, SystemSettings],
    actors: Iterable[type[Actor]] = (),
) -> Topology:
    """Who is reached how. Who only sends commands and queries needs no actors; what they listen to is then not known."""
    events = {actor.name: tuple(sorted(each.wire for each in actor.handlers if issubclass(each, Event))) for actor in actors}
    boxes = {
        pool.actor_name: Mailbox(pool.actor_name, pool.mailbox.value, events.get(pool.actor_name, ()))
        for pool in pools.values()
    }
    external = tuple(ExternalQueues(name, system.hears) for name, system in systems.items())
    return Topology(boxes, external, settings.broker.queue_type)


def load_vocabularies() -> None:
    """Make every message known to this process."""
    for each in pkgutil.iter_modules(messages.__path__, f"{messages.__name__}."):
        importlib.import_module(each.name)
