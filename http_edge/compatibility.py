"""Whether clients of one OpenAPI document get on with another: every change that could break one of them, in words.

    breaking_changes(published, current)  ->  ["POST /api/v1/loans: body.term: is required now", ...]

What a client sends must still be taken: requests may only widen. What it reads must still be what it knows: responses may only
narrow, and may have more fields, which clients are told to ignore. Of schemas that cannot be compared keyword by keyword, any
change counts as breaking. Pure; knows nothing of our routes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]

METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options", "trace"})
_WORDS = frozenset(
    {"title", "description", "summary", "example", "examples", "default", "deprecated", "discriminator", "$comment"}
)
"""Say nothing about which values are right. (A default that changes is our own affair: the field stays optional.)"""
_LOWEST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_HIGHEST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_COMPARED = {*_WORDS, *_LOWEST, *_HIGHEST, "type", "enum", "const", "properties", "required", "additionalProperties", "items"}
_COMPARED |= {"anyOf", "oneOf", "$ref", "$defs", "nullable", "writeOnly"}
_DEEPEST = 60
"""Levels; a schema that contains itself is compared once around."""


def breaking_changes(old: Json, new: Json) -> list[str]:
    """What could break a client of the old document at a server of the new one."""
    return [f"{place}: {what}" for place, what in _Comparison(old, new).all()]


Found = Iterator[tuple[str, str]]


class _Comparison:
    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[str, str, bool]] = set()

    def all(self) -> Found:
        for path, operations in self._old.get("paths", {}).items():
            for method in METHODS & operations.keys():
                place = f"{method.upper()} {path}"
                operation = self._new.get("paths", {}).get(path, {}).get(method)
                if operation is None:
                    yield place, "is gone"
                else:
                    yield from self._operation(place, operations[method], operation)

    def _operation(self, place: str, old: Json, new: Json) -> Found:
        yield from self._parameters(place, old, new)
        yield from self._body(
            place, self._resolved(self._old, old.get("requestBody")), self._resolved(self._new, new.get("requestBody"))
        )
        yield from self._responses(place, old["responses"], new["responses"])
        before = old.get("security", self._old.get("security", []))
        if new.get("security", self._new.get("security", [])) != before:
            yield place, "is secured otherwise"

    def _parameters(self, place: str, old: Json, new: Json) -> Found:
        before, after = self._by_name(self._old, old), self._by_name(self._new, new)
        for key, parameter in before.items():
            where = f"{place}: {key[0]} parameter {key[1]}"
            if key not in after:
                yield where, "is gone"
                continue
            if after[key].get("required", False) and not parameter.get("required", False):
                yield where, "is required now"
            yield from self._schema(where, parameter.get("schema", {}), after[key].get("schema", {}), sent=True)
        for key in after.keys() - before.keys():
            if after[key].get("required", False):
                yield f"{place}: {key[0]} parameter {key[1]}", "is new and required"

    def _by_name(self, document: Json, operation: Json) -> dict[tuple[str, str], Json]:
        found = [self._resolved(document, each) for each in operation.get("parameters", [])]
        return {(each["in"], each["name"].lower() if each["in"] == "header" else each["name"]): each for each in found}

    def _body(self, place: str, old: Json, new: Json) -> Found:
        if new.get("required", False) and not old.get("required", False):
            yield f"{place}: body", "is required now"
        yield from self._content(f"{place}: body", old.get("content", {}), new.get("content", {}), sent=True)

    def _responses(self, place: str, old: Json, new: Json) -> Found:
        for status, response in old.items():
            where = f"{place}: {status}"
            if status not in new:
                yield where, "is gone"
                continue
            before, after = self._resolved(self._old, response), self._resolved(self._new, new[status])
            for header in before.get("headers", {}).keys() - after.get("headers", {}).keys():
                yield f"{where}: header {header}", "is gone"
            yield from self._content(where, before.get("content", {}), after.get("content", {}), sent=False)
        for status in new.keys() - old.keys():
            if status.startswith(("2", "3")):
                yield f"{place}: {status}", "is an answer that clients do not know"

    def _content(self, place: str, old: Json, new: Json, *, sent: bool) -> Found:
        for media, about in old.items():
            if media not in new:
                yield f"{place}: {media}", "is gone"
            else:
                yield from self._schema(place, about.get("schema", {}), new[media].get("schema", {}), sent=sent)
        if not sent and old:
            for media in new.keys() - old.keys():
                yield f"{place}: {media}", "is a media type that clients do not know"

    def _schema(self, place: str, old: Json, new: Json, *, sent: bool) -> Found:
        """What is right must stay right where clients send it; where they read it, nothing else may become right."""
        if "$ref" in old or "$ref" in new:
            key = (str(old.get("$ref", old)), str(new.get("$ref", new)), sent)
            if key in self._seen:
                return
            self._seen.add(key)
            old, new = self._resolved(self._old, old), self._resolved(self._new, new)
        if place.count(".") > _DEEPEST:
            yield place, "is too deep to compare"
        elif "anyOf" in old or "anyOf" in new or "oneOf" in old or "oneOf" in new:
            yield from self._alternatives(place, _choices(old), _choices(new), sent=sent)
        else:
            yield from self._values(place, old, new, sent=sent)
            yield from self._fields(place, old, new, sent=sent)
            if "items" in old or "items" in new:
                yield from self._schema(f"{place}[]", old.get("items", {}), new.get("items", {}), sent=sent)

    def _alternatives(self, place: str, old: Sequence[Json], new: Sequence[Json], *, sent: bool) -> Found:
        """Each alternative on the narrow side must be within one on the wide side."""
        narrow, wide = (old, new) if sent else (new, old)
        for number, one in enumerate(narrow):
            trials = [self._trial(place, *((one, other) if sent else (other, one)), sent=sent) for other in wide]
            if not any(not trial for trial in trials):
                closest = min(trials, key=len, default=[])
                yield place, f"alternative {number + 1} is " + ("taken no more" if sent else "one that clients do not know")
                yield from closest[:3]

    def _trial(self, place: str, old: Json, new: Json, *, sent: bool) -> list[tuple[str, str]]:
        """What two alternatives differ by. What is met on the way is not remembered as compared: it may be a wrong pair."""
        seen = set(self._seen)
        found = list(self._schema(place, old, new, sent=sent))
        if found:
            self._seen = seen
        return found

    def _values(self, place: str, old: Json, new: Json, *, sent: bool) -> Found:
        narrow, wide = (old, new) if sent else (new, old)
        how = "takes less" if sent else "can be more"
        kinds, others = _kinds(narrow), _kinds(wide)
        if others is not None and (kinds is None or not kinds <= others):
            yield place, f"{how} than before: its type was {old.get('type', 'any')}, is {new.get('type', 'any')}"
        words, known = _words(narrow), _words(wide)
        if known is not None and (words is None or not all(word in known for word in words)):
            yield place, f"{how} than before: the values were {_words(old)}, are {_words(new)}"
        for limits, is_within in ((_LOWEST, _at_least), (_HIGHEST, _at_most)):
            for limit in limits:
                if limit in wide and not is_within(narrow.get(limit), wide[limit]):
                    yield place, f"{how} than before: {limit} was {old.get(limit)}, is {new.get(limit)}"
        if not sent and new.get("writeOnly") and not old.get("writeOnly"):
            yield place, "is not to be read any more"
        for keyword in sorted({*wide, *narrow} - _COMPARED):
            if wide.get(keyword) != narrow.get(keyword) and (keyword in wide or keyword.startswith(("all", "not", "if"))):
                yield place, f"{how} than before: {keyword} was {old.get(keyword)}, is {new.get(keyword)}"

    def _fields(self, place: str, old: Json, new: Json, *, sent: bool) -> Found:
        before, after = old.get("properties", {}), new.get("properties", {})
        had, needs = set(old.get("required", ())), set(new.get("required", ()))
        for name, schema in before.items():
            where = f"{place}.{name}"
            if name not in after:
                yield where, "is gone"
                continue
            yield from self._schema(where, schema, after[name], sent=sent)
        if sent:
            yield from ((f"{place}.{name}", "is required now") for name in sorted(needs - had))
            if old.get("additionalProperties", True) is not False and new.get("additionalProperties", True) is False:
                yield place, "takes no other fields any more"
        else:
            yield from ((f"{place}.{name}", "may be missing now") for name in sorted((had - needs) & set(after)))
        extra, others = old.get("additionalProperties"), new.get("additionalProperties")
        if isinstance(extra, Mapping) or isinstance(others, Mapping):
            pair = [each if isinstance(each, Mapping) else {} for each in (extra, others)]
            yield from self._schema(f"{place}.*", pair[0], pair[1], sent=sent)

    @staticmethod
    def _resolved(document: Json, part: Json | None) -> Json:
        for _ in range(_DEEPEST):
            if not part or "$ref" not in part:
                return part or {}
            found: Any = document
            for step in part["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            part = found
        return {}


def _choices(schema: Json) -> Sequence[Json]:
    """The alternatives of a schema, each with what is said beside them."""
    beside = {name: value for name, value in schema.items() if name not in {"anyOf", "oneOf"}}
    return [{**beside, **each} for each in schema.get("anyOf") or schema.get("oneOf") or [{}]]


def _kinds(schema: Json) -> set[str] | None:
    """The types of value that are right; None: all."""
    kinds = schema.get("type")
    if kinds is None:
        return None
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    return found | {"integer"} if "number" in found else found


def _words(schema: Json) -> list[Any] | None:
    """The only values that are right; None: all."""
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _at_least(value: Any, limit: Any) -> bool:
    return value is not None and value >= limit


def _at_most(value: Any, limit: Any) -> bool:
    return value is not None and value <= limit
