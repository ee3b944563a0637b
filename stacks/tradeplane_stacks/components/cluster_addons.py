"""Add-ons of EKS, each at a version that the configuration pins, as EKS would otherwise choose one at each making.

Those that nodes cannot be ready without come before the nodes; those that run on nodes come after. What needs a role of
IAM has one of its own by pod identity, so that the nodes' own role stays small.
"""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any

import pulumi
from pulumi_aws import eks
from pydantic import StringConstraints

from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.regional import RegionalConfig
from tradeplane_stacks.components.service_role import service_role

AddonVersion = Annotated[str, StringConstraints(pattern=r"^v[0-9]+\.[0-9]+\.[0-9]+-eksbuild\.[0-9]+$")]

POD_IDENTITY_AGENT = "eks-pod-identity-agent"

# The network policies of Kubernetes are heeded only where the add-on is told so, and from a pod's first packet only in
# strict mode, which would refuse the system's own pods as well: it is left to `standard`.
_SETTINGS: Mapping[str, Mapping[str, Any]] = MappingProxyType({"vpc-cni": {"enableNetworkPolicy": "true"}})

# Add-on to service account and to AWS's own policy for it.
_ROLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "vpc-cni": ("aws-node", "AmazonEKS_CNI_Policy"),
        "aws-ebs-csi-driver": ("ebs-csi-controller-sa", "service-role/AmazonEBSCSIDriverPolicy"),
    }
)


class Addons(Configuration):
    """The version of each add-on; `aws eks describe-addon-versions --kubernetes-version ...` lists them."""

    vpc_cni: AddonVersion
    kube_proxy: AddonVersion
    pod_identity_agent: AddonVersion
    coredns: AddonVersion
    # Only for claims of volumes, such as those of paper sessions.
    ebs_csi: AddonVersion | None = None

    @property
    def before_nodes(self) -> dict[str, str]:
        """Name and version of those that nodes need to become ready."""
        return {"vpc-cni": self.vpc_cni, "kube-proxy": self.kube_proxy, POD_IDENTITY_AGENT: self.pod_identity_agent}

    @property
    def on_nodes(self) -> dict[str, str]:
        """Name and version of those that run on nodes."""
        volumes = {} if self.ebs_csi is None else {"aws-ebs-csi-driver": self.ebs_csi}
        return {"coredns": self.coredns, **volumes}


def install(
    name: str,
    versions: Mapping[str, str],
    cluster: eks.Cluster,
    config: RegionalConfig,
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource] = (),
) -> dict[str, eks.Addon]:
    """Install add-ons at their versions."""
    return {
        addon: eks.Addon(
            f"{name}-{addon}",
            cluster_name=cluster.name,
            addon_name=addon,
            addon_version=version,
            configuration_values=json.dumps(dict(_SETTINGS[addon])) if addon in _SETTINGS else None,
            pod_identity_associations=_identities(f"{name}-{addon}", addon, cluster.name, config, parent),
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            region=config.region,
            opts=pulumi.ResourceOptions(parent=parent, depends_on=list(after)),
        )
        for addon, version in versions.items()
    }


def _identities(
    name: str, addon: str, cluster_name: pulumi.Input[str], config: RegionalConfig, parent: pulumi.Resource
) -> list[eks.AddonPodIdentityAssociationArgs]:
    if addon not in _ROLES:
        return []
    account, policy = _ROLES[addon]
    # Only pods of this service account, in this cluster of this account: EKS says it in the tags of each session.
    ours = {
        "aws:SourceAccount": config.account,
        "aws:RequestTag/eks-cluster-name": cluster_name,
        "aws:RequestTag/kubernetes-namespace": "kube-system",
        "aws:RequestTag/kubernetes-service-account": account,
    }
    role = service_role(
        f"{name}-role",
        "pods.eks.amazonaws.com",
        parent,
        {"StringEquals": ours},
        [policy],
        actions=["sts:AssumeRole", "sts:TagSession"],
        partition=config.partition,
    )
    return [eks.AddonPodIdentityAssociationArgs(role_arn=role.arn, service_account=account)]
