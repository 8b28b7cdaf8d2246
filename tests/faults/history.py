"""What clients asked of the bank and what it answered, with times: the evidence that `checker.py` judges.

A request ends, as in Jepsen's histories, in ok (done), fail (refused, nothing was done) or unknown (nobody told). A client that was
not told asks again under the same key, so that in a sound bank nothing stays unknown.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import orjson

Kind = Literal["deposit", "withdrawal", "transfer", "place_hold", "post_hold", "void_hold", "reversal", "register", "activate"]
Outcome = Literal["ok", "fail", "unknown"]

IN_PROGRESS = "request_in_progress"
_LATER = frozenset({408, 429, 503, 504})
"""Statuses that say: ask again."""
EXPECTED_REFUSALS = frozenset({"insufficient_funds"})
"""The only business "no" that these requests may meet."""


@dataclass(slots=True)
class Answer:
    """What came of sending a request once. Times are those of a stopwatch, in seconds."""

    began: float
    ended: float
    status: int | None = None
    """None where the connection was cut or nothing came."""
    body: bytes = b""
    retry_after: str | None = None

    @property
    def told(self) -> dict[str, Any]:
        """The body, as far as it is JSON."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def is_definite(self) -> bool:
        """Whether it settles the request: done, or not to be done."""
        if self.status is None or self.status >= 500 or self.status in _LATER:
            return False
        return self.status < 300 or self.told.get("rule") != IN_PROGRESS


@dataclass(slots=True)
class Request:
    """One request with its Idempotency-Key, however often it was sent."""

    key: str
    kind: Kind
    path: str
    body: dict[str, Any]
    amount: int
    """Minor units."""
    subject: UUID | None = None
    """The hold or the entry that it is about, where it is about one."""
    answers: list[Answer] = field(default_factory=list)

    @property
    def definite(self) -> Answer | None:
        """The first answer that settles it."""
        return next((each for each in self.answers if each.is_definite), None)

    @property
    def outcome(self) -> Outcome:
        """How it ended, as far as the client knows."""
        found = self.definite
        if found is None:
            return "unknown"
        return "ok" if found.status is not None and found.status < 300 else "fail"

    def __str__(self) -> str:
        return f"{self.kind} {self.key} ({self.outcome})"


@dataclass(slots=True)
class Published:
    """One deposit that another system published on the broker."""

    key: str
    account: UUID
    amount: int
    began: float
    confirmed: float | None = None
    """When the broker took it: from then on it is accepted, whether anybody asks again or not."""
    replies: list[tuple[str, bytes]] = field(default_factory=list)
    """Kind and body of each reply."""

    def __str__(self) -> str:
        return f"published deposit {self.key}"


@dataclass(slots=True)
class History:
    """All that was asked in one run."""

    requests: list[Request] = field(default_factory=list)
    published: list[Published] = field(default_factory=list)

    def answers(self) -> Iterator[tuple[Request, Answer]]:
        """Every answer."""
        return ((request, answer) for request in self.requests for answer in request.answers)

    def count(self, outcome: Outcome) -> int:
        """Requests that ended so."""
        return sum(request.outcome == outcome for request in self.requests)

    def resumed(self, moment: float) -> float | None:
        """How long after a moment something succeeded that was asked after it."""
        ends = [
            answer.ended - moment
            for _, answer in self.answers()
            if answer.began >= moment and answer.status is not None and answer.status < 300
        ]
        return min(ends, default=None)

    def longest_silence(self) -> float:
        """The longest time, in seconds, in which nothing succeeded."""
        ends = sorted(answer.ended for _, answer in self.answers() if answer.status is not None and answer.status < 300)
        return max((later - earlier for earlier, later in itertools.pairwise(ends)), default=0.0)

    def longest_wait(self) -> float:
        """The longest that any sending of a request took."""
        return max((answer.ended - answer.began for _, answer in self.answers()), default=0.0)
