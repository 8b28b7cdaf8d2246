"""The OpenAPI document as it was published: what clients hold in their hands, and what the next one must not break.

It is kept beside the tests, without the words that bind nobody. `coffer openapi --publish FILE` writes it anew, and refuses a change
that could break a client, unless the version of the interface was raised (`info.version`, and with it the prefix of the paths).
"""

import json
from pathlib import Path
from typing import Any

from config.errors import ConfigError
from http_edge.compatibility import breaking_changes

Json = dict[str, Any]

_WORDS = frozenset({"description", "summary", "example", "examples", "title", "x-permission", "x-message"})
_BY_NAME = frozenset({"properties", "schemas", "parameters", "responses", "headers", "paths", "examples", "securitySchemes"})
"""Under these a key is a name, such as a field that is called `title`."""


def publish(document: Json, path: Path) -> None:
    """Write the document. ConfigError, naming each change, where a client of the published one could break."""
    if path.exists():
        published = json.loads(path.read_text(encoding="utf-8"))
        is_next = int(document["info"]["version"]) > int(published["info"]["version"])
        broken = [] if is_next else breaking_changes(published, document)
        if broken:
            raise ConfigError(["this would break clients; raise the version of the interface, or take it back:", *broken])
    path.write_text(compact(document), encoding="utf-8")


def compact(document: Json) -> str:
    """What binds, a line for each path and schema, so that a change can be read as one."""
    bare = _bare(document)
    parts = [f'"{name}":{json.dumps(bare[name], sort_keys=True)}' for name in ("openapi", "info", "security")]
    parts.append(f'"paths":{_lines(bare["paths"])}')
    components = ",\n".join(f'"{name}":{_lines(bare["components"][name])}' for name in sorted(bare["components"]))
    return "{" + ",\n".join([*parts, f'"components":{{\n{components}}}']) + "}\n"


def _lines(named: Json) -> str:
    rows = (f'"{name}":{json.dumps(about, sort_keys=True, separators=(",", ":"))}' for name, about in sorted(named.items()))
    return "{\n" + ",\n".join(rows) + "}"


def _bare(part: Any, *, by_name: bool = False) -> Any:
    if isinstance(part, dict):
        return {
            name: _bare(value, by_name=not by_name and name in _BY_NAME)
            for name, value in part.items()
            if by_name or name not in _WORDS
        }
    return [_bare(each) for each in part] if isinstance(part, list) else part
