"""How good a chosen password is, and what to do better. Slow (up to 60 ms): call it on a thread.

zxcvbn estimates the guesses that a password takes, from lists of common passwords, names and words, keyboard walks, dates and
repeats (Wheeler, USENIX Security 2016). There are no rules of composition (NIST SP 800-63B, 5.1.1.2).
"""

import re
from collections.abc import Iterable

from zxcvbn import zxcvbn
from zxcvbn.frequency_lists import FREQUENCY_LISTS

LONGEST_JUDGED = 100
"""Characters; zxcvbn's time grows with the square of them, and what is strong so far is strong."""

COMMON = frozenset(FREQUENCY_LISTS["passwords"])
"""30,000 passwords out of leaks, in small letters: the first that anybody tries."""
_BETTER = "Add another word or two; uncommon words are better."


def weakness(password: str, lowest_score: int, *, known: Iterable[str] = ()) -> str | None:
    """Why a password is too weak and what to do better, in words that do not repeat it; None where it is good enough.

    `known`: what others know of the user, such as the user name, which is as good as a word of the dictionary.
    """
    if password.casefold() in COMMON:
        return f"This is one of the most common passwords. {_BETTER}"
    found = zxcvbn(password[:LONGEST_JUDGED], user_inputs=_parts(known), max_length=LONGEST_JUDGED)
    if found["score"] >= lowest_score:
        return None
    feedback = found["feedback"]
    said = [feedback["warning"], *feedback["suggestions"]]
    return " ".join(sentence for sentence in ("The password is too easy to guess.", *said) if sentence)


def _parts(known: Iterable[str]) -> list[str]:
    """Whole names, what stands before an @, and the words in them that are long enough to be meant."""
    parts = [part for name in known for part in (name, name.partition("@")[0], *re.split(r"[^a-z0-9]+", name.lower()))]
    return [part for part in dict.fromkeys(parts) if len(part) > 2]
