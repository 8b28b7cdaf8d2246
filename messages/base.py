"""What a message is: commands, queries, jobs and events with their wire names, the replies they promise, and refusals.

    class OpenAccount(Command[Account], wire="ledger.open_account.v1", key="member_id", permission="accounts:open"):
        '''Open an account for a member.'''
        member_id: MemberId

Every fault of a declaration (a name used twice, a key that is no field, no reply type) fails at import.
Vocabularies live in their own modules; nothing of a single actor belongs here.
"""

import re
import string
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Annotated, Any, ClassVar, Generic, Literal, Protocol, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

_by_wire: "dict[str, type[Message]]" = {}
_by_rule: "dict[str, type[Refusal]]" = {}
_replaced_by: "dict[str, type[Message]]" = {}

WIRE_NAME = re.compile(r"^(?P<actor>[a-z][a-z_]*)\.(?P<verb>[a-z][a-z_]*)\.v(?P<version>[1-9][0-9]*)$")


class Priority(IntEnum):
    """The four levels on the wire. They mean the same on classic queues (0 to 9) and degrade sensibly on quorum ones."""

    LOW = 1
    NORMAL = 4
    HIGH = 6
    CRITICAL = 9


class Reply(BaseModel):
    """The answer to a command, query or job. Immutable; unknown fields of a newer sender are tolerated."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Done(Reply):
    """The answer where there is nothing to tell but that it happened."""


def _printable(text: str) -> str:
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"} and character not in "\n\t" for character in text):
        raise PydanticCustomError("text", "control and invisible characters are not allowed")
    return unicodedata.normalize("NFC", text.strip())


Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
"""One line of text: 1 to 200 characters, no control or invisible characters, stored in Unicode NFC."""
Note = Annotated[str, Field(max_length=2000), AfterValidator(_printable)]
"""Free text of up to 2,000 characters."""


Flag = Annotated[bool, Field(strict=True)]
"""Yes or no in a body: `true` or `false`. A word, or a number, is neither; what stands in a query is text and is a plain bool."""


BranchCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""A branch of the institution, by its code in the settings: `nairobi_west`."""


