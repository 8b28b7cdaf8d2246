"""The front door of the configuration: `load_settings(os.environ)` gives what a process needs to start, or says what is wrong.

Files: `settings.yaml` and `settings.<profile>.yaml`, the shipped ones and over them the operator's (COFFER_CONFIG_DIR).
Environment: COFFER_PROFILE, COFFER_STATE_DIR, COFFER_CONFIG_DIR, the short names below, COFFER_<SECTION>__<KEY> for the rest.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from config.documents import Layer
from config.errors import ConfigError
from config.layers import PREFIX, did_you_mean, environment_layer, file_layers, overlay, put, validated
from config.production import NEEDS, check_production
from config.sections import (
    DEMO_KEY_SECRET,
    DEMO_PASSWORD,
    BrokerPasswords,
    BrokerSettings,
    BrokerUsers,
    BusinessCalendar,
    DatabaseSettings,
    DemoSettings,
    HttpLimits,
    HttpSettings,
    IdentitySettings,
    ProcessSettings,
    Profile,
    RedisSettings,
    Role,
    Settings,
    TelemetrySettings,
)
from config.systems import load_systems

__all__ = [
    "DEMO_KEY_SECRET",
    "DEMO_PASSWORD",
    "BrokerPasswords",
    "BrokerSettings",
    "BrokerUsers",
    "BusinessCalendar",
    "ConfigError",
    "DatabaseSettings",
    "DemoSettings",
    "HttpLimits",
    "HttpSettings",
    "IdentitySettings",
    "ProcessSettings",
    "Profile",
    "RedisSettings",
    "Role",
    "Settings",
    "TelemetrySettings",
    "check_production",
    "load_settings",
]

BEFORE_FILES = ("profile", "state_dir", "config_dir")
"""Decided by the environment alone, because they say which files are read."""

SHORT_NAMES = {
    "COFFER_DATABASE_URL": ("database", "url"),
    "COFFER_BROKER_URL": ("broker", "url"),
    "COFFER_REDIS_URL": ("redis", "url"),
    "COFFER_HTTP_PORT": ("http", "port"),
}
"""The variables that most deployments set, without the double underscore."""

READ_ELSEWHERE = ("COFFER_POSTGRES_BIN", "COFFER_RABBITMQ_HOME", "COFFER_REDIS_BIN", "COFFER_FAILPOINTS")
"""The private servers' binaries and the tests' failpoints: read where they are used, before or beside the settings."""

_OTHER_FILES = ("pools", "systems")
"""Sections whose variables belong to another file of the same name."""

_NOT_OURS = re.compile(r"COFFER_TEST_.*|COFFER_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_[0-9]+_(TCP|UDP).*)?)")
"""Kubernetes sets such variables in every pod beside a service called coffer; COFFER_TEST_ belongs to the tests."""


def load_settings(
    environment: Mapping[str, str], config_dir: Path | None = None, *, needs: Collection[str] = NEEDS
) -> Settings:
    """All settings, from files and environment. ConfigError names each fault with its file and line, or its variable.

    With the production profile it also refuses default, demo and weak secrets, demo users and missing servers; `needs` are the
    parts that this process uses, so that a migration job need not be given the key of the tokens.
    """
    first = _before_files(environment, config_dir)
    if environment.get("COFFER_FAILPOINTS") and first.values["profile"] != Profile.TEST:
        raise ConfigError(["environment COFFER_FAILPOINTS: failpoints exist in the test profile alone"])
    files = file_layers(first.values["config_dir"], "settings.yaml", f"settings.{first.values['profile']}.yaml")
    problems = [
        f"{layer.origins[name,]}: {name}: is decided by COFFER_{name.upper()} alone"
        for layer in files
        for name in BEFORE_FILES
        if name in layer.values
    ]
    if problems:
        raise ConfigError(problems)
    settings = validated(Settings, overlay([*files, first, _from_environment(environment)]))
    if settings.profile is Profile.PRODUCTION:
        systems = load_systems(settings.config_dir, environment, settings.profile)
        if wrong := check_production(settings, systems, needs):
            raise ConfigError(f"production refuses to start: {line}" for line in wrong)
    return settings


def _before_files(environment: Mapping[str, str], config_dir: Path | None) -> Layer:
    """Profile, state directory and operator's directory: from the environment, absolute, checked."""
    layer = Layer()
    profile = environment.get("COFFER_PROFILE") or Profile.DEV
    if profile not in list(Profile):
        raise ConfigError([f"environment COFFER_PROFILE: should be one of {', '.join(Profile)}, not {profile[:60]!r}"])
    state_dir = Path(environment.get("COFFER_STATE_DIR") or ".local").expanduser().absolute()
    named = config_dir or (Path(text) if (text := environment.get("COFFER_CONFIG_DIR")) else None)
    if named is not None and not named.expanduser().is_dir():
        raise ConfigError([f"environment COFFER_CONFIG_DIR: {named} is no directory"])
    layer.values = {
        "profile": str(profile),
        "state_dir": state_dir,
        "config_dir": state_dir / "config" if named is None else named.expanduser().absolute(),
    }
    layer.origins = {(name,): f"environment COFFER_{name.upper()}" for name in layer.values}
    return layer


def _from_environment(environment: Mapping[str, str]) -> Layer:
    """Every other variable at its place; a name that means nothing is refused, because it was meant to do something."""
    layer = environment_layer(environment)
    for section in _OTHER_FILES:
        layer.values.pop(section, None)
    for variable, place in SHORT_NAMES.items():
        if environment.get(variable):
            put(layer, place, environment[variable], f"environment {variable}")
    problems = list(_unknown(environment))
    if problems:
        raise ConfigError(problems)
    return layer


def _unknown(environment: Mapping[str, str]) -> Iterator[str]:
    known = {*SHORT_NAMES, *READ_ELSEWHERE, *(f"{PREFIX}{name.upper()}" for name in BEFORE_FILES)}
    for variable in sorted(environment):
        if not variable.startswith(PREFIX) or "__" in variable or variable in known or _NOT_OURS.fullmatch(variable):
            continue
        yield f"environment {variable}: unknown variable{did_you_mean(variable, known)}"
