"""Writes REFERENCE.md, the list of everything that can be set, from the models: `python -m config.reference`."""

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from config.limits import STRATEGIES, Limits, LimitSettings
from config.pools import PoolSettings
from config.sections import Settings
from config.settings import SHORT_NAMES
from config.systems import SystemSettings

REFERENCE = Path(__file__).with_name("REFERENCE.md")

HEAD = """\
# Settings

Generated from the models by `python -m config.reference`; a test keeps it current. Do not edit.

Order, later wins: the shipped `config/*.yaml`, files of the same names in `COFFER_CONFIG_DIR` (key by key), the environment.
A setting at `http.limits.body_bytes` is `COFFER_HTTP__LIMITS__BODY_BYTES` there. An empty variable counts as not set.
`settings.<profile>.yaml` lies over `settings.yaml`. A fault is refused with its file and line, or its variable.
"""

POOLS = """\
## pools.yaml

Under `pools:`, one entry per pool: its name, then these keys. It may change while the actors run: edit, then send SIGHUP;
or `coffer pools set`. A file with a fault is refused with its line, and the pools stay as they are.
"""

SYSTEMS = """\
## systems.yaml

Under `systems:`, one entry per program that speaks AMQP to the bank: its name, then these keys.
"""

LIMITS = """\
## limits.yaml

How often the edge may be asked: `share_without_redis` (default %s), and under `limits:` one entry per limit: its name, then these keys.
`limits.<profile>.yaml` lies over it. A limit that refuses is answered 429 with `Retry-After`, and counts nothing.

| strategy | |
|---|---|
%s
"""

ROLES = """\
## roles.yaml

Under `roles:`, one entry per role: its name, then `permission: scope`, or `permission: {scope: all, at_most: {KES: "100000.00"}}`.
Scopes: `own` reaches what belongs to the member that the user is; `group` also what belongs to the members of the groups that the user
looks after; `branch` also what belongs to the members of the user's branch; `all` everything. `at_most` is the largest amount by
currency; a currency that it does not name is refused. A role in the operator's file replaces the shipped role whole; the environment
has no say. Roles that the institution defines over HTTP stand beside these, and cannot replace one.
"""


def reference() -> str:
    """The whole page."""
    parts = [HEAD, "## settings.yaml\n", *_tables(Settings, ""), POOLS, *_tables(PoolSettings, "")]
    parts += [SYSTEMS, *_tables(SystemSettings, ""), _limits_head(), *_tables(LimitSettings, ""), ROLES]
    return "\n".join(parts)


def _limits_head() -> str:
    share = Limits.model_fields["share_without_redis"].default
    return LIMITS % (share, "\n".join(f"| `{strategy}` | {text} |" for strategy, text in STRATEGIES.items()))


def _tables(model: type[BaseModel], path: str) -> Iterator[str]:
    """The table of a section's own keys, then those of the sections in it."""
    inner = {name: about.annotation for name, about in model.model_fields.items() if _is_section(about.annotation)}
    plain = {name: about for name, about in model.model_fields.items() if name not in inner}
    if plain:
        heading = f"### {path}\n\n{_sentence(model.__doc__)}\n\n" if path else ""
        rows = "".join(
            f"| `{name}` | {_default(about)} | {_limits(about)} | {_text(name, path, about)} |\n"
            for name, about in plain.items()
        )
        yield f"{heading}| key | default | limits | |\n|---|---|---|---|\n{rows}"
    for name, section in inner.items():
        yield from _tables(section, f"{path}.{name}" if path else name)  # type: ignore[arg-type]  # _is_section said so


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split())


def _default(about: FieldInfo) -> str:
    if about.is_required():
        return "required"
    default = about.get_default(call_default_factory=True, validated_data={})
    if default is None or default in ((), {}):
        return "not set"
    if isinstance(default, SecretStr):
        return "a demo secret"
    if isinstance(default, tuple):
        return ", ".join(f"`{item}`" for item in default)
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _limits(about: FieldInfo) -> str:
    said = [words for words in map(_limit, about.metadata) if words]
    choices = _choices(about.annotation)
    if choices:
        said.append(" or ".join(f"`{choice}`" for choice in choices))
    return ", ".join(said) or "-"


def _limit(limit: Any) -> str | None:
    match limit:
        case Ge(ge=least):
            return f"from {least}"
        case Gt(gt=least):
            return f"above {least}"
        case Le(le=most):
            return f"to {most}"
        case Lt(lt=most):
            return f"below {most}"
        case MinLen() | MaxLen():
            return None
    pattern = getattr(limit, "pattern", None)
    return f"`{pattern}`".replace("|", "\\|") if pattern else None


def _choices(annotation: Any) -> list[str]:
    if get_origin(annotation) is not None and str(get_origin(annotation)) == "typing.Literal":
        return [str(choice) for choice in get_args(annotation)]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(member) for member in annotation]
    return []


def _text(name: str, path: str, about: FieldInfo) -> str:
    text = _sentence(about.description)
    short = [variable for variable, place in SHORT_NAMES.items() if ".".join(place) == f"{path}.{name}"]
    if short and short[0] not in text:
        text = f"{text} Short: `{short[0]}`.".strip()
    return text.replace("|", "\\|")


def main() -> None:
    """Write the page."""
    REFERENCE.write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
