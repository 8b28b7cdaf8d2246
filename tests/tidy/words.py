"""Checks of words: leftovers, silenced checks without a reason, and what has no business in a product's repository."""

import re
from collections.abc import Iterator

_SPARED = ("tests/tidy/words.py", "tests/test_house.py")
"""They have to name what they look for."""

_LEFTOVER = re.compile(r"\b(TO{0}DO|FIX{0}ME|XX{0}X|HACK)\b".replace("{0}", ""))
_NOQA = re.compile(r"#\s*noqa\b(?P<rest>.*)", re.IGNORECASE)
_NOQA_WITH_REASON = re.compile(r":\s*[A-Z]+[0-9]+(\s*,\s*[A-Z]+[0-9]+)*\s+(-|#|\u2013|\u2014)\s*\S+")
_IGNORE = re.compile(r"#\s*type:\s*ignore(?P<rest>.*)")
_IGNORE_WITH_REASON = re.compile(r"\[[a-z, -]+\]\s*(#|-)\s*\S+")
_SKIP = re.compile(r"@pytest\.mark\.(skip|xfail|skipif)\b(?P<rest>.*)")
_HALVES = (
    (r"(?<![\w.])/wo", r"rk/"),
    (r"\.lib", r"rary/"),
    ("sub", r"-?agents?\b"),
    (r"\bissu", r"e #?[0-9]+"),
    (r"\bissu", r"es show\b"),
    ("coffer", "-brief"),
    (r"\bbefore", r"-stop\b"),
    ("helper", " agent"),
)
_WORKPLACE = re.compile("|".join(first + second for first, second in _HALVES), re.IGNORECASE)
"""In halves, so that this file does not hold what it looks for."""
_PUBLIC_HOSTS = frozenset({"pypi.org", "files.pythonhosted.org"})
_HOST = re.compile(r"https?://([^/\"' :]+)")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    return enumerate(text.splitlines(), start=1)


def leaves_nothing_behind(path: str, text: str) -> Iterator[str]:
    """What is left to do is done or deleted."""
    if path not in _SPARED:
        for number, line in _lines(text):
            if found := _LEFTOVER.search(line):
                yield f"{number}: {found[0]}"


def says_why_it_is_silenced(path: str, text: str) -> Iterator[str]:
    """A silenced check names its rule and its reason."""
    if not path.endswith(".py") or path in _SPARED:
        return
    for number, line in _lines(text):
        if (found := _NOQA.search(line)) and not _NOQA_WITH_REASON.match(found["rest"]):
            yield f"{number}: write `noqa: RULE - reason`"
        if (found := _IGNORE.search(line)) and not _IGNORE_WITH_REASON.match(found["rest"]):
            yield f"{number}: write `type: ignore[rule]  # reason`"


def says_why_it_is_skipped(path: str, text: str) -> Iterator[str]:
    """A test that does not run says why."""
    if not path.endswith(".py") or path in _SPARED:
        return
    for number, line in _lines(text):
        if (found := _SKIP.search(line)) and "reason=" not in found["rest"]:
            yield f"{number}: a skipped test needs reason=..."


def speaks_of_the_product_alone(_path: str, text: str) -> Iterator[str]:
    """Where and how it was made is nobody's business here."""
    for number, line in _lines(text):
        if found := _WORKPLACE.search(line):
            yield f"{number}: {found[0]!r} is a word of a workplace"


def locks_public_sources(path: str, text: str) -> Iterator[str]:
    """A lock file names the public registry, not a mirror that others cannot reach."""
    if not path.endswith((".lock", "requirements.txt", "requirements-dev.txt")):
        return
    for number, line in _lines(text):
        for host in _HOST.findall(line):
            if host not in _PUBLIC_HOSTS:
                yield f"{number}: {host} is no public registry"
