"""Roles that a service of AWS takes on, and what they may do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import iam

from tradeplane_stacks.components.policy_documents import document_of_outputs, statement
from tradeplane_stacks.components.policy_documents import service as service_principal


@dataclass(frozen=True)
class ServiceRole:
    """A role, and what must be there before a service that takes it on can do its work."""

    arn: pulumi.Output[str]
    id: pulumi.Output[str]
    attached: tuple[pulumi.Resource, ...]


def service_role(
    name: str,
    service: str,
    parent: pulumi.Resource,
    condition: dict[str, Any] | None = None,
    managed_policies: Sequence[str] = (),
    actions: Sequence[str] = ("sts:AssumeRole",),
    partition: str = "aws",
) -> ServiceRole:
    """Make a role for one service, on a condition where the service acts for many accounts, with policies of AWS."""
    child = pulumi.ResourceOptions(parent=parent)
    trust = document_of_outputs(
        statement("Service", "Allow", actions, principal=service_principal(service), condition=condition)
    )
    role = iam.Role(name, assume_role_policy=trust, opts=child)
    attached = tuple(
        iam.RolePolicyAttachment(
            f"{name}-{policy.rpartition('/')[2]}",
            role=role.id,
            policy_arn=f"arn:{partition}:iam::aws:policy/{policy}",
            opts=child,
        )
        for policy in managed_policies
    )
    return ServiceRole(role.arn, role.id, attached)
