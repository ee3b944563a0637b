from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from tradeplane_stacks.components.address_plan import RegionCidr, refuse_overlaps, split
from tradeplane_stacks.components.configuration import InvalidConfiguration

ZONES = ("a", "b", "c")
CIDR = TypeAdapter[str](RegionCidr)


@st.composite
def cidrs(draw: st.DrawFn) -> str:
    """Any network that a region may have."""
    block = IPv4Network(draw(st.sampled_from(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"])))
    prefix = draw(st.integers(min_value=16, max_value=20))
    at = draw(st.integers(min_value=0, max_value=2 ** (prefix - block.prefixlen) - 1))
    return f"{block[at * 2 ** (32 - prefix)]}/{prefix}"


@given(cidrs())
def test_subnets_are_within_their_network_and_apart_from_each_other(cidr: str) -> None:
    assert CIDR.validate_python(cidr) == cidr
    plan = split(cidr, ZONES)
    subnets = [IPv4Network(subnet) for subnet in (*plan.private.values(), *plan.public.values())]
    assert all(subnet.subnet_of(IPv4Network(cidr)) for subnet in subnets)
    assert not [(one, other) for one, other in combinations(subnets, 2) if one.overlaps(other)]
    assert {subnet.prefixlen for subnet in subnets[:3]} == {IPv4Network(cidr).prefixlen + 2}
    assert tuple(plan.private) == tuple(plan.public) == ZONES


def test_a_network_is_split_by_the_order_of_its_zones() -> None:
    plan = split("10.16.0.0/16", ZONES)
    assert plan.private == {"a": "10.16.0.0/18", "b": "10.16.64.0/18", "c": "10.16.128.0/18"}
    assert plan.public == {"a": "10.16.192.0/20", "b": "10.16.208.0/20", "c": "10.16.224.0/20"}


@given(cidrs(), cidrs())
def test_regions_are_refused_exactly_when_an_address_would_be_of_both(one: str, other: str) -> None:
    first, second = IPv4Network(one), IPv4Network(other)
    apart = first.broadcast_address < second.network_address or second.broadcast_address < first.network_address
    networks = [("eu-west-1", one), ("us-east-1", other)]
    if apart:
        refuse_overlaps(networks)
    else:
        with pytest.raises(InvalidConfiguration, match=f"{other} of us-east-1 overlaps {one} of eu-west-1"):
            refuse_overlaps(networks)


def test_a_region_that_is_there_twice_is_refused() -> None:
    with pytest.raises(
        InvalidConfiguration, match=r"region eu-west-1 has two networks, 10\.0\.0\.0/16 and 10\.1\.0\.0/16"
    ):
        refuse_overlaps([("eu-west-1", "10.0.0.0/16"), ("eu-west-1", "10.1.0.0/16")])


@pytest.mark.parametrize(
    ("cidr", "message"),
    [
        ("8.8.0.0/16", "no private network"),
        ("127.0.0.0/16", "no private network"),
        ("169.254.0.0/16", "no private network"),
        ("100.64.0.0/16", "no private network"),
        ("172.32.0.0/16", "no private network"),
        ("172.0.0.0/8", "no private network"),
        ("10.0.0.1/16", "has host bits set; write a network"),
        ("10.0.0.0/8", "a region has a network of /16 to /20"),
        ("10.0.0.0/15", "a region has a network of /16 to /20"),
        ("10.0.0.0/21", "a region has a network of /16 to /20"),
        ("10.0.0.0", "a region has a network of /16 to /20"),
        ("fd00::/16", "write a network"),
        ("ten", "write a network"),
    ],
)
def test_what_cannot_be_the_network_of_a_region_is_refused(cidr: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CIDR.validate_python(cidr)
