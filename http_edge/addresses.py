"""Where a request comes from: the peer's address, or what trusted proxies say of it. What a client says of itself counts nothing.

A proxy adds the address that it saw to the right of the header. So it is read from the right, as long as those who speak are
trusted; the first address that is no trusted proxy's is the client's. Nothing further left is looked at.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import web

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MOST_HOPS = 20
"""Proxies between a client and us; a longer list is somebody's game, and not read further."""
_FORWARDED_FOR = re.compile(r'(?:^|;)[ \t]*for[ \t]*=[ \t]*("[^"]*"|[^;", \t]+)', re.IGNORECASE)
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.%]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+")


_ADDRESS = web.RequestKey("address", str)
"""Where it is kept in a request."""


def address_of(request: web.BaseRequest) -> str:
    """The client's address, as the edge found it when the request came in."""
    return request.get(_ADDRESS) or request.remote or ""


class Addresses:
    """Tells the address of the client."""

    def __init__(self, trusted: Sequence[Network], header: str) -> None:
        self._trusted = tuple(trusted)
        self._header = header

    def note(self, request: web.BaseRequest) -> None:
        """Let `address_of` know. Without trusted proxies it is the peer's, and there is nothing to note."""
        if self._trusted:
            request[_ADDRESS] = self.of(request)

    def of(self, request: web.BaseRequest) -> str:
        """The client's address."""
        peer = request.remote or ""
        if not self._trusted:
            return peer
        nearest = _parsed(peer)
        if nearest is None or not self._is_trusted(nearest):
            return peer
        for hop in self._hops(request):
            address = _parsed(hop)
            if address is None:  # `unknown`, or a name that somebody made up: the last one that spoke stands for it
                break
            nearest = address
            if not self._is_trusted(address):
                break
        return str(nearest)

    def _hops(self, request: web.BaseRequest) -> list[str]:
        """What was forwarded, the nearest first."""
        lines = request.headers.getall(self._header, ())
        parts = [part for line in lines for part in line.split(",")][::-1][:MOST_HOPS]
        if self._header == "X-Forwarded-For":
            return [part.strip() for part in parts]
        return [match[1].strip('"') if (match := _FORWARDED_FOR.search(part.strip())) else "" for part in parts]

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted if network.version == address.version)


@lru_cache(maxsize=8192)
def counted_as(address: str) -> str:
    """What stands for an address in counting: of IPv6 the /64, because a host has all of it."""
    found = _parsed(address)
    if isinstance(found, IPv6Address):
        return f"{IPv6Address(int(found) >> 64 << 64)}/64"
    return address if found is None else str(found)


def _parsed(text: str) -> Address | None:
    """An address with or without its port; an IPv4 one that is written as IPv6 is what it is."""
    if match := _WITH_PORT.fullmatch(text):
        text = match[1] or match[2]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
