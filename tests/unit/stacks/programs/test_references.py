"""What a part needs of another program's stack is checked before it is made by it, and told with what makes it so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.programs.cluster import CLUSTER_OF_REGION
from tradeplane_stacks.programs.network import NETWORK_OF_REGION
from tradeplane_stacks.programs.references import ReferenceRefused

STACK = StackName.parse("prod.eu-west-1")
NETWORK: dict[str, Any] = {"vpc_id": "vpc-1", "subnet_ids": {"euw1-az1": "subnet-1", "euw1-az2": "subnet-2"}}


def refused(given_value: object) -> ReferenceRefused:
    with pytest.raises(ReferenceRefused) as error:
        NETWORK_OF_REGION.checked(STACK, given_value)
    return error.value


def test_what_is_needed_is_taken_and_the_rest_left() -> None:
    found = NETWORK_OF_REGION.checked(STACK, NETWORK | {"flow_log_group": "/tradeplane/flow-logs"})
    assert (found.vpc_id, found.subnets) == ("vpc-1", ["subnet-1", "subnet-2"])


def test_subnets_are_in_the_order_of_their_zones_whatever_order_they_come_in() -> None:
    turned = {"subnet_ids": dict(reversed(NETWORK["subnet_ids"].items()))}
    assert NETWORK_OF_REGION.checked(STACK, NETWORK | turned).subnets == ["subnet-1", "subnet-2"]


def test_a_stack_that_is_not_up_is_told_with_the_command_that_brings_it_up() -> None:
    error = refused(None)
    assert str(error) == "stack prod.eu-west-1 of tradeplane-network has no output network yet"
    assert error.remedy == "bring it up first: tradeplane stack up prod.eu-west-1 -C stacks/network"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"vpc_id": None}, "network.vpc_id"),
        ({"vpc_id": 7}, "network.vpc_id"),
        ({"subnet_ids": ["subnet-1"]}, "network.subnet_ids"),
        ({"subnet_ids": {"euw1-az1": None}}, "network.subnet_ids.euw1-az1"),
    ],
)
def test_outputs_of_another_form_are_named(changes: dict[str, Any], named: str) -> None:
    assert f"{named}: " in str(refused(NETWORK | changes))


def test_every_output_that_is_wrong_is_named_at_once() -> None:
    error = str(refused({"vpc": "vpc-1"}))
    assert "network.vpc_id: Field required" in error
    assert "network.subnet_ids: Field required" in error


def test_each_reference_says_the_folder_of_its_own_program() -> None:
    with pytest.raises(ReferenceRefused) as error:
        CLUSTER_OF_REGION.checked(STACK, {"cluster_name": "main"})
    assert "cluster.security_group_id" in str(error.value)
    assert error.value.remedy.endswith("-C stacks/cluster")


@given(
    st.recursive(
        st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_another_stack_gives_is_taken_or_refused_with_what_to_do(given_value: object) -> None:
    remedy = "tradeplane stack up prod.eu-west-1"
    try:
        NETWORK_OF_REGION.checked(STACK, given_value)
    except ReferenceRefused as error:
        remedy = error.remedy
    assert "tradeplane stack up prod.eu-west-1" in remedy
