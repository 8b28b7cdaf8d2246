"""The settings of a process, section by section: types, defaults, limits, a sentence each. Pools and systems are elsewhere.

Everything an operator can set stands here once; `REFERENCE.md` is generated from it.
"""

import re
from datetime import date
from decimal import Decimal
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from config.layers import Section
from config.urls import BrokerUrl, DatabaseUrl, RedisUrl, user_in, with_user

DEMO_KEY_SECRET = "demo-key-secret-that-everybody-knows-0000"  # noqa: S105 - known to everybody; production refuses it
DEMO_PASSWORD = "demo-Coffer-2024"  # noqa: S105 - known to everybody; production refuses it

_AMOUNT_KEY = re.compile(r"[A-Z]{3}|other")

Role = Literal["edge", "actors", "topology"]
"""Which part of the house speaks to the broker."""


class Profile(StrEnum):
    """What kind of deployment this is: `dev` has demo data, `test` is fast and private, `production` refuses what is unsafe."""

    DEV = "dev"
    TEST = "test"
    PRODUCTION = "production"


def _listed(value: object) -> object:
    """An environment variable has its items apart by commas."""
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


def _amount_key(name: object) -> object:
    return name.upper() if isinstance(name, str) and name.lower() != "other" else name


class HttpLimits(Section):
    """What one request and all of them together may take."""

    max_in_flight: int = Field(256, ge=1, le=100_000)
    """Requests worked on at once; the next one is answered 503 with Retry-After instead of waiting."""
    body_bytes: int = Field(262_144, ge=1_024, le=16_777_216)
    """The largest request body; a larger one is answered 413. At most what a message may hold."""
    deadline_seconds: float = Field(10, gt=0, le=120)
    """How long a request may take, all hops together; then it is answered 503 and its work is dropped where it still waits."""
    retry_after_seconds: int = Field(1, ge=1, le=600)
    """What an overloaded edge tells its clients to wait."""
    target_bytes: int = Field(4_096, ge=256, le=8_000)
    """The longest path with its query; a longer one is answered 414."""
    headers: int = Field(64, ge=16, le=500)
    """How many headers a request may have; one with more is answered 431."""
    head_bytes: int = Field(32_768, ge=8_192, le=262_144)
    """The largest request line and headers together (each alone: 8,190); a larger head is answered 431."""
    head_seconds: float = Field(10, gt=0, le=300)
    """How long a head may take from its first byte; then it is answered 408."""
    body_seconds: float = Field(10, gt=0, le=300)
    """How long a body may take; then it is answered 408."""
    body_bytes_per_second: int = Field(1_000, ge=1, le=1_000_000)
    """How fast a body must come at least, after 3 seconds' grace."""
    answer_seconds: float = Field(30, gt=0, le=600)
    """How long a client may take to read an answer; then its connection is cut."""
    idle_seconds: float = Field(75, gt=0, le=3_600)
    """How long a connection may be idle: longer than the 60 s of common proxies, so that none is reused while it ends."""


Origin = Annotated[str, Field(pattern=r"^https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?$")]


class CorsSettings(Section):
    """Which web pages of elsewhere may call the interface from a browser."""

    allowed_origins: Annotated[tuple[Origin, ...], BeforeValidator(_listed)] = Field((), max_length=100)
    """Origins in full, as https://app.example.org; there is no wildcard. Not set: pages of the edge itself alone."""
    max_age_seconds: int = Field(600, ge=0, le=86_400)
    """How long a browser may remember the answer to a preflight."""


class HttpSettings(Section):
    """The edge."""

    host: str = Field("127.0.0.1", min_length=1, max_length=255)
    """The address to listen on; 0.0.0.0 in a container."""
    port: int = Field(8080, ge=0, le=65_535)
    """The port to listen on; 0 takes a free one."""
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_listed)] = Field((), max_length=100)
    """Networks of the proxies before the edge, as 10.0.0.0/8: what they say about a client's address is believed, nobody else."""
    forwarded_header: Literal["X-Forwarded-For", "Forwarded"] = "X-Forwarded-For"
    """The header that those proxies write. The other one is a client's own words, and not read."""
    limits: HttpLimits = HttpLimits()
    cors: CorsSettings = CorsSettings()


