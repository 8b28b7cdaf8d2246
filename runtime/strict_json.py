"""JSON from outside, read strictly: what two parsers could understand in two ways is refused, before any model sees it.

Refused: not UTF-8, a byte order mark, a key twice in one object, more than 32 levels, NaN and Infinity, numbers that no
64-bit integer or double holds, lone surrogates, anything after the value, anything but an object. No knowledge of messages here.
"""

import json
import math
import re
from typing import Any, NoReturn

import orjson

DEEPEST = 32
"""Levels of nesting. Messages have four; parsers in other languages give up at a few hundred."""
LARGEST_INTEGER = 2**63 - 1
LONGEST_NUMBER = 64
"""Characters of one number, so that nobody pays for parsing a million digits."""

_BRACKETS = re.compile(r'[^"\[\]{}]*+(?:"(?:[^"\\]++|\\.)*+(?:"|\Z)|([\[\]{}])|\Z)', re.DOTALL)
"""The next string, which is skipped, or bracket, or the end. Possessive, and every match moves on: linear in the length of the text."""


class MalformedJson(ValueError):
    """The text is no JSON that we read; the message says why, without quoting it."""


def read_object(body: bytes, most_values: int | None = None) -> dict[str, Any]:
    """The JSON object in `body`. MalformedJson where it is none, or not one that has a single meaning, or has more values than that."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise MalformedJson("The body is not UTF-8.") from None
    # No deeper than it has opening brackets: the exact walk is for the few texts that have many.
    brackets = body.count(b"{") + body.count(b"[")
    if brackets > DEEPEST:
        _refuse_deep(text)
    try:
        value = _decoder.decode(text)
        if b"\\u" in body:
            orjson.loads(body)  # the standard library lets lone surrogates through
    except MalformedJson:
        raise
    except RecursionError:
        raise MalformedJson(f"The body is nested deeper than {DEEPEST} levels.") from None
    except ValueError as wrong:
        raise MalformedJson(f"The body is no JSON{_place(wrong)}.") from None
    if type(value) is not dict:
        raise MalformedJson("The body must be a JSON object.")
    # A value is the first in a bracket, or stands behind a comma: the exact count is for the few texts that have many.
    if most_values is not None and 1 + brackets + body.count(b",") > most_values:
        _refuse_many(value, most_values)
    return value


def _place(wrong: ValueError) -> str:
    return f" (line {wrong.lineno}, column {wrong.colno})" if isinstance(wrong, json.JSONDecodeError) else ""


def _refuse_deep(text: str) -> None:
    depth = 0
    for match in _BRACKETS.finditer(text):
        bracket = match[1]
        if bracket is None:
            continue
        depth += 1 if bracket in "[{" else -1
        if depth > DEEPEST:
            raise MalformedJson(f"The body is nested deeper than {DEEPEST} levels.")


def _refuse_many(value: Any, most: int) -> None:
    waiting, count = [value], 0
    while waiting:
        each = waiting.pop()
        count += 1
        if isinstance(each, dict | list):
            waiting += each.values() if isinstance(each, dict) else each
        if count + len(waiting) > most:
            raise MalformedJson(f"The body has more than {most} values.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedJson("The body has a key twice in one object.")
    return found


def _integer(digits: str) -> int:
    if len(digits) <= LONGEST_NUMBER and -LARGEST_INTEGER - 1 <= (number := int(digits)) <= LARGEST_INTEGER:
        return number
    raise MalformedJson("The body has a number that is too large.")


def _double(digits: str) -> float:
    if len(digits) <= LONGEST_NUMBER and math.isfinite(number := float(digits)):
        return number
    raise MalformedJson("The body has a number that is too large.")


def _no_number(_name: str) -> NoReturn:
    raise MalformedJson("NaN and Infinity are no JSON.")


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_integer, parse_float=_double, parse_constant=_no_number)
