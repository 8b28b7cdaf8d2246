"""What the edge needs from whoever starts it: somebody to speak to, somebody who counts what is asked, somebody who knows the state.

The runtime gives all three; a test may give its own.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from messages.base import Message
from runtime.client import Answer
from runtime.limits import Question, Verdict
from runtime.principal import Principal


class Client(Protocol):
    """Says messages to actors and waits for the answer."""

    @property
    def in_flight(self) -> int:
        """Requests that wait for an answer."""
        ...

    def call(
        self,
        message: Message,
        *,
        principal: Principal,
        message_id: UUID | None = None,
        correlation_id: str = "",
        traceparent: str = "",
        deadline_seconds: float = 10.0,
    ) -> Coroutine[Any, Any, Answer]:
        """The answer; `busy` while the same message id waits for one. runtime.errors.Unavailable where none can be had now."""
        ...


class Limiter(Protocol):
    """Counts what is asked."""

    async def ask(self, questions: Sequence[Question]) -> Verdict:
        """Whether all of these limits let a request through; if so, all have counted it."""
        ...

    def give_back(self, verdict: Verdict) -> None:
        """Free the places that a request had taken."""
        ...


class Shelf(Protocol):
    """Keeps replies; runtime/cache/shelf.py."""

    async def through(
        self, name: str, tags: Sequence[str], load: Callable[[], Awaitable[bytes | None]], *, counted_as: str
    ) -> bytes | None:
        """What is kept under this name, or else what `load` gives; None where that is nothing to keep."""
        ...


Readiness = Callable[[], Awaitable[Mapping[str, str | None]]]
"""The pieces that must answer, by name: None for one that does, else what is wrong with it."""