class IdentitySettings(Section):
    """Passwords and tokens."""

    bcrypt_cost: int = Field(12, ge=4, le=16)
    """Work per password check, as a power of two: 12 takes about 270 ms. Production refuses less than 10."""
    password_checks_waiting: int = Field(32, ge=1, le=1_000)
    """Password checks that may wait for one of the two threads of a process; the next is answered 503 with Retry-After."""
    password_score: int = Field(3, ge=0, le=4)
    """The least strength of a chosen password as zxcvbn has it: 3 takes about 10^8 guesses."""
    password_history: int = Field(5, ge=0, le=24)
    """A password cannot be chosen again while it is among so many former ones."""
    reset_minutes: int = Field(30, ge=5, le=1_440)
    """How long the mailed token for a forgotten password is good."""
    lockout_after: int = Field(5, ge=2, le=100)
    """So many failed logins of one account (known devices are counted apart) make it wait; the wait doubles with each more."""
    lockout_address_after: int = Field(50, ge=2, le=10_000)
    """The same for all logins from one address, whatever the account."""
    lockout_first_seconds: float = Field(30, gt=0, le=3_600)
    """The first such wait."""
    lockout_longest_seconds: float = Field(900, gt=0, le=86_400)
    """The longest."""
    lockout_forget_minutes: int = Field(60, ge=1, le=10_080)
    """Failures are forgotten when there was none for so long."""
    access_minutes: int = Field(15, ge=1, le=60)
    """How long an access token is good for."""
    refresh_days_idle: int = Field(7, ge=1, le=90)
    """A login that is not refreshed for so long is over."""
    refresh_days_absolute: int = Field(30, ge=1, le=365)
    """A login is over after so long, however often it was refreshed."""
    refresh_grace_seconds: float = Field(10, ge=0, le=60)
    """A refresh whose answer was lost may be repeated for so long and gets the same tokens; later the same token ends the login."""
    signing_key_days: int = Field(90, ge=1, le=3_650)
    """After so long another key signs the tokens. Nobody is logged out by it."""
    invitation_hours: int = Field(72, ge=1, le=336)
    """How long an invitation is good."""
    role_changes_need_approval: bool | None = None
    """Whether roles of users, and definitions of roles, count only when another person has approved them. Not set: in production only.
    While nobody else could approve, an administrator's changes count at once."""
    issuer: str = Field("coffer", min_length=1, max_length=200)
    """The `iss` of the tokens; others' tokens are refused."""
    audience: str = Field("coffer-api", min_length=1, max_length=200)
    """The `aud` of the tokens; tokens for others are refused."""
    mfa_required_roles: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field((), max_length=50)
    """Who has one of these roles logs in with an authenticator; without one a login is good for enrolling it only."""
    step_up_seconds: int | None = Field(None, ge=30, le=86_400)
    """What is sensitive takes a login, or a proof of who one is, that is no older. Not set: nothing takes it."""
    step_up_above: dict[str, Decimal] = Field(default_factory=dict)
    """Above these amounts, by currency, money moves only with such a proof: `KES: 100000`; `other` is for currencies not named."""
    key_secret: SecretStr = SecretStr(DEMO_KEY_SECRET)
    """What the tokens' signing key is derived from: 32 random bytes or more. Production refuses the default."""

    @field_validator("step_up_above", mode="before")
    @classmethod
    def _named_by_currency(cls, above: object) -> object:
        # Variables are read in small letters.
        return {_amount_key(name): limit for name, limit in above.items()} if isinstance(above, dict) else above

    @field_validator("step_up_above")
    @classmethod
    def _is_an_amount(cls, above: dict[str, Decimal]) -> dict[str, Decimal]:
        if wrong := [
            name for name, limit in above.items() if not limit.is_finite() or limit < 0 or not _AMOUNT_KEY.fullmatch(name)
        ]:
            raise ValueError(f"{', '.join(wrong)}: takes a currency code, or `other`, and an amount from 0")
        return above

    @model_validator(mode="after")
    def _the_longer_is_the_longer(self) -> "IdentitySettings":
        if self.refresh_days_idle > self.refresh_days_absolute:
            raise ValueError("refresh_days_idle is longer than refresh_days_absolute")
        if self.lockout_longest_seconds > self.lockout_forget_minutes * 60:
            raise ValueError("lockout_longest_seconds is longer than lockout_forget_minutes")
        return self


class BrokerUsers(Section):
    """The broker's user names, one per role. Used when the role has a password; else the address's own user is."""

    edge: str = Field("coffer_edge", pattern=r"^[A-Za-z0-9_.-]{1,60}$")
    """Publishes commands and queries, reads its replies."""
    actors: str = Field("coffer_actors", pattern=r"^[A-Za-z0-9_.-]{1,60}$")
    """Reads the mailboxes, publishes replies, events and commands."""
    topology: str = Field("coffer_topology", pattern=r"^[A-Za-z0-9_.-]{1,60}$")
    """The only one that may declare exchanges and queues."""


class BrokerPasswords(Section):
    """Passwords of those users; from the environment (COFFER_BROKER__PASSWORDS__EDGE), or made by the local servers."""

    edge: SecretStr | None = None
    """Of the edge's user."""
    actors: SecretStr | None = None
    """Of the actors' user."""
    topology: SecretStr | None = None
    """Of the user that declares."""


