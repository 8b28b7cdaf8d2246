"""How long nobody may guess: after some wrong codes in a row each further one locks for twice as long.

Only who knows the password comes to guess codes, so a stranger cannot lock anybody out.
"""

from datetime import timedelta

FREE_GUESSES = 4
"""Wrong codes in a row that cost nothing; people mistype. The fifth locks."""
FIRST_LOCK = timedelta(seconds=30)
LONGEST_LOCK = timedelta(hours=1)
"""24 guesses a day at 3 of a million codes each: a thief with the password needs 26 years for an even chance."""


def locked_for(failures: int) -> timedelta | None:
    """How long no code is looked at after so many wrong ones in a row; None where another may be tried at once."""
    beyond = failures - FREE_GUESSES
    if beyond <= 0:
        return None
    doublings = min(beyond - 1, (LONGEST_LOCK // FIRST_LOCK).bit_length())
    return min(FIRST_LOCK * (1 << doublings), LONGEST_LOCK)
