"""Addresses of the servers: what a usable one looks like, and how one is shown without its password."""

from typing import Annotated
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from pydantic import AfterValidator


def _one_of(*schemes: str) -> AfterValidator:
    """A check that the address has one of these schemes and a host. Never repeats it: it may hold a password."""

    def check(url: str) -> str:
        example = f"{schemes[0]}://user:password@host:port/name"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError(f"is no address with a port from 1 to 65535; write {example}") from None
        if parts.scheme not in schemes:
            raise ValueError(f"starts with none of {', '.join(f'{scheme}://' for scheme in schemes)}; write {example}")
        socket_in_query = "host=" in parts.query or parts.path.startswith("/")
        if not parts.hostname and not socket_in_query:
            raise ValueError(f"names no host; write {example}")
        if port == 0:
            raise ValueError("has port 0; write the port that the server listens on")
        return url

    return AfterValidator(check)


DatabaseUrl = Annotated[str, _one_of("postgresql", "postgres")]
BrokerUrl = Annotated[str, _one_of("amqp", "amqps")]
RedisUrl = Annotated[str, _one_of("redis", "rediss", "unix")]


def user_in(url: str) -> str | None:
    """The user that the address names."""
    user = urlsplit(url).username
    return None if user is None else unquote(user)


def password_in(url: str) -> str | None:
    """The password that the address carries."""
    password = urlsplit(url).password
    return None if password is None else unquote(password)


def with_user(url: str, user: str, password: str) -> str:
    """The same address for another user."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"))


def redacted(url: str) -> str:
    """The address as it may be printed: user, host and path, never the password or the query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    user = f"{parts.username}@" if parts.username else ""
    return urlunsplit((parts.scheme, f"{user}{host}", parts.path, "", ""))
