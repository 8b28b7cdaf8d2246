"""Checks of .sql files: every statement named, described, ended and used; every actor in its own schema; migrations say why."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

_ROOMS = ("actors/", "runtime/")
_NAME = re.compile(r"^-- name:(?P<name>.*)$", re.MULTILINE)
_GOOD_NAME = re.compile(r"[a-z][a-z0-9_]*")
_COMMENT = re.compile(r"--[^\n]*")
_TEXT = re.compile(r"'(?:[^']|'')*'")

SHARED_SCHEMAS = frozenset({"reporting"})
"""Views that actors let each other read."""


def _statement_files(files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for path, text in files.items():
        if path.endswith(".sql") and path.startswith(_ROOMS):
            yield path, text


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def names_and_describes(path: str, text: str) -> Iterator[str]:
    """`-- name: account_by_id`, a line that says what it is for, the statement, a semicolon."""
    if not path.endswith(".sql") or not path.startswith(_ROOMS):
        return
    names = list(_NAME.finditer(text))
    head = text[: names[0].start()] if names else text
    if _COMMENT.sub("", head).strip():
        yield "1: a statement before the first `-- name:`"
    for index, found in enumerate(names):
        line = _line(text, found.start())
        if not _GOOD_NAME.fullmatch(found["name"].strip()):
            yield f"{line}: {found['name'].strip()!r} is no statement's name"
        piece = text[found.end() : names[index + 1].start() if index + 1 < len(names) else len(text)]
        if not piece.lstrip("\n").startswith("-- "):
            yield f"{line}: {found['name'].strip()} has no line that says what it is for"
        if not _COMMENT.sub("", piece).strip().endswith(";"):
            yield f"{line}: {found['name'].strip()} does not end in a semicolon"


def stays_in_its_schema(files: Mapping[str, str]) -> Iterator[str]:
    """An actor reads and writes its own schema; the runtime its own."""
    actors = {path.split("/")[1] for path in files if path.startswith("actors/") and path.count("/") > 1}
    schemas = actors | {"runtime", "migrations", "pg_temp"}
    for path, text in _statement_files(files):
        own = {path.split("/")[1]} if path.startswith("actors/") else {"runtime", "migrations"}
        code = _TEXT.sub(lambda found: "x" * len(found[0]), _COMMENT.sub(lambda found: "x" * len(found[0]), text))
        for found in re.finditer(r"(?<![\w.])([a-z_]+)\.", code):
            if found[1] in schemas - own - SHARED_SCHEMAS:
                yield f"{path}:{_line(text, found.start())}: {found[1]} is another's schema"


def is_said_by_somebody(files: Mapping[str, str]) -> Iterator[str]:
    """A statement that no module beside it names is dead."""
    for path, text in _statement_files(files):
        folder = str(PurePosixPath(path).parent)
        beside = "\n".join(code for other, code in files.items() if other.endswith(".py") and other.startswith(f"{folder}/"))
        for found in _NAME.finditer(text):
            name = found["name"].strip()
            if f'"{name}"' not in beside:
                yield f"{path}:{_line(text, found.start())}: nobody says {name}"


def says_why_first(path: str, text: str) -> Iterator[str]:
    """A migration opens with its reason, in words."""
    if path.startswith("migrations/") and path.endswith(".sql") and not re.match(r"-- \w+[^\n]{10,}", text):
        yield "1: say in a comment why this migration is"
