"""Which addresses the networks of the regions have, and how each is split over its zones.

Pure: what overlaps is found over the configurations of all regions, before anything is made. Networks that overlap can
never be peered, and addresses of a VPC cannot be changed afterwards.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Annotated

from pydantic import AfterValidator

from tradeplane_stacks.components.configuration import InvalidConfiguration

# RFC 1918, section 3. `is_private` of ipaddress has more, such as loopback.
_PRIVATE = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))

# A VPC has at most a /16. Every pod has an address of its subnet: of a /20, a zone gets 1,019.
LARGEST_PREFIX, SMALLEST_PREFIX = 16, 20


def private(cidr: str) -> str:
    """Refuse what is no private network, or has bits set beside it."""
    try:
        network = IPv4Network(cidr)
    except ValueError as error:
        raise ValueError(f"{error}; write a network such as 10.20.0.0/16") from None
    if not any(network.subnet_of(block) for block in _PRIVATE):
        raise ValueError(f"{cidr} is no private network: it is to be within {', '.join(str(b) for b in _PRIVATE)}")
    return cidr


def sized(cidr: str) -> str:
    """Refuse a network that is larger than a VPC can be, or too small for the pods of three zones."""
    if not LARGEST_PREFIX <= IPv4Network(cidr).prefixlen <= SMALLEST_PREFIX:
        raise ValueError(f"{cidr}: a region has a network of /{LARGEST_PREFIX} to /{SMALLEST_PREFIX}")
    return cidr


PrivateCidr = Annotated[str, AfterValidator(private)]
RegionCidr = Annotated[str, AfterValidator(private), AfterValidator(sized)]


@dataclass(frozen=True)
class Subnets:
    """The subnets of a region, by zone."""

    private: Mapping[str, str]
    public: Mapping[str, str]


def split(cidr: str, zones: Iterable[str]) -> Subnets:
    """Give each of three zones a quarter of a network, and of the last quarter a quarter for what is public.

    It follows the order of the zones as configured: a zone that is added or moved elsewhere would move the others.
    """
    *quarters, last = IPv4Network(cidr).subnets(prefixlen_diff=2)
    listed = list(zones)
    return Subnets(
        private=dict(zip(listed, map(str, quarters), strict=True)),
        public=dict(zip(listed, map(str, list(last.subnets(prefixlen_diff=2))[:3]), strict=True)),
    )


def overlaps(cidr: str, other: str) -> bool:
    """Tell whether two networks have an address in common."""
    return IPv4Network(cidr).overlaps(IPv4Network(other))


def refuse_overlaps(networks: Iterable[tuple[str, str]]) -> None:
    """Refuse regions, each given with its network, whose networks overlap; and a region that is there twice.

    Raises:
        InvalidConfiguration: It names both regions and both networks.
    """
    seen: dict[str, str] = {}
    for region, cidr in networks:
        if region in seen:
            raise InvalidConfiguration(f"region {region} has two networks, {seen[region]} and {cidr}; leave one out")
        for other, taken in seen.items():
            if overlaps(cidr, taken):
                raise InvalidConfiguration(
                    f"cidr: {cidr} of {region} overlaps {taken} of {other}; give each region addresses of its own"
                )
        seen[region] = cidr
