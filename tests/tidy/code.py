"""Checks of code that linters do not know: one clock, pure rules, money that is never a float, SQL in its files, no sleeps."""

import ast
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch

from tests.tidy.repository import is_room

CLOCKS = frozenset({"runtime/clock.py", "messages/ids.py"})
"""Who may ask the machine for the time: the clock, and the maker of time-ordered ids."""

MONEY = ("messages/money.py", "messages/ledger.py", "actors/ledger/*", "actors/*/rules/*")
"""Where an amount is worked with."""

SQL_IN_CODE: Mapping[str, str] = {
    "runtime/database.py": "begins and ends transactions, and asks whether the server is a primary",
}
"""Path -> why its statements are no named ones."""

LONGEST_SLEEP_SECONDS = 0.5

_TELLS_TIME = re.compile(r"time\.(time|time_ns|localtime|gmtime)|(datetime\.)?(datetime\.(now|utcnow|today)|date\.today)")
_IMPURE = re.compile(r"time|os|sys|random|secrets|importlib|subprocess|socket|threading|logging|pathlib|io|uuid\.uuid[147]")
_IMPURE_CALLS = frozenset({"open", "print", "input", "__import__", "eval", "exec"})
_SQL = re.compile(
    r"\s*(SELECT\s[\s\S]*\bFROM\b|SELECT\s+[a-z_.]+\(|INSERT\s+INTO\s|UPDATE\s+[\w.]+\s+SET\s|DELETE\s+FROM\s|WITH\s+\w+\s+AS\s*\("
    r"|(CREATE|ALTER|DROP)\s+(TABLE|SCHEMA|INDEX|VIEW|ROLE|USER|DATABASE|FUNCTION)\s|TRUNCATE\s+[\w.]+|LOCK\s+TABLE\s|GRANT\s+\w+"
    r"|BEGIN\b|COMMIT$|ROLLBACK\b|SAVEPOINT\s|SET\s+(LOCAL|ROLE|SESSION)\s)",
    re.IGNORECASE,
)


def _python(path: str, text: str) -> Iterator[ast.AST]:
    if path.endswith(".py"):
        yield from ast.walk(ast.parse(text))


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else node.attr
    return node.id if isinstance(node, ast.Name) else ""


def asks_the_one_clock(path: str, text: str) -> Iterator[str]:
    """Time comes from the settable clock, or a test cannot set it."""
    if not is_room(path) or path in CLOCKS:
        return
    for node in _python(path, text):
        if isinstance(node, ast.Call) and _TELLS_TIME.fullmatch(_dotted(node.func)):
            yield f"{node.lineno}: {_dotted(node.func)}(); take the time from the turn or from runtime.clock"


def keeps_rules_pure(path: str, text: str) -> Iterator[str]:
    """Rules are functions over values: no clock, no chance, no door to the outside."""
    if not fnmatch(path, "actors/*/rules/*.py"):
        return
    for node in _python(path, text):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if _IMPURE.fullmatch(name):
                yield f"{getattr(node, 'lineno', 1)}: imports {name}; rules are pure"
        if isinstance(node, ast.Call) and (_dotted(node.func) in _IMPURE_CALLS or _TELLS_TIME.fullmatch(_dotted(node.func))):
            yield f"{node.lineno}: calls {_dotted(node.func)}(); rules are pure"
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            yield f"{node.lineno}: waits for something; rules are pure"


def counts_money_in_whole_units(path: str, text: str) -> Iterator[str]:
    """Money is integer minor units inside and a decimal string outside; never a float, not even on the way."""
    if not any(fnmatch(path, pattern) for pattern in MONEY):
        return
    for node in _python(path, text):
        if isinstance(node, ast.Name) and node.id == "float":
            yield f"{node.lineno}: float"
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield f"{node.lineno}: {node.value} is a float"
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield f"{node.lineno}: / makes a float; use // or Decimal in a function of its own"


def keeps_sql_in_its_files(path: str, text: str) -> Iterator[str]:
    """SQL is code: named, described, in a .sql file."""
    if not is_room(path) or path in SQL_IN_CODE:
        return
    docstrings = set()
    for node in _python(path, text):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            docstrings.add(id(node.value))
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
            and _SQL.match(node.value)
        ):
            yield f"{node.lineno}: SQL in a string: {' '.join(node.value.split())[:40]!r}"


def waits_for_conditions(path: str, text: str) -> Iterator[str]:
    """A test waits for what it needs; a fixed sleep is too short today or too long every day."""
    if not path.startswith("tests/"):
        return
    for node in _python(path, text):
        if not isinstance(node, ast.Call) or _dotted(node.func).rpartition(".")[2] != "sleep" or not node.args:
            continue
        seconds = node.args[0]
        if (
            isinstance(seconds, ast.Constant)
            and isinstance(seconds.value, int | float)
            and seconds.value > LONGEST_SLEEP_SECONDS
        ):
            yield f"{node.lineno}: sleeps {seconds.value} s; wait for the condition"
