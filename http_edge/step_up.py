"""Step-up (RFC 9470): what is sensitive takes a login, or a proof of who one is, of a few minutes ago.

A stolen access token, or a screen left alone, does not change roles, make keys or send off large sums. Which requests are sensitive
stands in the route table; for how long a proof counts, and from which amounts on, in the settings; in dev nothing asks for it. The
client is told 401 `step_up_required` with the age in the challenge, proves by POST /auth/step-up, and repeats with the new token.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from config.sections import IdentitySettings
from http_edge.problems import Problem
from http_edge.route import AMOUNT_FIELD, DRY_RUN_FIELD, POSTINGS_FIELD, Fresh
from http_edge.security import CHALLENGE, Caller
from messages.base import Message
from messages.money import Money

OTHER_CURRENCIES = "other"


class StepUp:
    """Decides who must prove again who they are."""

    def __init__(self, settings: IdentitySettings) -> None:
        self._seconds = settings.step_up_seconds
        self._above: Mapping[str, Decimal] = settings.step_up_above

    def rule_of(self, rule: Fresh | None) -> Fresh | None:
        """What is left of a route's rule under these settings."""
        if self._seconds is None or (rule is Fresh.ABOVE_LIMIT and not self._above):
            return None
        return rule

    def check(self, caller: Caller, now: float) -> None:
        """Problem 401 where the caller's proof is too old; 403 for a program, which has none."""
        assert self._seconds is not None, "asked where nothing takes it"
        if caller.api_key_id is not None:
            raise Problem("needs_a_login")
        proved_at = caller.authenticated_unix_seconds
        if proved_at is None or now - proved_at > self._seconds:
            challenge = f'{CHALLENGE}, error="insufficient_user_authentication", max_age={self._seconds}'
            raise Problem("step_up_required", headers={"WWW-Authenticate": challenge})

    def is_above_limit(self, message: Message) -> bool:
        """Whether so much money moves; what says no amount may move any."""
        if getattr(message, DRY_RUN_FIELD, False):
            return False
        return any(amount is None or self._is_above(amount) for amount in _amounts(message))

    def _is_above(self, amount: Money) -> bool:
        limit = self._above.get(amount.currency, self._above.get(OTHER_CURRENCIES))
        return limit is not None and Decimal(amount.amount) > limit


def _amounts(message: Message) -> Iterator[Money | None]:
    if AMOUNT_FIELD in type(message).model_fields:
        yield getattr(message, AMOUNT_FIELD)
    else:
        yield from (posting.amount for posting in getattr(message, POSTINGS_FIELD))