def _written_as_a_day(value: object) -> object:
    if isinstance(value, date) or (isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII)):
        return value
    raise PydanticCustomError("day", "a day is written YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_written_as_a_day)]
"""A calendar day, as `2024-01-15`. A number, which would be seconds since 1970, is none."""
BankDay = Annotated[Day, Field(ge=date(1970, 1, 1), le=date(9998, 12, 31))]
"""A day that every calendar, time zone and database here can count with."""


@dataclass(frozen=True, slots=True)
class FromRequest:
    """Marks a field that the edge fills from what it knows of a request; a client that sends one is refused.

    `Annotated[str | None, Field(max_length=45), FromRequest("address")] = None`
    """

    what: Literal["address", "user_agent", "session"]
    """The client's address as attempts are counted by, its User-Agent, or the session (login) that its token belongs to."""


R = TypeVar("R", bound=Reply)
T = TypeVar("T", bound=BaseModel)


class Page(Reply, Generic[T]):
    """One page of a list; `next_cursor` is absent on the last one."""

    items: tuple[T, ...]
    next_cursor: str | None = None


class Amount(Protocol):
    """An amount of money, as limits look at it; `Money` is one."""

    @property
    def amount(self) -> str: ...
    @property
    def currency(self) -> str: ...


class Message(BaseModel):
    """What all messages share. Frozen; extra fields are refused, except in events."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wire: ClassVar[str] = ""
    """`actor.verb.version`, written out, so that a class can be renamed."""
    actor: ClassVar[str] = ""
    """Who handles it; for an event, who tells it."""
    version: ClassVar[int] = 1
    key_field: ClassVar[str | None] = None
    """The field whose value decides the partition: messages of one key are handled one at a time, in order."""
    priority: ClassVar[Priority] = Priority.NORMAL
    """Belongs to the type, not to the moment, so that one key's messages do not overtake each other."""
    permission: ClassVar[str | None] = None
    """`resource:action` that the principal needs; checked by the actor that owns the data. None: anybody who got in."""
    amount_field: ClassVar[str | None] = None
    """The field whose amount the limit of the permission is compared with, where the message says one."""
    remembered: ClassVar[bool] = True
    """Whether the inbox keeps the reply. Not where the reply holds a secret; such a message must be harmless when handled twice."""
    replaces: ClassVar["type[Message] | None"] = None
    cached: ClassVar[tuple[str, ...]] = ()
    """Of a query whose reply may be kept by whoever asked: the tags that it is kept under, such as `loan_product/{product_id}`."""
    renews: ClassVar[tuple[str, ...]] = ()
    """Of an event: the tags under which replies are old from now on."""

    def __init_subclass__(cls, **_: object) -> None:
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(
        cls,
        *,
        wire: str | None = None,
        key: str | None = None,
        priority: Priority = Priority.NORMAL,
        permission: str | None = None,
        amount: str | None = None,
        remember: bool = True,
        replaces: "type[Message] | None" = None,
        cached: tuple[str, ...] = (),
        renews: tuple[str, ...] = (),
        **_: object,
    ) -> None:
        if wire is None:
            return
        match = WIRE_NAME.match(wire)
        if match is None:
            raise TypeError(f"{cls.__name__}: {wire!r} is no wire name; write actor.verb.v1")
        if wire in _by_wire:
            raise TypeError(f"{cls.__name__}: the wire name {wire} belongs to {_by_wire[wire].__name__}")
        if key is not None and key not in cls.model_fields:
            raise TypeError(f"{cls.__name__}: the key {key!r} is no field of it")
        if permission is not None and not re.fullmatch(r"[a-z-]+:[a-z-]+", permission):
            raise TypeError(f"{cls.__name__}: {permission!r} is no permission; write resource:action")
        if amount is not None and amount not in cls.model_fields:
            raise TypeError(f"{cls.__name__}: the amount {amount!r} is no field of it")
        if replaces is not None and "upcast" not in cls.__dict__:
            raise TypeError(f"{cls.__name__}: it replaces {replaces.wire}, so it needs an upcast(old)")
        if not cls.__doc__:
            raise TypeError(f"{cls.__name__}: say in a docstring what it means; the published interface shows it")
        cls.wire = wire
        cls.actor = match["actor"]
        cls.version = int(match["version"])
        cls.key_field = key
        cls.priority = priority
        cls.permission = permission
        cls.amount_field = amount
        cls.remembered = remember
        cls.replaces = replaces
        cls.cached = cached
        cls.renews = renews
        if unknown := _fields_in(cached + renews) - cls.model_fields.keys():
            raise TypeError(f"{cls.__name__}: a tag names {', '.join(sorted(unknown))}, which is no field of it")
        cls._check_declaration()
        _by_wire[wire] = cls
        if replaces is not None:
            _replaced_by[replaces.wire] = cls

    @classmethod
    def _check_declaration(cls) -> None:
        """Raise TypeError for what only this kind of message can get wrong."""

    @property
    def key(self) -> str | None:
        """The value that decides the partition, as text; None for a message without order."""
        return None if self.key_field is None else str(getattr(self, self.key_field))

    def filled(self, tags: tuple[str, ...]) -> list[str]:
        """Tags with this message's values in them."""
        values = {name: getattr(self, name) for name in _fields_in(tags)}
        return [tag.format(**values) for tag in tags]

    def amounts(self) -> Iterable[Amount]:
        """What it moves or decides about, for the limits of its permission; one amount for each currency."""
        amount = None if self.amount_field is None else getattr(self, self.amount_field)
        return () if amount is None else (amount,)

    @classmethod
    def upcast(cls, _old: Any) -> Self:
        """This version's message from the one that it replaces."""
        raise NotImplementedError


def _fields_in(tags: tuple[str, ...]) -> set[str]:
    """The fields that tags name; of `{account.account_id}` it is `account`."""
    return {name.partition(".")[0] for tag in tags for _, name, _, _ in string.Formatter().parse(tag) if name is not None}


class _Answered(Message, Generic[R]):
    reply_type: ClassVar[type[Reply]]

    @classmethod
    def _check_declaration(cls) -> None:
        for base in cls.__mro__:
            arguments = getattr(base, "__pydantic_generic_metadata__", {}).get("args", ())
            if arguments and isinstance(arguments[0], type) and issubclass(arguments[0], Reply):
                cls.reply_type = arguments[0]
                return
        raise TypeError(f"{cls.__name__}: name the reply it promises, as in Command[Account]")


class Command(_Answered[R], Generic[R]):
    """Asks for a change. Handled once per message id, in order per key."""

    @classmethod
    def _check_declaration(cls) -> None:
        super()._check_declaration()
        if cls.cached or cls.renews:
            raise TypeError(f"{cls.__name__}: replies of queries are cached, and events renew them")


class Query(_Answered[R], Generic[R]):
    """Asks for an answer and changes nothing; not persistent, competing consumers."""


class Job(_Answered[R], Generic[R]):
    """A long command: accepted first, done later."""


class Event(Message):
    """Tells what happened. Receivers tolerate fields that they do not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Refusal(Exception):
    """A business "no": a reply, never a retry. The docstring is what the client reads."""

    rule: str = ""
    """Stable name that reaches the client."""
    status: int = 422
    """The HTTP status it maps to."""

    def __init__(self, detail: str | None = None, *, field: str | None = None, **facts: Any) -> None:
        self.detail = detail or " ".join((self.__doc__ or self.rule).split())
        self.field = field
        """The field at fault, dotted, as the client wrote it."""
        self.facts = facts
        super().__init__(self.detail)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.rule in _by_rule and _by_rule[cls.rule].__qualname__ != cls.__qualname__:
            raise TypeError(f"{cls.__name__}: the rule {cls.rule!r} belongs to {_by_rule[cls.rule].__name__}")
        _by_rule[cls.rule] = cls

    def to_wire(self) -> dict[str, Any]:
        """The refusal as JSON: rule, status, detail, and what is known of field and facts."""
        wire: dict[str, Any] = {"rule": self.rule, "status": self.status, "detail": self.detail}
        if self.field is not None:
            wire["field"] = self.field
        if self.facts:
            plain = int | bool | None
            wire["facts"] = {name: fact if isinstance(fact, plain) else str(fact) for name, fact in self.facts.items()}
        return wire

    @staticmethod
    def from_wire(wire: dict[str, Any]) -> "Refusal":
        """The refusal somebody answered with, as its own class where this process knows the rule."""
        refusal = _by_rule.get(wire["rule"], Refusal)(wire.get("detail"), field=wire.get("field"), **wire.get("facts", {}))
        refusal.rule, refusal.status = wire["rule"], int(wire.get("status", refusal.status))
        return refusal


class NotFound(Refusal):
    """There is no such thing, or it is not yours to see."""

    rule = "not_found"
    status = 404


class Forbidden(Refusal):
    """You may not do this."""

    rule = "forbidden"
    status = 403


class AboveLimit(Forbidden):
    """Your limit for this is lower. Somebody with a higher one can do it."""

    rule = "above_limit"


class Unauthenticated(Refusal):
    """Log in first."""

    rule = "unauthenticated"
    status = 401


class VersionConflict(Refusal):
    """Somebody changed it since you read it; read it again."""

    rule = "version_conflict"
    status = 412


class Invalid(Refusal):
    """A field does not hold what it must."""

    rule = "invalid"
    status = 422


class UnknownBranch(Refusal):
    """The institution has no such branch."""

    rule = "unknown_branch"


def message_type(wire: str) -> type[Message] | None:
    """The class behind a wire name, if a vocabulary that was imported declares it."""
    return _by_wire.get(wire)


def known_version(actor: str, verb: str) -> int:
    """The highest version of `actor.verb` that this process knows; 0 for none."""
    return max((kind.version for name, kind in _by_wire.items() if name.startswith(f"{actor}.{verb}.v")), default=0)


def all_message_types() -> tuple[type[Message], ...]:
    """Every declared message, by wire name."""
    return tuple(_by_wire[wire] for wire in sorted(_by_wire))


def all_refusals() -> tuple[type[Refusal], ...]:
    """Every declared refusal, by rule."""
    return tuple(_by_rule[rule] for rule in sorted(_by_rule))


def latest(message: Message) -> Message:
    """The message brought up to the newest version that this process knows, one upcast at a time."""
    while (newer := _replaced_by.get(message.wire)) is not None:
        message = newer.upcast(message)
    return message
