"""Lays files and environment over each other and makes a typed model of the result, or says what is wrong and where.

Order, later wins: the shipped file, the operator's file of the same name, the environment. Mappings are merged key by key;
a list or a plain value replaces what was there.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from config.documents import Layer, Place, read_document
from config.errors import ConfigError

SHIPPED = Path(__file__).parent
"""Where the files that come with Coffer are."""

PREFIX = "COFFER_"

_SECRET = re.compile(r"secret|password|url", re.IGNORECASE)
"""Values at such places are never repeated in a message."""

M = TypeVar("M", bound=BaseModel)


class Section(BaseModel):
    """A part of the configuration: immutable, no unknown keys, every field with a default or a reason to have none."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, hide_input_in_errors=True
    )


def file_layers(config_dir: Path | None, *names: str) -> list[Layer]:
    """The layers of these files, in order: all shipped ones, then the operator's."""
    folders = [SHIPPED] if config_dir is None else [SHIPPED, config_dir]
    return [read_document(folder / name) for folder in folders for name in names if (folder / name).is_file()]


def environment_layer(environment: Mapping[str, str], *, only: str | None = None) -> Layer:
    """`COFFER_HTTP__LIMITS__BODY_BYTES` as a value at http.limits.body_bytes. An empty variable counts as not set."""
    layer = Layer()
    for variable in sorted(environment):
        if not variable.startswith(PREFIX) or environment[variable] == "":
            continue
        place = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        if len(place) < 2 or (only is not None and place[0] != only):
            continue
        put(layer, place, environment[variable], f"environment {variable}")
    return layer


def put(layer: Layer, place: Place, value: str, origin: str) -> None:
    """One value at its place, with the mappings that lead to it."""
    here: Any = layer.values
    for depth, part in enumerate(place[:-1], start=1):
        here = here.setdefault(part, {})
        layer.origins.setdefault(place[:depth], origin)
        if not isinstance(here, dict):
            raise ConfigError([f"{origin}: {'.'.join(map(str, place[:depth]))} is a value already, it has no keys"])
    here[place[-1]] = value
    layer.origins[place] = origin


def overlay(layers: Iterable[Layer], *, whole_at: int | None = None) -> Layer:
    """One layer of many. At a depth of `whole_at` and below, a later value replaces the earlier one whole."""
    result = Layer()
    for layer in layers:
        result.values = _laid_over(result.values, layer.values, whole_at)
        result.origins.update(layer.origins)
    return result


def _laid_over(below: dict[str, Any], above: dict[str, Any], whole_at: int | None, depth: int = 1) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        if isinstance(below.get(key), dict) and (whole_at is None or depth < whole_at):
            if value is None:
                continue  # `http:` with every line under it commented out
            if isinstance(value, dict):
                result[key] = _laid_over(below[key], value, whole_at, depth + 1)
                continue
        result[key] = value
    return result


def validated(model: type[M], layer: Layer) -> M:
    """The model of these values. ConfigError names, for each fault, the file and line (or variable) at fault."""
    try:
        return model.model_validate(layer.values)
    except ValidationError as wrong:
        problems = [_told(model, layer, error) for error in wrong.errors(include_url=False)]
    raise ConfigError(dict.fromkeys(problems))


def origin_of(layer: Layer, place: Place) -> str:
    """Where this was written, as far as is known: `file:line` or a variable."""
    known = next(place[:length] for length in range(len(place), -1, -1) if place[:length] in layer.origins or length == 0)
    return layer.origins.get(known, "configuration")


def _told(model: type[BaseModel], layer: Layer, error: ErrorDetails) -> str:
    place: Place = error["loc"]
    origin = origin_of(layer, place)
    path = ".".join(map(str, place)) or "the file"
    if error["type"] == "extra_forbidden":
        return f"{origin}: {path}: unknown key{did_you_mean(str(place[-1]), _fields_at(model, place[:-1]))}"
    if error["type"] == "missing":
        return f"{origin}: {path}: is required"
    said = re.sub(r"^(Value error, |[A-Z][a-z]+ (?=should ))", "", error["msg"])
    given = error.get("input")
    hidden = any(isinstance(part, str) and _SECRET.search(part) for part in place)
    if not error["type"].startswith("value_error") and isinstance(given, str) and not hidden:
        said += f", not {given[:60]!r}"
    return f"{origin}: {path}: {said}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean prefetch?` where something known is close, else the known words when they are few."""
    words = sorted(known)
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known are {', '.join(words)}" if words and len(words) <= 12 else ""


def _fields_at(model: type[BaseModel], place: Place) -> list[str]:
    here: Any = model
    for part in place:
        if _is_model(here) and part in here.model_fields:
            here = here.model_fields[str(part)].annotation
        here = _inner_model(here)
    return list(here.model_fields) if _is_model(here) else []


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _inner_model(annotation: Any) -> Any:
    """The model inside `Model | None`, `dict[str, Model]` or `tuple[Model, ...]`."""
    if _is_model(annotation) or get_origin(annotation) is None:
        return annotation
    return next((found for found in map(_inner_model, get_args(annotation)) if _is_model(found)), None)
