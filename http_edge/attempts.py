"""How often one client address may try what has no token: logging in, above all.

The address is the peer's, never one that a header claims. Of IPv6 the /64 counts, because a host has all of it.
"""

from ipaddress import IPv6Address, ip_address
from math import ceil

from aiohttp import web

from http_edge.needs import Limiter
from http_edge.problems import Problem


def address_of(request: web.BaseRequest) -> str:
    """What stands for the client in counting."""
    peer = request.remote or ""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(address)


async def count_attempt(limiter: Limiter, path: str, per_minute: int, request: web.BaseRequest) -> None:
    """Count this attempt at `path`. Problem where the address has had its share of this minute."""
    allowance = await limiter.allow(f"attempts:{path}:{address_of(request)}", per_minute)
    if not allowance.allowed:
        raise Problem("too_many_requests", headers={"Retry-After": str(max(1, ceil(allowance.retry_after_seconds)))})
