"""One row of the route table, and everything that follows from it by looking at the message alone.

    Route("POST", "/accounts/{account_id}/holds", PlaceHold, idempotency=REQUIRED, makes="/holds/{hold_id}")

Where a field of the message comes from: `{name}` in the path; `expected_version` from If-Match; `dry_run` from the query; all others
from the JSON body (POST, PUT, PATCH) or the query (GET, DELETE). A fault in a row is a failure at start. The rows are in routes.py.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from enum import Enum
from functools import cached_property
from typing import Any, ClassVar, Literal, get_args

from messages.base import Command, FromRequest, Job, Query, Reply

PREFIX = "/api/v1"
VERSION_FIELD = "version"
EXPECTED_VERSION_FIELD = "expected_version"
MEDIA_TYPE_FIELD = "media_type"
DRY_RUN_FIELD = "dry_run"
USER_FIELD = "user_id"
AMOUNT_FIELD = "amount"
POSTINGS_FIELD = "postings"

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Asked = type[Command[Any]] | type[Query[Any]] | type[Job[Any]]

_SEGMENT = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*|\{[a-z][a-z0-9_]*\}", re.ASCII)
_PARAMETER = re.compile(r"\{([a-z0-9_]+)\}", re.ASCII)
_THE_MESSAGES_OWN = "*"
_SECRET_TAGS = frozenset({"auth", "password", "api-keys", "invitations"})


@dataclass(frozen=True)
class Deprecated:
    """That a route will go, told in the headers of RFC 9745 and RFC 8594."""

    since: date
    sunset: date
    """The day on which it is gone."""
    instead: str
    """The path of what takes its place."""

    def headers(self) -> dict[str, str]:
        """As they go out with each answer."""
        since, sunset = (datetime.combine(day, time(), UTC) for day in (self.since, self.sunset))
        return {
            "Deprecation": f"@{int(since.timestamp())}",
            "Sunset": format_datetime(sunset, usegmt=True),
            "Link": f'<{self.instead}>; rel="successor-version"',
        }


class Idempotency(Enum):
    """What a route does with `Idempotency-Key`."""

    REQUIRED = "required"
    """Moves money: 400 without one."""
    OPTIONAL = "optional"
    """Used when it is given."""
    NONE = "none"
    """Ignored: the request changes nothing, or its answer is kept nowhere."""


class Fresh(Enum):
    """When a request takes a fresh proof of who one is, where the settings ask for any; step_up.py."""

    ALWAYS = "always"
    ABOVE_LIMIT = "above a limit"
    """When more money moves than the settings let through without."""


@dataclass(frozen=True)
class Route:
    """Method and path -> message."""

    methods_with_body: ClassVar[frozenset[str]] = frozenset({"POST", "PUT", "PATCH"})

    method: Method
    path: str
    """Below the prefix; kebab-case, `{field}` for a field of the message."""
    message: Asked
    permission: str | None = _THE_MESSAGES_OWN
    """Default: the message's own. Written out where a reader should see it; it cannot differ."""
    idempotency: Idempotency | None = None
    """Default: OPTIONAL where something changes and the reply is kept, else NONE."""
    status: int | None = None
    """Of a reply. Default: 202 for a job, 201 for what makes something, else 200. 204 sends no body."""
    makes: str | None = None
    """The path of what it makes, for Location; `{field}` is a field of the reply."""
    serves: str | None = None
    """The field of the reply whose bytes are the body, as the reply's `media_type`; for pictures and documents."""
    public: bool = False
    """Whether it is for those who have no access token."""
    changes_access: bool = False
    """Whether it changes what somebody may do: its reply names the user, and is given when all edges have heard of it."""
    for_restricted: bool = False
    """Whether a session that must change its password, or enrol an authenticator, before anything else may do it."""
    login_only: bool = False
    """Whether it is for people who logged in and not for programs with an API key."""
    fresh: Fresh | None = None
    """Whether it takes a fresh proof of who one is."""
    deprecated: Deprecated | None = None
    """Whether it will go, and what takes its place."""
    also: tuple[int, ...] = ()
    """Statuses of refusals beside those that follow from the row, for the documentation."""

    @property
    def full_path(self) -> str:
        """The path with its prefix."""
        return PREFIX + self.path

    @property
    def tag(self) -> str:
        """What it is listed under: the first noun of its path."""
        return self.path.split("/")[1]

    @property
    def reply(self) -> type[Reply]:
        """The reply that the message promises."""
        return self.message.reply_type

    @property
    def reply_status(self) -> int:
        """The status of a reply."""
        return self.status or (202 if issubclass(self.message, Job) else 200 if self.makes is None else 201)

    @property
    def media_types(self) -> tuple[str, ...]:
        """What the body of a reply can be."""
        if self.serves is None:
            return ("application/json",)
        return get_args(self.reply.model_fields[MEDIA_TYPE_FIELD].annotation)

    @property
    def key_rule(self) -> Idempotency:
        """What is done with an idempotency key."""
        if self.idempotency is not None:
            return self.idempotency
        kept = self.message.remembered and not issubclass(self.message, Query)
        return Idempotency.OPTIONAL if kept else Idempotency.NONE

    @property
    def has_body(self) -> bool:
        """Whether the fields that are not in the path come in a body; else they come in the query."""
        return self.method in self.methods_with_body

    @cached_property
    def path_fields(self) -> tuple[str, ...]:
        """The fields that come in the path, in its order."""
        return tuple(_PARAMETER.findall(self.path))

    @property
    def takes_if_match(self) -> bool:
        """Whether If-Match is understood."""
        return EXPECTED_VERSION_FIELD in self.message.model_fields

    @property
    def has_etag(self) -> bool:
        """Whether the reply is a single resource with a version."""
        return VERSION_FIELD in self.reply.model_fields

    @cached_property
    def body_fields(self) -> tuple[str, ...]:
        """The fields that come in the body."""
        return tuple(name for name in self._other_fields if self.has_body and name != DRY_RUN_FIELD)

    @cached_property
    def query_fields(self) -> tuple[str, ...]:
        """The fields that come in the query: so whoever tries something out sends the very body that would do it."""
        return tuple(name for name in self._other_fields if name not in self.body_fields)

    @cached_property
    def filled_fields(self) -> dict[str, str]:
        """The fields that the edge fills itself, and from what."""
        fields = self.message.model_fields.items()
        return {name: mark.what for name, about in fields for mark in about.metadata if isinstance(mark, FromRequest)}

    @property
    def _other_fields(self) -> list[str]:
        elsewhere = {*self.path_fields, *self.filled_fields, EXPECTED_VERSION_FIELD}
        return [name for name in self.message.model_fields if name not in elsewhere]

    @property
    def tells_secrets(self) -> bool:
        """Whether its answers may hold what nobody else may learn: by its resource, or by a field that is a secret."""
        return self.tag in _SECRET_TAGS or '"password"' in json.dumps(self.reply.model_json_schema(mode="serialization"))

    @property
    def needs_body(self) -> bool:
        """Whether an empty body cannot be right."""
        return any(self.message.model_fields[name].is_required() for name in self.body_fields)

    def faults(self) -> list[str]:
        """What is wrong with this row."""
        fields, replied = set(self.message.model_fields), set(self.reply.model_fields)
        unsafe = not issubclass(self.message, Query)
        own = self.message.permission
        found = {
            "its path is not kebab-case": not all(_SEGMENT.fullmatch(part) for part in self.path.split("/")[1:]),
            "its path names what is no field of the message": not fields.issuperset(self.path_fields),
            "what it makes names what is no field of the reply": not replied.issuperset(_PARAMETER.findall(self.makes or "")),
            f"its permission is not the message's, {own}": self.permission not in {_THE_MESSAGES_OWN, own},
            "what it serves is no field of the reply, or of no media type": self.serves is not None
            and not replied.issuperset({self.serves, MEDIA_TYPE_FIELD}),
            "it is gone before it is deprecated": self.deprecated is not None
            and self.deprecated.sunset <= self.deprecated.since,
            "a GET changes something": self.method == "GET" and unsafe,
            "something that changes nothing asks for an idempotency key": not unsafe and self.key_rule is not Idempotency.NONE,
            "a change of access is no command whose reply names the user": self.changes_access
            and (not issubclass(self.message, Command) or USER_FIELD not in replied),
            "what depends on an amount has none": self.fresh is Fresh.ABOVE_LIMIT
            and fields.isdisjoint({AMOUNT_FIELD, POSTINGS_FIELD}),
            "a stranger has logged in": self.public and (self.login_only or self.fresh is not None),
            "whoever has no token has no permission either": self.public and own is not None,
            "its reply is kept nowhere, so a key cannot find it": not self.message.remembered
            and self.key_rule is not Idempotency.NONE,
        }
        return [f"{self.method} {self.path}: {fault}" for fault, is_so in found.items() if is_so]


def check_routes(routes: Iterable[Route]) -> None:
    """TypeError with everything that is wrong with the table."""
    routes = tuple(routes)
    shapes = Counter((route.method, _PARAMETER.sub("{}", route.path)) for route in routes)
    faults = [f"{method} {shape} is in the table more than once" for (method, shape), count in shapes.items() if count > 1]
    for route in routes:
        faults += route.faults()
    if faults:
        raise TypeError("the route table is wrong:\n" + "\n".join(faults))
