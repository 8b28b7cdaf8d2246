"""The whole examination: configuration, machine, servers. Changes nothing anywhere; every wait is bounded."""

import asyncio
from collections.abc import Iterator, Mapping

from config.errors import ConfigError
from config.layers import did_you_mean
from config.permissions import permissions
from config.pools import load_pools
from config.roles import load_roles
from config.sections import Settings
from config.settings import load_settings
from runtime.clock import Clock, SystemClock
from runtime.doctor.broker import look_at_broker
from runtime.doctor.cache import look_at_redis
from runtime.doctor.database import look_at_database
from runtime.doctor.finding import Finding, fail, ok
from runtime.doctor.machine import look_at_machine
from runtime.doctor.private import look_at_private_servers
from runtime.systems import external_systems


async def examine(environment: Mapping[str, str], clock: Clock | None = None) -> list[Finding]:
    """All findings, in the order in which one would mend them."""
    clock = clock or SystemClock()
    settings, found = configuration(environment)
    found += look_at_machine(settings)
    if settings is None:
        return found
    found += look_at_private_servers(settings)
    looks = [look_at_broker(settings.broker), look_at_redis(settings.redis, clock)]
    if settings.database.url is not None:
        looks.insert(0, look_at_database(settings.database, clock))
    for findings in await asyncio.gather(*looks):
        found += findings
    return found


def configuration(environment: Mapping[str, str]) -> tuple[Settings | None, list[Finding]]:
    """The settings, if they are good, and what is wrong with any of the files."""
    found: list[Finding] = []
    try:
        settings = load_settings(environment)
    except ConfigError as wrong:
        return None, [fail("settings", problem) for problem in wrong.problems]
    found.append(ok("settings", f"profile {settings.profile}, over them the files in {settings.config_dir}"))
    found += _files(settings, environment)
    return settings, found


def _files(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    try:
        pools = load_pools(settings.config_dir, environment)
    except ConfigError as wrong:
        yield from (fail("pools", problem) for problem in wrong.problems)
        return
    yield ok("pools", ", ".join(pools))
    try:
        roles = load_roles(settings.config_dir)
        systems = external_systems(settings, environment, pools)
    except ConfigError as wrong:
        yield from (fail("systems and roles", problem) for problem in wrong.problems)
        return
    yield ok("systems and roles", f"{len(systems)} systems, {len(roles)} roles")
    for role, grants in roles.items():
        for permission, grant in grants.items():
            if permission not in permissions():
                yield fail("roles", f"{role}: there is no permission {permission}{did_you_mean(permission, permissions())}")
            elif grant.scope not in permissions()[permission].scopes:
                yield fail("roles", f"{role}: {permission} cannot be narrowed to {grant.scope}, so it reaches nothing")
