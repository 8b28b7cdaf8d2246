"""How often things may be asked of the edge: limits by name, each with its strategy, what it counts by, and the routes it is for.

A line of limits.yaml: `logins: {strategy: token_bucket, quota: 10, window_seconds: 60, per: [address], routes: {POST /auth/login: 1}}`
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from config.documents import Place
from config.errors import ConfigError
from config.layers import Section, file_layers, origin_of, overlay, validated
from config.sections import Profile

LARGEST_LOG = 10_000
"""A sliding window log keeps a line for each thing it counted."""
EVERY_ROUTE = "*"
WRONG_KEY = "wrong API key"
"""What stands among a limit's routes for requests to any of them with an API key that is not good. `*` does not mean it."""


class Strategy(StrEnum):
    """How a limit counts."""

    FIXED_WINDOW = "fixed_window"
    SLIDING_WINDOW_LOG = "sliding_window_log"
    SLIDING_WINDOW_COUNTER = "sliding_window_counter"
    TOKEN_BUCKET = "token_bucket"  # noqa: S105 - a way to count, no password
    LEAKY_BUCKET = "leaky_bucket"
    CONCURRENT = "concurrent"


STRATEGIES: dict[Strategy, str] = {
    Strategy.FIXED_WINDOW: "One count, begun anew with each window of the clock: the cheapest; around its edge twice the quota may pass.",
    Strategy.SLIDING_WINDOW_LOG: "Each moment is kept: exact, and as large as the quota.",
    Strategy.SLIDING_WINDOW_COUNTER: "Two counts, the last window's fading out: nearly as exact, and as cheap as one.",
    Strategy.TOKEN_BUCKET: "Tokens come evenly and are saved up to `burst`.",
    Strategy.LEAKY_BUCKET: "Evenly apart, at most `burst` ahead of time (GCRA, ITU-T I.371).",
    Strategy.CONCURRENT: "How many at once. A place whose edge died is free again after the window.",
}
"""What each does, for operators."""


class Part(StrEnum):
    """What a limit counts apart."""

    ADDRESS = "address"
    """The client's address, as trusted proxies tell it; of IPv6 the /64."""
    USER = "user"
    """Who is logged in; where nobody is, the address."""
    API_KEY = "api_key"
    """The key of a program; who has none is not counted."""
    ROUTE = "route"
    """The row of the route table."""
    EVERYTHING = "everything"
    """Nothing apart: one count for all."""


def _listed(value: object) -> object:
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


Cost = Annotated[int, Field(ge=0, le=1_000)]


class LimitSettings(Section):
    """One limit."""

    strategy: Strategy
    """How it counts: fixed_window, sliding_window_log, sliding_window_counter, token_bucket, leaky_bucket, concurrent."""
    quota: int = Field(ge=1, le=100_000_000)
    """How much may be asked in a window; with `concurrent`, how much at once."""
    window_seconds: int = Field(60, ge=1, le=86_400)
    """The window. With `concurrent`: after how long a place is free again whose edge died; longer than a request may take."""
    burst: int | None = Field(None, ge=1, le=100_000_000)
    """Of the buckets: how much may come at once. Not set: the quota of a token bucket, a tenth of a leaky bucket's."""
    per: Annotated[tuple[Part, ...], BeforeValidator(_listed)] = Field(min_length=1, max_length=4)
    """What is counted apart, one or more of: address, user, api_key, route; or everything."""
    routes: dict[str, Cost] = Field(default_factory=dict, max_length=1_000)
    """Which requests it is for, and what each costs: `POST /auth/login: 1`, `GET /portfolio/*: 5`, `"*": 1`. The closest one counts.
    `wrong API key: 1` is for every request with an API key that is not good."""

    @property
    def most_at_once(self) -> int:
        """What may pass in one moment after a silence."""
        if self.strategy is Strategy.LEAKY_BUCKET:
            return self.burst or max(1, self.quota // 10)
        return self.burst or self.quota

    def cost_of(self, route: str) -> int:
        """What a route such as `GET /accounts/{account_id}` costs here; 0: it is not counted."""
        starts = [each for each in self.routes if each.endswith(EVERY_ROUTE) and route.startswith(each[: -len(EVERY_ROUTE)])]
        closest = route if route in self.routes else max(starts, key=len, default=None)
        return 0 if closest is None else self.routes[closest]

    @model_validator(mode="after")
    def _fits_together(self) -> "LimitSettings":
        if self.burst is not None and self.strategy not in {Strategy.TOKEN_BUCKET, Strategy.LEAKY_BUCKET}:
            raise ValueError(f"burst is of the buckets alone; a {self.strategy} limit has its quota")
        if self.strategy is Strategy.SLIDING_WINDOW_LOG and self.quota > LARGEST_LOG:
            raise ValueError(f"a log of more than {LARGEST_LOG} moments is too large; take sliding_window_counter")
        if Part.EVERYTHING in self.per and len(self.per) > 1:
            raise ValueError("everything is not counted apart by something")
        dear = [route for route, cost in self.routes.items() if cost > self.most_at_once]
        if dear:
            raise ValueError(f"{dear[0]} costs more than may ever pass at once, {self.most_at_once}")
        return self


class Limits(Section):
    """All limits of the edge."""

    share_without_redis: float = Field(0.25, gt=0, le=1)
    """While Redis is away each edge counts for itself, and lets this share of each quota through."""
    limits: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")], LimitSettings] = Field(
        default_factory=dict, max_length=100
    )
    """The limits by name; clients read the names in the header RateLimit-Policy."""


Check = Callable[[LimitSettings], Iterable[tuple[Place, str]]]
"""What configuration cannot know by itself, such as which routes there are: the places of a limit that are wrong, and why."""


def load_limits(config_dir: Path | None = None, profile: Profile | None = None, *, check: Check | None = None) -> Limits:
    """The limits, of a profile if one is given. ConfigError says what is wrong and where. The environment has no say here."""
    names = ["limits.yaml"] if profile is None else ["limits.yaml", f"limits.{profile}.yaml"]
    layer = overlay(file_layers(config_dir, *names))
    found = validated(Limits, layer)
    wrong = [(("limits", name, *place), why) for name, each in found.limits.items() if check for place, why in check(each)]
    if wrong:
        raise ConfigError(f"{origin_of(layer, place)}: {'.'.join(map(str, place))}: {why}" for place, why in wrong)
    return found
