"""Who may do what in a cluster: people by roles of IAM, programs in pods by the roles of their service accounts.

Access is by entries of EKS alone; the older `aws-auth` ConfigMap is not read, and who makes the cluster has no access
by having made it (Amazon EKS User Guide, "Grant IAM users access to Kubernetes with EKS access entries").
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Literal, Self

import pulumi
from pulumi_aws import eks
from pydantic import Field, StringConstraints, model_validator

from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.principals import RoleArn

# RFC 1123 label: the name of a namespace or, here, of a service account.
KubernetesName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]

POLICIES: Mapping[str, str] = MappingProxyType(
    {
        "cluster-admin": "AmazonEKSClusterAdminPolicy",
        "admin": "AmazonEKSAdminPolicy",
        "edit": "AmazonEKSEditPolicy",
        "view": "AmazonEKSViewPolicy",
    }
)
"""EKS's policies of access, which stand for the roles of those names in Kubernetes."""


class Access(Configuration):
    """What a role of IAM may do, in which namespaces or in all."""

    role: RoleArn
    policy: Literal["cluster-admin", "admin", "edit", "view"]
    namespaces: Annotated[tuple[KubernetesName, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _scoped(self) -> Self:
        if self.policy == "cluster-admin" and self.namespaces:
            raise ValueError("namespaces: cluster-admin is of the whole cluster; choose admin for namespaces")
        if self.policy in ("admin", "edit") and not self.namespaces:
            raise ValueError(f"namespaces: {self.policy} is given in namespaces; name them")
        return self


class PodIdentity(Configuration):
    """The role of IAM that pods of a service account act as."""

    namespace: KubernetesName
    service_account: KubernetesName
    role: RoleArn


def refuse_inconsistent(access: Sequence[Access], identities: Sequence[PodIdentity]) -> None:
    """Refuse, by ValueError, what EKS would refuse, and a cluster that nobody could administer."""
    roles = [one.role for one in access]
    if len(set(roles)) != len(roles):
        raise ValueError("access: each role once")
    if not any(one.policy == "cluster-admin" for one in access):
        raise ValueError("access: at least one role of policy cluster-admin, or nobody could administer the cluster")
    accounts = [(one.namespace, one.service_account) for one in identities]
    if len(set(accounts)) != len(accounts):
        raise ValueError("pod_identities: each service account once")


def grant(
    name: str, access: Sequence[Access], cluster: eks.Cluster, partition: str, region: str, parent: pulumi.Resource
) -> None:
    """Let each role in, with its policy in its scope."""
    child = pulumi.ResourceOptions(parent=parent)
    for one in access:
        # Account and name, as a role of that name may be in another account too.
        role = one.role.partition("::")[2].replace(":role/", "-").replace("/", "-")
        entry = eks.AccessEntry(
            f"{name}-{role}",
            cluster_name=cluster.name,
            principal_arn=one.role,
            type="STANDARD",
            region=region,
            opts=child,
        )
        scope = (
            eks.AccessPolicyAssociationAccessScopeArgs(type="namespace", namespaces=list(one.namespaces))
            if one.namespaces
            else eks.AccessPolicyAssociationAccessScopeArgs(type="cluster")
        )
        eks.AccessPolicyAssociation(
            f"{name}-{role}-{one.policy}",
            cluster_name=cluster.name,
            principal_arn=one.role,
            policy_arn=f"arn:{partition}:eks::aws:cluster-access-policy/{POLICIES[one.policy]}",
            access_scope=scope,
            region=region,
            opts=pulumi.ResourceOptions(parent=parent, depends_on=[entry]),
        )


def identify(
    name: str,
    identities: Sequence[PodIdentity],
    cluster: eks.Cluster,
    region: str,
    parent: pulumi.Resource,
    agent: pulumi.Resource,
) -> None:
    """Give pods of each service account their role, by the agent that runs on every node."""
    for one in identities:
        eks.PodIdentityAssociation(
            f"{name}-{one.namespace}-{one.service_account}",
            cluster_name=cluster.name,
            namespace=one.namespace,
            service_account=one.service_account,
            role_arn=one.role,
            # Tags of the session say cluster, namespace and service account, for policies of IAM to tell pods apart.
            disable_session_tags=False,
            region=region,
            opts=pulumi.ResourceOptions(parent=parent, depends_on=[agent]),
        )
