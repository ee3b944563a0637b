"""Types of EKS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.integration.stacks.providers.aws import client
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


class OfCluster(RowType):
    """What is of a cluster: each request names it."""

    def ask(self, inputs: Properties, operation: str, request: Request) -> dict[str, Any]:
        """Call an operation, of its cluster."""
        return super().ask(inputs, operation, {"clusterName": inputs["clusterName"], **request})


class AccessPolicy(OfCluster):
    """A policy of an access entry, of which EKS tells all at once."""

    def ask(self, inputs: Properties, operation: str, request: Request) -> dict[str, Any]:
        """Call an operation, of its entry."""
        return super().ask(inputs, operation, {"principalArn": inputs["principalArn"], **request})

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        """Return it, where it is among them."""
        found = super().look(resource_id, inputs)
        return found if found is not None and "policyArn" in found.inputs else None

    def told(self, resource_id: str, found: dict[str, Any], inputs: Properties) -> dict[str, Any]:
        """Return what is told of it."""
        own = [one for one in found["associatedAccessPolicies"] if one["policyArn"] == resource_id]
        return {**found, **(own[0] if own else {})}


class Addon(OfCluster):
    """An add-on, whose pods' identities are told by their ARNs."""

    def told(self, resource_id: str, found: dict[str, Any], inputs: Properties) -> dict[str, Any]:
        """Return them as they are asked for."""
        ids = [one.rpartition("/")[2] for one in found.get("podIdentityAssociations", [])]
        of_pods = [self.ask(inputs, "DescribePodIdentityAssociation", {"associationId": one}) for one in ids]
        return {**found, "podIdentityAssociations": [one["association"] for one in of_pods]}


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
    Addon(
        Row(
            kind="eks/addon:Addon",
            service="eks",
            create="CreateAddon",
            made="=addonName",
            describe="DescribeAddon",
            found="addon",
            delete="DeleteAddon",
            by=lambda one: {"addonName": one},
            removed_by=lambda one: {"addonName": one},
            settings={"resolveConflictsOnCreate": str, "resolveConflictsOnUpdate": str},
            changes={
                "addonVersion": ("UpdateAddon", lambda one, value: {"addonName": one, "addonVersion": value}),
                "configurationValues": (
                    "UpdateAddon",
                    lambda one, value: {"addonName": one, "configurationValues": value},
                ),
            },
            unchangeable=frozenset(
                {"tags", "podIdentityAssociations", "resolveConflictsOnCreate", "resolveConflictsOnUpdate"}
            ),
            outputs={"arn": "addonArn"},
            gone=_GONE,
        )
    ),
    OfCluster(
        Row(
            kind="eks/accessEntry:AccessEntry",
            service="eks",
            create="CreateAccessEntry",
            made="=principalArn",
            describe="DescribeAccessEntry",
            found="accessEntry",
            delete="DeleteAccessEntry",
            by=lambda one: {"principalArn": one},
            removed_by=lambda one: {"principalArn": one},
            outputs={"accessEntryArn": "accessEntryArn"},
            gone=_GONE,
        )
    ),
    AccessPolicy(
        Row(
            kind="eks/accessPolicyAssociation:AccessPolicyAssociation",
            service="eks",
            create="AssociateAccessPolicy",
            made="=policyArn",
            describe="ListAssociatedAccessPolicies",
            found="",
            delete="DisassociateAccessPolicy",
            by=lambda _: {},
            removed_by=lambda one: {"policyArn": one},
            gone=_GONE,
        )
    ),
    OfCluster(
        Row(
            kind="eks/podIdentityAssociation:PodIdentityAssociation",
            service="eks",
            create="CreatePodIdentityAssociation",
            made="association.associationId",
            describe="DescribePodIdentityAssociation",
            found="association",
            delete="DeletePodIdentityAssociation",
            by=lambda one: {"associationId": one},
            removed_by=lambda one: {"associationId": one},
            changes={
                "roleArn": ("UpdatePodIdentityAssociation", lambda one, value: {"associationId": one, "roleArn": value})
            },
            outputs={"associationId": "associationId", "associationArn": "associationArn"},
            gone=_GONE,
        )
    ),
)
