"""Names as search compares them: words without accents, capitals and apostrophes, in whatever script."""

import re
import unicodedata
from dataclasses import dataclass

from messages.member import BusinessDetails, MemberKind, NameTooShort, PersonDetails

LONGEST_WORD = 60
"""In characters; what is beyond it is not compared."""
SHORTEST_BEGINNING = 2
"""Of the longest word asked for: one letter would fit a tenth of all members."""

_APOSTROPHES = re.compile("['\u2019\u02bc`]")
_UNDECOMPOSED = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "\u0131": "i"}
)
"""Letters that Unicode does not take apart into a plain one and a mark."""


@dataclass(frozen=True, slots=True)
class KnownAs:
    """A person or a business, the name that lists show, and the words it is found by."""

    details: PersonDetails | BusinessDetails
    name: str
    words: list[str]

    @property
    def kind(self) -> MemberKind:
        """Which of the two it is."""
        return MemberKind.PERSON if isinstance(self.details, PersonDetails) else MemberKind.BUSINESS


def known_as(details: PersonDetails | BusinessDetails) -> KnownAs:
    """A person is found by all names, a business by both of its."""
    if isinstance(details, PersonDetails):
        name = details.given_name if details.family_name is None else f"{details.given_name} {details.family_name}"
        return KnownAs(details, name, words_of(name))
    return KnownAs(details, details.legal_name, words_of(f"{details.legal_name} {details.trading_name or ''}"))


def words_of(name: str) -> list[str]:
    """The words of a name, each once, folded and sorted: `Wanjirũ Ng'ang'a` is nganga, wanjiru."""
    return sorted(set(_words_in_order(name)))


def beginnings(asked: str) -> list[str]:
    """The beginnings of words that a search asks for, the most telling first. Refused where none has two letters."""
    words = sorted(words_of(asked), key=lambda word: (-len(word), word))
    if not words or len(words[0]) < SHORTEST_BEGINNING:
        raise NameTooShort(field="name")
    return words


def folded(name: str) -> str:
    """A name such that two that read alike are equal."""
    return " ".join(_words_in_order(name)) or name.casefold()


def _words_in_order(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", name)).casefold().translate(_UNDECOMPOSED)
    kept = (
        character if unicodedata.category(character)[0] in "LNM" else " "
        for character in plain
        if not unicodedata.combining(character)
    )
    return [word[:LONGEST_WORD] for word in "".join(kept).split()]
