"""How many values the body of a message can have, by its schema. Who sends more than that, and some, does not mean it.

A model looks at every value, and makes an error of every wrong one: of a body of a quarter of a megabyte that takes seconds.
"""

from functools import cache
from typing import Any

from messages.base import Message

SPARE = 300
"""For those who made mistakes, and are to hear of them by name."""
UNBOUNDED = 1_000
"""For a list or map without a limit of its own."""

Json = dict[str, Any]


@cache
def most_values(message: type[Message]) -> int:
    """So many may come: objects, lists, texts, numbers and so on, at whatever depth."""
    schema = message.model_json_schema()
    return SPARE + _most(schema, schema.get("$defs", {}), ())


def _most(schema: Json, known: Json, within: tuple[str, ...]) -> int:
    if (reference := schema.get("$ref", "").rpartition("/")[2]) in known:
        # What is within itself is counted once: no message is.
        return 1 if reference in within else _most(known[reference], known, (*within, reference))
    inner = [_most(each, known, within) for word in ("anyOf", "oneOf", "allOf") for each in schema.get(word, ())]
    if "items" in schema:
        inner.append(schema.get("maxItems", UNBOUNDED) * _most(schema["items"], known, within))
    inner.append(sum(_most(each, known, within) for each in schema.get("properties", {}).values()))
    maps = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
    inner += [schema.get("maxProperties", UNBOUNDED) * _most(each, known, within) for each in maps if isinstance(each, dict)]
    return 1 + max(inner)
