"""Types of EC2 that are rows of a table, and a few that are more: a VPC brings others along, a gateway is attached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.integration.stacks.providers.aws_rows import Request, Row, RowType, at
from tests.integration.stacks.providers.frame import Found, Properties, same
from tests.integration.stacks.providers.shapes import request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def ec2_row(kind: str, create: str, what: str, *, made: str = "", describe: str = "", **more: Any) -> Row:
    """Return the row of a type whose requests are all named by what it is (``Subnet``: ``SubnetIds``, ``SubnetId``)."""
    told = describe or f"{what}s"
    return Row(
        **{
            "kind": f"ec2/{kind[0].lower()}{kind[1:]}:{kind}",
            "service": "ec2",
            "create": create,
            "made": made or f"{what}.{what}Id",
            "describe": f"Describe{told}",
            "found": told,
            "delete": f"Delete{what}",
            "by": lambda one: {f"{what}Ids": [one]},
            "removed_by": lambda one: {f"{what}Id": one},
            "gone": frozenset({".NotFound", "NotFound"}),
            **more,
        }
    )


class Ec2Type(RowType):
    """A type of EC2, whose tags are set by requests that are the same for all."""

    def __init__(self, row: Row) -> None:
        super().__init__(row)
        self.settings = {**self.settings, "tags": dict}

    def replaced_by(self, key: str) -> bool:
        """All but what a request changes."""
        return key != "tags" and super().replaced_by(key)

    def create(self, inputs: Properties) -> str:
        """Make it, and tag it."""
        resource_id = super().create(inputs)
        tag(self.client(inputs), resource_id, {}, inputs)
        return resource_id

    def told(self, resource_id: str, found: dict[str, Any], inputs: Properties) -> dict[str, Any]:
        """Return what AWS told, tags as the provider has them: none, where there are none."""
        tags = {one["Key"]: one["Value"] for one in found.get("Tags", ())}
        return {**{k: v for k, v in found.items() if k != "Tags"}, **({"tags": tags} if tags else {})}

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        """Return it as it is; what has lost its tags is without."""
        found = super().look(resource_id, inputs)
        if found is not None and "tags" in inputs:
            listed = self.client(inputs).describe_tags(Filters=[{"Name": "resource-id", "Values": [resource_id]}])[
                "Tags"
            ]
            found.inputs["tags"] = {one["Key"]: one["Value"] for one in listed}
        return found

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        """Change what differs."""
        tag(self.client(new), resource_id, old, new)
        super().update(resource_id, {**old, "tags": new.get("tags")}, {**new, "tags": new.get("tags")})


def tag(ec2: Any, resource_id: str, old: Properties, new: Properties) -> None:
    """Set the tags of anything in EC2."""
    had, wanted = old.get("tags", {}), new.get("tags", {})
    if removed := sorted(had.keys() - wanted.keys()):
        ec2.delete_tags(Resources=[resource_id], Tags=[{"Key": key} for key in removed])
    if wanted and had != wanted:
        ec2.create_tags(Resources=[resource_id], Tags=[{"Key": k, "Value": v} for k, v in sorted(wanted.items())])


def _vpc_attribute(member: str) -> tuple[str, Callable[[str, Any], Request]]:
    return "ModifyVpcAttribute", lambda one, value: {"VpcId": one, member: {"Value": bool(value)}}


class Vpc(Ec2Type):
    """A network, and the ids of what AWS makes with each."""

    def told(self, resource_id: str, found: dict[str, Any], inputs: Properties) -> dict[str, Any]:
        """Return attributes, each of which is a request, and what came along."""
        ec2, of_it = self.client(inputs), {"Name": "vpc-id", "Values": [resource_id]}
        attributes = {
            name: ec2.describe_vpc_attribute(VpcId=resource_id, Attribute=name)[f"{name[0].upper()}{name[1:]}"]["Value"]
            for name in ("enableDnsHostnames", "enableDnsSupport")
        }
        acls = ec2.describe_network_acls(Filters=[of_it, {"Name": "default", "Values": ["true"]}])["NetworkAcls"]
        tables = ec2.describe_route_tables(Filters=[of_it, {"Name": "association.main", "Values": ["true"]}])
        came = {
            "defaultNetworkAclId": acls[0]["NetworkAclId"],
            "defaultRouteTableId": tables["RouteTables"][0]["RouteTableId"],
        }
        return {**super().told(resource_id, found, inputs), **attributes, **came}


class InternetGateway(Ec2Type):
    """A gateway, which is attached to a network and detached from it by requests of its own."""

    def create(self, inputs: Properties) -> str:
        """Make it, and attach it."""
        made = super().create(inputs)
        self.client(inputs).attach_internet_gateway(InternetGatewayId=made, VpcId=inputs["vpcId"])
        return made

    def told(self, resource_id: str, found: dict[str, Any], inputs: Properties) -> dict[str, Any]:
        """Return where it is attached."""
        return {**super().told(resource_id, found, inputs), "vpcId": at(found, "Attachments.VpcId")}

    def remove(self, resource_id: str, inputs: Properties) -> None:
        """Detach it first."""
        self.client(inputs).detach_internet_gateway(InternetGatewayId=resource_id, VpcId=inputs["vpcId"])
        super().remove(resource_id, inputs)


class FlowLog(Ec2Type):
    """What is logged of a network."""

    def request(self, inputs: Properties) -> Request:
        """Say which network by its id in a list, and that it is one."""
        own = {key: value for key, value in inputs.items() if key not in ("vpcId", *self.settings)}
        rest = request(own, self.shape, "", self.names)
        return {**rest, "ResourceIds": [inputs["vpcId"]], "ResourceType": "VPC"}


class LaunchTemplate(Ec2Type):
    """How machines are started, in versions: a change is another version, and that becomes the default."""

    def request(self, inputs: Properties) -> Request:
        """Return the name, and all else in a structure of its own."""
        apart = ("name", "description", "updateDefaultVersion", *self.settings)
        data = request({k: v for k, v in inputs.items() if k not in apart}, self._data, "", self.names)
        return {"LaunchTemplateName": inputs["name"], "LaunchTemplateData": data}

    @property
    def _data(self) -> Any:
        return self.shape.members["LaunchTemplateData"]

    def told(self, resource_id: str, found: dict[str, Any], inputs: Properties) -> dict[str, Any]:
        """Return the newest version."""
        versions = self.client(inputs).describe_launch_template_versions(
            LaunchTemplateId=resource_id, Versions=["$Latest"]
        )["LaunchTemplateVersions"]
        newest = versions[0]["LaunchTemplateData"]
        return {**super().told(resource_id, found, inputs), **newest, "name": found["LaunchTemplateName"]}

    def replaced_by(self, key: str) -> bool:
        """Only what it is called and where it is."""
        return key in ("name", "region")

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        """Make another version, unless tags alone differ."""
        ec2 = self.client(new)
        tag(ec2, resource_id, old, new)
        if same({**old, "tags": {}}, {**new, "tags": {}}):
            return
        data = self.request(new)["LaunchTemplateData"]
        made = ec2.create_launch_template_version(LaunchTemplateId=resource_id, LaunchTemplateData=data)
        version = str(made["LaunchTemplateVersion"]["VersionNumber"])
        ec2.modify_launch_template(LaunchTemplateId=resource_id, DefaultVersion=version)


class SecurityGroup(Ec2Type):
    """A group. AWS makes each with a rule that lets everything out, which the provider takes away."""

    def create(self, inputs: Properties) -> str:
        """Make it, and take the rule away."""
        made = super().create(inputs)
        ec2 = self.client(inputs)
        out = ec2.describe_security_groups(GroupIds=[made])["SecurityGroups"][0]["IpPermissionsEgress"]
        ec2.revoke_security_group_egress(GroupId=made, IpPermissions=out)
        return made


_POLICY: Mapping[str, tuple[str, Callable[[str, Any], Request]]] = {
    "policy": ("ModifyVpcEndpoint", lambda one, value: {"VpcEndpointId": one, "PolicyDocument": value})
}

TYPES = (
    Vpc(
        ec2_row(
            "Vpc",
            "CreateVpc",
            "Vpc",
            settings={"enableDnsHostnames": bool, "enableDnsSupport": bool},
            changes={
                name: _vpc_attribute(f"{name[0].upper()}{name[1:]}")
                for name in ("enableDnsHostnames", "enableDnsSupport")
            },
            outputs={name: name for name in ("defaultNetworkAclId", "defaultRouteTableId")},
        )
    ),
    Ec2Type(
        ec2_row(
            "Subnet",
            "CreateSubnet",
            "Subnet",
            settings={"mapPublicIpOnLaunch": bool},
            changes={
                "mapPublicIpOnLaunch": (
                    "ModifySubnetAttribute",
                    lambda one, value: {"SubnetId": one, "MapPublicIpOnLaunch": {"Value": bool(value)}},
                )
            },
        )
    ),
    InternetGateway(ec2_row("InternetGateway", "CreateInternetGateway", "InternetGateway", settings={"vpcId": str})),
    Ec2Type(
        ec2_row(
            "Eip",
            "AllocateAddress",
            "Allocation",
            made="AllocationId",
            describe="Addresses",
            delete="ReleaseAddress",
        )
    ),
    Ec2Type(
        ec2_row("NatGateway", "CreateNatGateway", "NatGateway", untold=frozenset({"allocationId", "connectivityType"}))
    ),
    SecurityGroup(
        ec2_row(
            "SecurityGroup",
            "CreateSecurityGroup",
            "Group",
            made="GroupId",
            describe="SecurityGroups",
            delete="DeleteSecurityGroup",
            names={"name": "GroupName"},
            named="name",
        )
    ),
    Ec2Type(
        ec2_row(
            "VpcEndpoint",
            "CreateVpcEndpoint",
            "VpcEndpoint",
            names={"policy": "PolicyDocument"},
            changes=_POLICY,
            delete="DeleteVpcEndpoints",
            removed_by=lambda one: {"VpcEndpointIds": [one]},
            untold=frozenset({"securityGroupIds"}),
        )
    ),
    FlowLog(
        ec2_row(
            "FlowLog",
            "CreateFlowLogs",
            "FlowLog",
            made="FlowLogIds",
            names={"iamRoleArn": "DeliverLogsPermissionArn", "vpcId": "ResourceId"},
            delete="DeleteFlowLogs",
            removed_by=lambda one: {"FlowLogIds": [one]},
        )
    ),
    LaunchTemplate(
        ec2_row(
            "LaunchTemplate",
            "CreateLaunchTemplate",
            "LaunchTemplate",
            settings={"updateDefaultVersion": bool},
            outputs={"latestVersion": "LatestVersionNumber", "defaultVersion": "DefaultVersionNumber"},
            named="name",
            gone=frozenset({"NotFound", "NotFoundException"}),
        )
    ),
)
