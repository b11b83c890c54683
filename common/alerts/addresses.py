"""Which addresses channels may lead to: public ones, and those that MAYDAY_ALERTS_ALLOW names. Pure.

Asked of the address that is connected to, right before it is: what a name resolved to earlier proves nothing.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

import idna

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

# IANA's special-purpose registries, and where clouds answer their machines on a public address.
REFUSED_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
UNICAST_V6 = IPv6Network("2000::/3")
REFUSED_V6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
NAT64, SIX_TO_FOUR = IPv6Network("64:ff9b::/96"), IPv6Network("2002::/16")
ISATAP = (0x00005EFE, 0x02005EFE)  # the upper half of an interface's id, whose lower half is an IPv4 address


def is_public(address: Address) -> bool:
    """Whether it is an address of the public internet, as is the IPv4 address that may be in it."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in REFUSED_V4)
    number = int(address)
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in NAT64:
        return is_public(IPv4Address(number & 0xFFFFFFFF))
    if address in SIX_TO_FOUR and not is_public(IPv4Address(number >> 80 & 0xFFFFFFFF)):
        return False
    if number >> 32 & 0xFFFFFFFF in ISATAP and not is_public(IPv4Address(number & 0xFFFFFFFF)):
        return False
    return address in UNICAST_V6 and not any(address in network for network in REFUSED_V6)


def plain(address: Address) -> Address:
    """The IPv4 address that a mapped one means to every kernel; others as they are, without their zone."""
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))


def read_host(text: str) -> str:
    """A host as it is compared and connected to: an address in its one form, or a name in ASCII without a dot at its end.

    Raises ValueError for anything else, such as addresses in forms that only some programs take for one (0x7f.1, 2130706433).
    """
    bare = text.removeprefix("[").removesuffix("]") if text.startswith("[") else text
    try:
        return str(plain(ip_address(bare)))
    except ValueError:
        if bare != text or "%" in text or ":" in text:
            raise ValueError("the host is neither a name nor an address") from None
    try:
        name = idna.encode(text.removesuffix("."), uts46=True).decode().lower() if not text.isascii() else text.lower()
    except idna.IDNAError:
        raise ValueError("the host is no name that can be looked up") from None
    name = name.removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise ValueError("the host is no name that can be looked up")
    if NUMBER.fullmatch(labels[-1]):
        raise ValueError("write an address with four decimal numbers, as 192.0.2.7")
    return name


@dataclass(frozen=True, slots=True)
class AllowList:
    """What is allowed although it is not public."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """From hosts, addresses and networks with commas between them. Raises ValueError."""
        hosts, networks = set[str](), list[Network]()
        for one in filter(None, (part.strip() for part in text.split(","))):
            try:
                networks.append(ip_network(one.removeprefix("[").removesuffix("]"), strict=False))
            except ValueError:
                try:
                    hosts.add(read_host(one))
                except ValueError:
                    raise ValueError(f"{one!r} is neither a host name nor an address nor a network") from None
        return cls(frozenset(hosts), tuple(networks))

    def allows(self, host: str, address: Address) -> bool:
        """Whether this address may be connected to for this host (`read_host`)."""
        bare = plain(address)
        is_named = host in self.hosts or any(
            bare.version == network.version and bare in network for network in self.networks
        )
        return is_named or is_public(address)
