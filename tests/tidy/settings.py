"""A check of settings: one that nobody reads promises an operator what does not happen."""

import re
from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from config.limits import Limits, LimitSettings
from config.pools import PoolSettings
from config.sections import Settings
from config.systems import SystemSettings
from tests.tidy.repository import is_room

MODELS: tuple[type[BaseModel], ...] = (Settings, PoolSettings, SystemSettings, Limits, LimitSettings)
"""The roots of what can be set."""

_TELL_ABOUT_THEM = frozenset({"config/production.py", "config/reference.py"})
"""These read every setting, and nothing comes of it."""


def is_read(files: Mapping[str, str]) -> Iterator[str]:
    """Each setting is read somewhere, as an attribute or by its name."""
    code = "\n".join(
        text for path, text in files.items() if path.endswith(".py") and is_room(path) and path not in _TELL_ABOUT_THEM
    )
    for model, name in sorted(set(_settings()), key=lambda each: (each[0].__name__, each[1])):
        if not re.search(rf"\.{name}\b|[\"']{name}[\"']", code):
            yield f"config:1: nobody reads {model.__name__}.{name}"


def _settings() -> Iterator[tuple[type[BaseModel], str]]:
    waiting = list(MODELS)
    while waiting:
        model = waiting.pop()
        for name, about in model.model_fields.items():
            if isinstance(about.annotation, type) and issubclass(about.annotation, BaseModel):
                waiting.append(about.annotation)
            yield model, name
