"""Types of EKS. moto has clusters and node groups; the stand-in holds access entries, add-ons and pod identities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.integration.stacks.providers.aws import client
from tests.integration.stacks.providers.aws_held import HeldType
from tests.integration.stacks.providers.aws_rows import Request, Row, RowType
from tests.integration.stacks.providers.frame import Properties, Refused

if TYPE_CHECKING:
    from tests.integration.stacks.providers.frame import Found

_GONE = frozenset({"ResourceNotFoundException"})


class Cluster(RowType):
    """A cluster, with the security group that EKS makes of each and moto does not."""

    def request(self, inputs: Properties) -> Request:
        """Say the kinds of logs that are on as EKS takes them."""
        kinds = inputs.get("enabledClusterLogTypes", [])
        rest = {key: value for key, value in inputs.items() if key != "enabledClusterLogTypes"}
        logging = {"clusterLogging": [{"types": kinds, "enabled": True}]}
        return {**super().request(rest), "logging": logging}

    def create(self, inputs: Properties) -> str:
        """Make it and its group."""
        made = super().create(inputs)
        ec2 = client("ec2", inputs["region"])
        subnet = ec2.describe_subnets(SubnetIds=inputs["vpcConfig"]["subnetIds"][:1])["Subnets"][0]
        ec2.create_security_group(GroupName=_group(made), Description="EKS created", VpcId=subnet["VpcId"])
        return made

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        """Return it as it is, with its group among its outputs."""
        found = super().look(resource_id, inputs)
        if found is not None:
            group = {"clusterSecurityGroupId": self._group_id(resource_id, inputs)}
            found.outputs["vpcConfig"] = {**found.inputs["vpcConfig"], **group}
        return found

    def told(self, resource_id: str, found: dict[str, Any], inputs: Properties) -> dict[str, Any]:
        """Return the kinds of logs that are on as the provider has them."""
        on = [kind for one in found["logging"]["clusterLogging"] if one["enabled"] for kind in one["types"]]
        return {**found, "enabledClusterLogTypes": on}

    def remove(self, resource_id: str, inputs: Properties) -> None:
        """Remove it and its group, unless it is protected, as EKS refuses then."""
        if inputs.get("deletionProtection"):
            raise Refused(f"InvalidRequestException: cluster {resource_id} has deletion protection enabled")
        super().remove(resource_id, inputs)
        client("ec2", inputs["region"]).delete_security_group(GroupId=self._group_id(resource_id, inputs))

    def _group_id(self, cluster: str, inputs: Properties) -> str:
        asked = [{"Name": "group-name", "Values": [_group(cluster)]}]
        (group,) = client("ec2", inputs["region"]).describe_security_groups(Filters=asked)["SecurityGroups"]
        return str(group["GroupId"])


def _group(cluster: str) -> str:
    return f"eks-cluster-sg-{cluster}"


class NodeGroup(RowType):
    """A group of nodes; ids are of cluster and group, as a group's name is of its cluster."""

    prefix = "nodeGroupNamePrefix"

    def create(self, inputs: Properties) -> str:
        """Make it."""
        super().create(inputs)
        return f"{inputs['clusterName']}:{inputs['nodeGroupName']}"


def _of_group(resource_id: str) -> Request:
    cluster, _, group = resource_id.partition(":")
    return {"clusterName": cluster, "nodegroupName": group}


def _scaled(resource_id: str, value: Any) -> Request:
    sizes = {key: value[key] for key in ("minSize", "maxSize")}
    return {**_of_group(resource_id), "scalingConfig": sizes}


TYPES = (
    Cluster(
        Row(
            kind="eks/cluster:Cluster",
            service="eks",
            create="CreateCluster",
            made="=name",
            describe="DescribeCluster",
            found="cluster",
            delete="DeleteCluster",
            by=lambda one: {"name": one},
            removed_by=lambda one: {"name": one},
            names={"vpcConfig": "resourcesVpcConfig"},
            settings={"forceUpdateVersion": bool, "enabledClusterLogTypes": list},
            changes={
                "enabledClusterLogTypes": (
                    "UpdateClusterConfig",
                    lambda one, value: {
                        "name": one,
                        "logging": {"clusterLogging": [{"types": value, "enabled": True}]},
                    },
                ),
                "deletionProtection": (
                    "UpdateClusterConfig",
                    lambda one, value: {"name": one, "deletionProtection": bool(value)},
                ),
            },
            # moto keeps nothing of these.
            untold=frozenset({"accessConfig", "upgradePolicy", "bootstrapSelfManagedAddons", "deletionProtection"}),
            unchangeable=frozenset({"tags", "version", "upgradePolicy", "forceUpdateVersion", "vpcConfig"}),
            outputs={"arn": "arn", "endpoint": "endpoint", "certificateAuthority": "certificateAuthority"},
            named="name",
            gone=_GONE,
        )
    ),
    NodeGroup(
        Row(
            kind="eks/nodeGroup:NodeGroup",
            service="eks",
            create="CreateNodegroup",
            made="=nodeGroupName",
            describe="DescribeNodegroup",
            found="nodegroup",
            delete="DeleteNodegroup",
            by=_of_group,
            removed_by=_of_group,
            names={"nodeRoleArn": "nodeRole", "subnetIds": "subnets"},
            settings={"nodeGroupNamePrefix": str, "forceUpdateVersion": bool},
            changes={
                "scalingConfig": ("UpdateNodegroupConfig", _scaled),
                "updateConfig": (
                    "UpdateNodegroupConfig",
                    lambda one, value: {**_of_group(one), "updateConfig": value},
                ),
            },
            untold=frozenset({"updateConfig", "nodeRepairConfig", "launchTemplate"}),
            unchangeable=frozenset({"tags", "version", "launchTemplate", "labels", "taints", "nodeRepairConfig"}),
            outputs={"arn": "nodegroupArn", "nodeGroupName": "nodegroupName"},
            named="nodeGroupName",
            gone=_GONE,
        )
    ),
    HeldType(
        "eks/addon:Addon",
        "eks",
        "CreateAddon",
        ("clusterName", "addonName"),
        settings={"resolveConflictsOnCreate": str, "resolveConflictsOnUpdate": str},
        arn="addon",
    ),
    HeldType("eks/accessEntry:AccessEntry", "eks", "CreateAccessEntry", ("clusterName", "principalArn")),
    HeldType(
        "eks/accessPolicyAssociation:AccessPolicyAssociation",
        "eks",
        "AssociateAccessPolicy",
        ("clusterName", "principalArn", "policyArn"),
        replaces=frozenset({"accessScope"}),
    ),
    HeldType(
        "eks/podIdentityAssociation:PodIdentityAssociation",
        "eks",
        "CreatePodIdentityAssociation",
        ("clusterName", "namespace", "serviceAccount"),
    ),
)
