"""Which addresses webhooks may be sent to."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

NAT64 = ip_network("64:ff9b::/96")
"""IPv6 addresses that a gateway translates into the IPv4 address in their last 32 bits (RFC 6052)."""


class AddressRefused(Exception):
    """The host has no public address."""


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public Internet, also as an IPv6 form of an IPv4 address."""
    if isinstance(address, IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in NAT64:
            embedded = IPv4Address(int(address) & 0xFFFF_FFFF)
        if embedded is not None:
            return is_public(embedded)
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


async def resolve(host: str, port: int, *, allow_private: bool) -> str:
    """
    The address to connect to.

    Raises:
        OSError: the name cannot be resolved.
        AddressRefused: no address is public, and only such are allowed.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if allow_private or is_public(ip_address(address.partition("%")[0])):
            return address
    raise AddressRefused(f"{host} has only private addresses. WEBHOOK_ALLOW_PRIVATE=true allows them.")
