"""Checks of names, sizes and heads: where things are, and whether a reader is told what a file is for."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

LONGEST_LINES = 400
LONG_FOR_A_REASON: Mapping[str, str] = {
    "http_edge/routes.py": "the route table is one table: what the interface takes is read in one place",
    "messages/ledger.py": "a vocabulary is one module: who speaks to an actor reads one file; most lines are its prose",
    "messages/member.py": "a vocabulary is one module: who speaks to an actor reads one file; most lines are its prose",
    "messages/loan_calculator.py": "a vocabulary is one module: who speaks to an actor reads one file; most lines are its prose",
    "messages/loan.py": "a vocabulary is one module: who speaks to an actor reads one file; most lines are its prose",
    "messages/identity.py": "a vocabulary is one module: who speaks to an actor reads one file; most lines are its prose",
    "tests/edge/test_no_secret_is_told.py": "one scene: what is planted, and each place that is searched for it, are read together",
    "actors/ledger/queries.sql": "an actor's statements are one file; half of these prove the books against each other",
}
"""Path -> why its reader is better off with one long file."""

TOP_LEVEL = re.compile(
    r"actors|messages|config|runtime|http_edge|migrations|deploy|tests|pyproject\.toml|Makefile|LICENSE|uv\.lock|requirements[\w.-]*"
    r"|README\.md|CHANGELOG\.md|CONTRIBUTING\.md|SECURITY\.md|\.ci|\.github|\.gitignore|\.gitattributes|\.dockerignore|\.editorconfig"
)

_SAYS_NOTHING = re.compile(r"utils?|helpers?|common|managers?|misc|base|base_.*|stuff|lib|tools")
_ALLOWED = frozenset({"messages/base.py"})
"""The root of what all messages share; the design names it."""


def says_what_it_is(path: str, _text: str) -> Iterator[str]:
    """A name that says nothing has no place yet."""
    if path in _ALLOWED:
        return
    for part in PurePosixPath(path).with_suffix("").parts:
        if _SAYS_NOTHING.fullmatch(part):
            yield f"1: {part!r} says nothing; what is it for?"


def belongs_at_the_top(path: str, _text: str) -> Iterator[str]:
    """The top level is fixed, so that the house can be read from its folder."""
    top = path.split("/", 1)[0]
    if not TOP_LEVEL.fullmatch(top):
        yield f"1: {top!r} at the top level; the house has no such room"


def is_short_enough(path: str, text: str) -> Iterator[str]:
    """A long file has a reason that is written down."""
    lines = text.count("\n")
    is_code = path.endswith((".py", ".sql"))
    if is_code and lines > LONGEST_LINES and path not in LONG_FOR_A_REASON:
        yield f"{LONGEST_LINES + 1}: {lines} lines; split it, or write its reason into LONG_FOR_A_REASON"
    if path in LONG_FOR_A_REASON and lines <= LONGEST_LINES:
        yield "1: short again; take it out of LONG_FOR_A_REASON"


def has_a_head(path: str, text: str) -> Iterator[str]:
    """A module opens with what it is for."""
    if path.endswith(".py") and text.strip() and not ast.get_docstring(ast.parse(text)):
        yield "1: no docstring at the head: what is this room for, and what does not belong in it?"


def hands_names_on(path: str, text: str) -> Iterator[str]:
    """A folder's __init__ is empty or hands names on; it holds no logic."""
    if PurePosixPath(path).name != "__init__.py":
        return
    logic = [node for node in ast.parse(text).body if not _is_handing_on(node)]
    lines = sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in logic)
    if lines > 5:
        yield f"{logic[0].lineno}: {lines} lines of logic in an __init__; give them a module with a name"


def _is_handing_on(node: ast.stmt) -> bool:
    is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    is_all = isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == "__all__" for to in node.targets)
    return is_docstring or is_all or isinstance(node, ast.Import | ast.ImportFrom)


def is_used(files: Mapping[str, str]) -> Iterator[str]:
    """Nobody imports it, nothing names it, no command starts it: delete it the day it dies. Tests alone keep nothing alive."""
    of_tests, of_others = set[str](), set[str]()
    for path, text in files.items():
        if path.endswith(".py"):
            (of_tests if path.startswith("tests/") else of_others).update(_imported(path, text))
    for path in files:
        stem = PurePosixPath(path).stem
        if not path.endswith(".py") or stem in {"__init__", "__main__", "conftest"} or stem.startswith("test_"):
            continue
        module = path.removesuffix(".py").replace("/", ".")
        imported = module in of_others or (path.startswith("tests/") and module in of_tests)
        if not imported and not _is_named(path, module, files):
            yield f"{path}:1: nobody imports it, names it or starts it"


def _is_named(path: str, module: str, files: Mapping[str, str]) -> bool:
    """Whether another file says it in words: an entry point, an actor of pools.yaml, a command."""
    words = [re.escape(path), rf"\b{re.escape(module)}:", rf"-m {re.escape(module)}\b", rf"[\"']{re.escape(module)}[\"']"]
    if module.endswith(".actor"):
        words.append(rf"actor: {re.escape(module.removesuffix('.actor'))}\n")
    spoken = re.compile("|".join(words))
    return any(
        spoken.search(text)
        for other, text in files.items()
        if other != path and not (other.startswith("tests/") and other.endswith(".py"))
    )


def _imported(path: str, text: str) -> Iterator[str]:
    package = path.split("/")[:-1]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
