"""All rules, as the pack that Pulumi is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_cloud_policies import cluster, database, identity, keys, network, registry, stack, storage, tags

if TYPE_CHECKING:
    from pulumi_policy import Policy

NAME = "tradeplane-cloud"
RESOURCE_RULES = (
    *storage.RULES,
    *keys.RULES,
    *network.RULES,
    *cluster.RULES,
    *database.RULES,
    *registry.RULES,
    *identity.RULES,
    *tags.RULES,
)
STACK_RULES = stack.RULES


def policies() -> list[Policy]:
    """Return every rule as Pulumi asks it; all are mandatory."""
    return [rule.policy() for rule in (*RESOURCE_RULES, *STACK_RULES)]
