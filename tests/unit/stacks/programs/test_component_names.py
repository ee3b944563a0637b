"""What moves a service looks for things under the names that programs give them."""

from __future__ import annotations

from tradeplane_stacks.components.stack_name import StackName


def test_a_component_is_named_by_environment_and_key_whatever_the_region() -> None:
    assert StackName("prod").component("signing_key") == "tradeplane-prod-signing-key"
    assert StackName("prod", "eu-west-1").component("failover") == "tradeplane-prod-failover"
