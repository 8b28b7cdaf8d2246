"""An actor: a name, a mailbox, a state of its own in PostgreSQL, and handlers, one per message type.

    class Ledger(Actor):
        '''Keeps the journal: entries balance, are never changed, and count once.'''
        name = "ledger"

        @handles
        async def open_account(self, command: OpenAccount, turn: Turn) -> Account: ...

        @handles_batch(PostEntry, Transfer)
        async def move_money(self, batch: Batch) -> None: ...

An actor with many messages is put together from classes that are no actors: `class Loans(Applications, Servicing, Actor)`.
A wrong declaration (a message handled twice, another reply than promised, another actor's command) fails at import.
State lives in rows, never in `self`.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar, get_type_hints

from config.sections import Settings
from messages.base import Event, Message, Reply
from runtime.turn import Batch, Said, Turn, Work

__all__ = ["Actor", "Batch", "Handler", "Said", "Turn", "Work", "handles", "handles_batch"]

_Method = TypeVar("_Method", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Handler:
    """Which method handles a message type, and whether it takes many at once."""

    method: str
    message_type: type[Message]
    batched: bool


def handles(method: _Method) -> _Method:
    """The method handles the message type that its first parameter is annotated with, one turn each."""
    method.__handles__ = None  # type: ignore[attr-defined]  # a mark on a function
    return method


def handles_batch(*message_types: type[Message]) -> Callable[[_Method], _Method]:
    """The method handles these message types, many in one transaction, and answers each."""

    def mark(method: _Method) -> _Method:
        method.__handles__ = message_types  # type: ignore[attr-defined]  # a mark on a function
        return method

    return mark


class Actor:
    """Base of all actors."""

    name: ClassVar[str] = ""
    handlers: ClassVar[dict[type[Message], Handler]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if not cls.name:
            raise TypeError(f"{cls.__name__}: give it a name, the first part of the wire names it handles")
        cls.handlers = {}
        for method_name, method in _methods(cls).items():
            if not hasattr(method, "__handles__"):
                continue
            batched = method.__handles__ is not None
            message_types = method.__handles__ if batched else (_declared_message(cls, method),)
            for message_type in message_types:
                if message_type in cls.handlers:
                    raise TypeError(f"{cls.__name__}: {message_type.wire} is handled twice")
                if not issubclass(message_type, Event) and message_type.actor != cls.name:
                    raise TypeError(f"{cls.__name__}: {message_type.wire} belongs to the actor {message_type.actor}")
                cls.handlers[message_type] = Handler(method_name, message_type, batched)

    @classmethod
    def configured(cls, settings: Settings) -> Self:
        """The actor as these settings want it; most want nothing."""
        del settings
        return cls()

    async def started(self) -> None:
        """Called once in each process before the first message."""


def _methods(actor: type[Actor]) -> dict[str, Any]:
    """Its own, and those of the classes that it is put together from, by name; its own go before."""
    return {name: method for each in reversed(actor.__mro__) for name, method in vars(each).items()}


def _declared_message(actor: type[Actor], method: Callable[..., Any]) -> type[Message]:
    hints = get_type_hints(method)
    parameters = list(inspect.signature(method).parameters)[1:]
    where = f"{actor.__name__}.{method.__name__}"
    if len(parameters) != 2 or hints.get(parameters[1]) is not Turn:
        raise TypeError(f"{where}: a handler takes (self, message, turn: Turn)")
    message_type = hints.get(parameters[0])
    if not (isinstance(message_type, type) and issubclass(message_type, Message) and message_type.wire):
        raise TypeError(f"{where}: annotate its message with a message class")
    promised = getattr(message_type, "reply_type", None)
    given = hints.get("return")
    if promised is None:
        if given not in (None, type(None)):
            raise TypeError(f"{where}: an event is not answered, so it returns None")
    elif not (isinstance(given, type) and issubclass(given, Reply) and issubclass(given, promised)):
        raise TypeError(f"{where}: {message_type.wire} promises {promised.__name__}, it returns {given}")
    return message_type