class BrokerSettings(Section):
    """RabbitMQ 3.10 or later."""

    url: BrokerUrl | None = Field(None, repr=False)
    """Where RabbitMQ is, e.g. amqp://user:password@host:5672/coffer. Not set: a private one is started (not in production)."""
    heartbeat_seconds: int = Field(10, ge=1, le=120)
    """A dead connection is noticed after two of these."""
    queue_type: Literal["classic", "quorum"] = "classic"
    """`quorum` needs RabbitMQ 4.3 or later; before it priorities would vanish."""
    users: BrokerUsers = BrokerUsers()
    passwords: BrokerPasswords = BrokerPasswords()

    def url_for(self, role: Role) -> str:
        """The address with the credentials of this role: its own where it has a password, else the address's."""
        if self.url is None:
            raise ValueError("no broker address: set COFFER_BROKER_URL")
        password: SecretStr | None = getattr(self.passwords, role)
        return self.url if password is None else with_user(self.url, getattr(self.users, role), password.get_secret_value())

    def user_for(self, role: Role) -> str:
        """The user that the broker will see, for `user_id`."""
        named = user_in(self.url_for(role))
        if named is not None:
            return named
        # One role is not given another's password, but knows its name.
        has_roles = any(getattr(self.passwords, each) is not None for each in BrokerPasswords.model_fields)
        return str(getattr(self.users, role)) if has_roles else "guest"


class DatabaseSettings(Section):
    """PostgreSQL 15 to 18."""

    url: DatabaseUrl | None = Field(None, repr=False)
    """Where PostgreSQL is: postgresql://user:password@host/coffer. Not set: a private one is started (not in production)."""
    pool_max: int = Field(10, ge=1, le=100)
    """Connections that a process opens at most; sum over all processes below PostgreSQL's max_connections."""


class RedisSettings(Section):
    """Redis 7 or Valkey."""

    url: RedisUrl | None = Field(None, repr=False)
    """Where Redis or Valkey is, e.g. redis://:password@host:6379/0. Not set: a private one is started (not in production)."""


class CacheSettings(Section):
    """Replies that the edges keep in Redis, of queries that say so. A write is seen by the next read whatever is set here."""

    enabled: bool = True
    """Whether replies are kept at all."""
    fresh_seconds: float = Field(300, gt=0, le=86_400)
    """How long a reply is given without asking the actor, as long as nothing was written; rows that somebody changes by hand show then."""
    stale_seconds: float = Field(60, ge=0, le=86_400)
    """How long after that it is given once more, while one request asks anew."""


BranchCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
BranchName = Annotated[str, Field(min_length=1, max_length=100)]


class BusinessCalendar(Section):
    """The institution's business days. As shipped every day is one, and the business date moves from each to the next."""

    weekend: Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], BeforeValidator(_listed)] = Field((), max_length=6)
    """Days of the week that are none, as ISO numbers: 6 and 7 are Saturday and Sunday."""
    holidays: Annotated[tuple[date, ...], BeforeValidator(_listed)] = Field((), max_length=3_000)
    """Dates that are none, as 2026-12-25. A close of business that moves the date on closes each of them too, so interest accrues."""

    @field_validator("weekend")
    @classmethod
    def _leaves_a_day(cls, weekend: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(weekend)) != len(weekend):
            raise ValueError("names a day twice")
        return weekend


class TelemetrySettings(Section):
    """Logs and metrics."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important lines that are written."""
    access_log: bool = True
    """Whether the edge writes a line for each request it answered."""
    metrics_host: str = Field("127.0.0.1", min_length=1, max_length=255)
    """Where the actors' process serves /metrics and its health; the edge has them on its own port."""
    metrics_port: int = Field(0, ge=0, le=65_535)
    """Its port; 0 takes a free one and prints it."""


class ProcessSettings(Section):
    """How a process works, and how it ends."""

    drain_seconds: float = Field(20, gt=0, le=300)
    """After SIGTERM, how long turns and requests in flight may take to finish; then the process ends without them."""
    lift_seconds: float = Field(30, gt=0, le=3_600)
    """A message that has waited so long behind more urgent ones is sent again one level higher, and again after as long."""


class DemoSettings(Section):
    """What a first look has in it."""

    enabled: bool | None = None
    """Seed a small institution with users whose password everybody knows. Not set: in dev only. Production refuses it."""
    password: SecretStr = SecretStr(DEMO_PASSWORD)
    """The password of the demo users."""


class Settings(Section):
    """All settings of one process."""

    profile: Profile = Profile.DEV
    """From COFFER_PROFILE alone: it decides which files are read."""
    state_dir: Path = Path(".local")
    """From COFFER_STATE_DIR alone: where private servers keep their data."""
    config_dir: Path = Path(".local/config")
    """From COFFER_CONFIG_DIR alone: files here lie over the shipped ones. Default: `config` in the state directory."""
    process: ProcessSettings = ProcessSettings()
    http: HttpSettings = HttpSettings()
    identity: IdentitySettings = IdentitySettings()
    broker: BrokerSettings = BrokerSettings()
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    cache: CacheSettings = CacheSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    demo: DemoSettings = DemoSettings()
    business_calendar: BusinessCalendar = BusinessCalendar()
    branches: dict[BranchCode, BranchName] = Field(default_factory=dict)
    """The institution's branches: code and name, as `nairobi_west: Nairobi West`. Members and users may belong to one."""

    @property
    def role_changes_need_approval(self) -> bool:
        """Whether one person asks for roles and another approves."""
        asked = self.identity.role_changes_need_approval
        return self.profile is Profile.PRODUCTION if asked is None else asked

    @property
    def seeds_demo(self) -> bool:
        """Whether the demo institution is seeded."""
        return self.profile is Profile.DEV if self.demo.enabled is None else self.demo.enabled
