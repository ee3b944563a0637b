"""Types of EC2 that are rules: routes, entries of network ACLs, rules of security groups, and what AWS makes of each.

What AWS makes with every VPC is taken over, not made, and left behind when it is destroyed, as the provider has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.integration.stacks.providers.aws import AwsType
from tests.integration.stacks.providers.aws_ec2 import Ec2Type, ec2_row, tag
from tests.integration.stacks.providers.frame import Found, Properties, Refused, has_unknown
from tests.integration.stacks.providers.shapes import read_back, request

if TYPE_CHECKING:
    from collections.abc import Mapping

_GONE = frozenset({".NotFound"})
_LAST_ENTRY = 32767
"""The number of the entry that refuses all, which AWS puts at the end of every list and nobody can remove."""
_ACL_NAMES: Mapping[str, str] = {"ruleNo": "RuleNumber", "action": "RuleAction"}


class RouteTable(Ec2Type):
    """A table of routes; those of its inputs are all that it has, beside the network's own and endpoints'."""

    def create(self, inputs: Properties) -> str:
        """Make it, and its routes."""
        made = super().create(inputs)
        self._route(made, inputs)
        return made

    def replaced_by(self, key: str) -> bool:
        """Only another VPC's is another table."""
        return key in ("vpcId", "region")

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        """Make its routes those of the inputs."""
        ec2 = self.client(new)
        tag(ec2, resource_id, old, new)
        (table,) = ec2.describe_route_tables(RouteTableIds=[resource_id])["RouteTables"]
        if "routes" in new:
            for route in routes_of(table):
                ec2.delete_route(RouteTableId=resource_id, DestinationCidrBlock=route["cidrBlock"])
            self._route(resource_id, new)

    def told(self, resource_id: str, found: dict[str, Any], inputs: Properties) -> dict[str, Any]:
        """Return its routes only where its inputs have some: others come from types of their own."""
        told = super().told(resource_id, found, inputs)
        told.pop("Routes")
        return {**told, "routes": routes_of(found)} if "routes" in inputs else told

    def _route(self, table: str, inputs: Properties) -> None:
        for one in inputs.get("routes", ()):
            asked = {"routeTableId": table, **{_ROUTE.get(k, k): v for k, v in one.items()}}
            self.client(inputs).create_route(**request(asked, ROUTES.shape, "", {}))


_ROUTE: Mapping[str, str] = {"cidrBlock": "destinationCidrBlock"}


def routes_of(table: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the routes of a table that somebody made, in the provider's words."""
    made = [route for route in table["Routes"] if route["Origin"] == "CreateRoute" and "DestinationCidrBlock" in route]
    return [
        {
            "cidrBlock": route["DestinationCidrBlock"],
            **{f"{k[0].lower()}{k[1:]}": route[k] for k in ("GatewayId",) if k in route},
        }
        for route in made
    ]


class DefaultRouteTable(AwsType):
    """The table that a VPC came with, emptied."""

    pulumi_type = "aws:ec2/defaultRouteTable:DefaultRouteTable"
    service, operation = "ec2", "CreateRouteTable"
    settings: Mapping[str, type] = {"region": str, "defaultRouteTableId": str, "routes": list, "tags": dict}
    replaces = frozenset({"defaultRouteTableId", "region"})
    gone = _GONE

    def check(self, inputs: Properties) -> None:
        """Refuse what was not asked for yet."""
        if inputs.get("routes"):
            raise Refused("routes: this stand-in only empties a default route table")

    def create(self, inputs: Properties) -> str:
        """Take it over, and remove its routes."""
        self.update(inputs["defaultRouteTableId"], {}, inputs)
        return str(inputs["defaultRouteTableId"])

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        """Return it as it is."""
        (table,) = self.client(inputs).describe_route_tables(RouteTableIds=[resource_id])["RouteTables"]
        told = {"routes": routes_of(table), "tags": {one["Key"]: one["Value"] for one in table["Tags"]}}
        return Found({**inputs, **{k: v for k, v in told.items() if k in inputs or v}}, {})

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        """Remove its routes again."""
        ec2 = self.client(new)
        (table,) = ec2.describe_route_tables(RouteTableIds=[resource_id])["RouteTables"]
        for route in routes_of(table):
            ec2.delete_route(RouteTableId=resource_id, DestinationCidrBlock=route["cidrBlock"])
        tag(ec2, resource_id, old, new)

    def remove(self, resource_id: str, inputs: Properties) -> None:
        """Leave it: it goes with its VPC."""


class RouteTableAssociation(AwsType):
    """Which table a subnet goes by."""

    pulumi_type = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    service, operation = "ec2", "AssociateRouteTable"
    replaces = frozenset({"subnetId", "routeTableId", "region"})
    gone = _GONE

    def create(self, inputs: Properties) -> str:
        """Make it."""
        return str(self.client(inputs).associate_route_table(**self.request(inputs))["AssociationId"])

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        """Return it as it is; a table tells of all of its own."""
        asked = [{"Name": "association.route-table-association-id", "Values": [resource_id]}]
        tables = self.client(inputs).describe_route_tables(Filters=asked)["RouteTables"]
        listed = [one for table in tables for one in table["Associations"]]
        found = next((one for one in listed if one["RouteTableAssociationId"] == resource_id), None)
        return None if found is None else Found(self.inputs_of(found, inputs), {})

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        """Nothing of it is changed: each is replaced."""

    def remove(self, resource_id: str, inputs: Properties) -> None:
        """Remove it."""
        self.client(inputs).disassociate_route_table(AssociationId=resource_id)


class Route(AwsType):
    """One route of a table."""

    pulumi_type = "aws:ec2/route:Route"
    service, operation = "ec2", "CreateRoute"
    replaces = frozenset({"routeTableId", "destinationCidrBlock", "natGatewayId", "region"})
    gone = _GONE

    def create(self, inputs: Properties) -> str:
        """Make it."""
        self.client(inputs).create_route(**self.request(inputs))
        return f"{inputs['routeTableId']}/{inputs['destinationCidrBlock']}"

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        """Return it as it is."""
        table, _, destination = resource_id.partition("/")
        (found,) = self.client(inputs).describe_route_tables(RouteTableIds=[table])["RouteTables"]
        route = next((one for one in found["Routes"] if one.get("DestinationCidrBlock") == destination), None)
        return None if route is None else Found(self.inputs_of({**route, "RouteTableId": table}, inputs), {})

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        """Nothing of it is changed: each is replaced."""

    def remove(self, resource_id: str, inputs: Properties) -> None:
        """Remove it."""
        table, _, destination = resource_id.partition("/")
        self.client(inputs).delete_route(RouteTableId=table, DestinationCidrBlock=destination)


ROUTES = Route()


class NetworkAcl(AwsType):
    """A list of who may pass to and from subnets, whole: what is not among its inputs is removed."""

    pulumi_type = "aws:ec2/networkAcl:NetworkAcl"
    service, operation = "ec2", "CreateNetworkAcl"
    settings: Mapping[str, type] = {"region": str, "ingress": list, "egress": list, "subnetIds": list, "tags": dict}
    replaces = frozenset({"vpcId", "region"})
    gone = _GONE

    def check(self, inputs: Properties) -> None:
        """Check each entry as the request that it will be."""
        super().check(inputs)
        if not has_unknown(inputs):
            for entry in (*inputs.get("ingress", ()), *inputs.get("egress", ())):
                self._entry("acl", entry, egress=False, inputs=inputs)

    def create(self, inputs: Properties) -> str:
        """Make it, its entries, and put its subnets to it."""
        made = str(self.client(inputs).create_network_acl(**self.request(inputs))["NetworkAcl"]["NetworkAclId"])
        self.update(made, {}, inputs)
        return made

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        """Return it as it is, with every entry that somebody can make."""
        acl = self._told(resource_id, inputs)
        entries = [one for one in acl["Entries"] if one["RuleNumber"] < _LAST_ENTRY]
        told = {
            "ingress": [_entry_told(one) for one in entries if not one["Egress"]],
            "egress": [_entry_told(one) for one in entries if one["Egress"]],
            "subnetIds": _in_order([one["SubnetId"] for one in acl["Associations"]], inputs.get("subnetIds", [])),
            "tags": {one["Key"]: one["Value"] for one in acl["Tags"]},
        }
        return Found({**inputs, **{key: told[key] for key in told if key in inputs}}, {})

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        """Make its entries and its subnets those of the inputs."""
        ec2 = self.client(new)
        for entry in self._told(resource_id, new)["Entries"]:
            if entry["RuleNumber"] < _LAST_ENTRY:
                which = {key: entry[key] for key in ("RuleNumber", "Egress")}
                ec2.delete_network_acl_entry(NetworkAclId=resource_id, **which)
        for direction in ("ingress", "egress"):
            for entry in new.get(direction, ()):
                ec2.create_network_acl_entry(
                    **self._entry(resource_id, entry, egress=direction == "egress", inputs=new)
                )
        for subnet in new.get("subnetIds", ()):
            self._put(subnet, resource_id, new)
        tag(ec2, resource_id, old, new)

    def remove(self, resource_id: str, inputs: Properties) -> None:
        """Put its subnets back to the VPC's own list, as AWS removes none that is in use."""
        ec2 = self.client(inputs)
        asked = [{"Name": "vpc-id", "Values": [inputs["vpcId"]]}, {"Name": "default", "Values": ["true"]}]
        (default,) = ec2.describe_network_acls(Filters=asked)["NetworkAcls"]
        for one in self._told(resource_id, inputs)["Associations"]:
            self._put(one["SubnetId"], default["NetworkAclId"], inputs)
        ec2.delete_network_acl(NetworkAclId=resource_id)

    def _told(self, acl: str, inputs: Properties) -> dict[str, Any]:
        found: dict[str, Any] = self.client(inputs).describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"][0]
        return found

    def _put(self, subnet: str, acl: str, inputs: Properties) -> None:
        ec2 = self.client(inputs)
        acls = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["NetworkAcls"]
        now = next(one for found in acls for one in found["Associations"] if one["SubnetId"] == subnet)
        if now["NetworkAclId"] != acl:
            association = now["NetworkAclAssociationId"]
            ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=acl)

    def _entry(self, acl: str, entry: Properties, *, egress: bool, inputs: Properties) -> dict[str, Any]:
        shape = self.client(inputs).meta.service_model.operation_model("CreateNetworkAclEntry").input_shape
        apart = {key: value for key, value in entry.items() if key not in ("fromPort", "toPort")}
        made = request(apart, shape, "entry", _ACL_NAMES)
        made["Protocol"] = {"tcp": "6", "udp": "17"}.get(made["Protocol"], made["Protocol"])
        ports = {"From": entry["fromPort"], "To": entry["toPort"]}
        return {**made, "NetworkAclId": acl, "Egress": egress, "PortRange": ports}


def _entry_told(entry: Mapping[str, Any]) -> Properties:
    ports = entry.get("PortRange", {"From": 0, "To": 0})
    return {
        "ruleNo": entry["RuleNumber"],
        "action": entry["RuleAction"],
        "cidrBlock": entry["CidrBlock"],
        "protocol": {"6": "tcp", "17": "udp"}.get(entry["Protocol"], entry["Protocol"]),
        "fromPort": ports["From"],
        "toPort": ports["To"],
    }


def _in_order(found: list[str], wanted: list[str]) -> list[str]:
    """Return a set as a list, in the order that it was given in where there is one."""
    return [one for one in wanted if one in found] + sorted(set(found) - set(wanted))


class DefaultNetworkAcl(NetworkAcl):
    """The list that a VPC came with, emptied."""

    pulumi_type = "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
    settings: Mapping[str, type] = {**NetworkAcl.settings, "defaultNetworkAclId": str}
    replaces = frozenset({"defaultNetworkAclId", "region"})

    def check(self, inputs: Properties) -> None:
        """Refuse what was not asked for yet."""
        if inputs.get("subnetIds"):
            raise Refused("subnetIds: this stand-in puts no subnet to a default list")

    def create(self, inputs: Properties) -> str:
        """Take it over, and make its entries those of the inputs."""
        self.update(inputs["defaultNetworkAclId"], {}, inputs)
        return str(inputs["defaultNetworkAclId"])

    def remove(self, resource_id: str, inputs: Properties) -> None:
        """Leave it: it goes with its VPC."""


class DefaultSecurityGroup(AwsType):
    """The group that a VPC came with, emptied."""

    pulumi_type = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
    service, operation = "ec2", "CreateSecurityGroup"
    settings: Mapping[str, type] = {"region": str, "vpcId": str, "ingress": list, "egress": list, "tags": dict}
    replaces = frozenset({"vpcId", "region"})
    gone = _GONE

    def check(self, inputs: Properties) -> None:
        """Refuse what was not asked for yet."""
        if inputs.get("ingress") or inputs.get("egress"):
            raise Refused("ingress, egress: this stand-in only empties a default security group")

    def create(self, inputs: Properties) -> str:
        """Take it over, and remove its rules."""
        asked = [{"Name": "vpc-id", "Values": [inputs["vpcId"]]}, {"Name": "group-name", "Values": ["default"]}]
        (group,) = self.client(inputs).describe_security_groups(Filters=asked)["SecurityGroups"]
        self.update(group["GroupId"], {}, inputs)
        return str(group["GroupId"])

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        """Return it as it is: rules as AWS tells them, of which there are to be none."""
        (group,) = self.client(inputs).describe_security_groups(GroupIds=[resource_id])["SecurityGroups"]
        tags = {one["Key"]: one["Value"] for one in group["Tags"]}
        rules = {"ingress": group["IpPermissions"], "egress": group["IpPermissionsEgress"]}
        return Found({**inputs, **rules, **({"tags": tags} if "tags" in inputs else {})}, {})

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        """Remove its rules again."""
        ec2 = self.client(new)
        (group,) = ec2.describe_security_groups(GroupIds=[resource_id])["SecurityGroups"]
        if group["IpPermissions"]:
            ec2.revoke_security_group_ingress(GroupId=resource_id, IpPermissions=group["IpPermissions"])
        if group["IpPermissionsEgress"]:
            ec2.revoke_security_group_egress(GroupId=resource_id, IpPermissions=group["IpPermissionsEgress"])
        tag(ec2, resource_id, old, new)

    def remove(self, resource_id: str, inputs: Properties) -> None:
        """Leave it: it goes with its VPC."""


class SecurityGroupIngressRule(AwsType):
    """One rule of whom a group lets in; AWS takes it as one of a list, and tells it with an id of its own."""

    pulumi_type = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    service, operation = "ec2", "AuthorizeSecurityGroupIngress"
    settings: Mapping[str, type] = {"region": str, "tags": dict}
    replaces = frozenset(
        {
            "securityGroupId",
            "ipProtocol",
            "fromPort",
            "toPort",
            "cidrIpv4",
            "referencedSecurityGroupId",
            "description",
            "region",
        }
    )
    gone = _GONE

    def request(self, inputs: Properties) -> dict[str, Any]:
        """Return the one rule of a list of one."""
        known = self.replaces | {"tags"}
        if unknown := sorted(inputs.keys() - known):
            raise Refused(f"{', '.join(unknown)} is not implemented by this stand-in")
        description = {"Description": inputs["description"]} if "description" in inputs else {}
        rule: dict[str, Any] = {"IpProtocol": inputs.get("ipProtocol")}
        rule |= {
            member: inputs[key] for key, member in (("fromPort", "FromPort"), ("toPort", "ToPort")) if key in inputs
        }
        if "cidrIpv4" in inputs:
            rule["IpRanges"] = [{"CidrIp": inputs["cidrIpv4"], **description}]
        if "referencedSecurityGroupId" in inputs:
            rule["UserIdGroupPairs"] = [{"GroupId": inputs["referencedSecurityGroupId"], **description}]
        return {"GroupId": inputs.get("securityGroupId"), "IpPermissions": [rule]}

    def create(self, inputs: Properties) -> str:
        """Make it."""
        ec2 = self.client(inputs)
        made = ec2.authorize_security_group_ingress(**self.request(inputs))["SecurityGroupRules"]
        tag(ec2, made[0]["SecurityGroupRuleId"], {}, inputs)
        return str(made[0]["SecurityGroupRuleId"])

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        """Return it as it is. moto leaves out the description of a rule that refers to a group."""
        (rule,) = self.client(inputs).describe_security_group_rules(SecurityGroupRuleIds=[resource_id])[
            "SecurityGroupRules"
        ]
        told = {
            **rule,
            "SecurityGroupId": rule["GroupId"],
            "ReferencedSecurityGroupId": rule.get("ReferencedGroupInfo", {}).get("GroupId"),
            "tags": {one["Key"]: one["Value"] for one in rule["Tags"]},
        }
        if "referencedSecurityGroupId" in inputs:
            told.setdefault("Description", inputs.get("description"))
        asked = {key: value for key, value in inputs.items() if key != "region"}
        return Found({"region": inputs["region"], **read_back(told, asked, {})}, {})

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        """Change its tags; all else replaces it."""
        tag(self.client(new), resource_id, old, new)

    def remove(self, resource_id: str, inputs: Properties) -> None:
        """Remove it."""
        group = {"GroupId": inputs["securityGroupId"]}
        self.client(inputs).revoke_security_group_ingress(**group, SecurityGroupRuleIds=[resource_id])


TYPES = (
    RouteTable(ec2_row("RouteTable", "CreateRouteTable", "RouteTable", settings={"routes": list})),
    DefaultRouteTable(),
    RouteTableAssociation(),
    ROUTES,
    NetworkAcl(),
    DefaultNetworkAcl(),
    DefaultSecurityGroup(),
    SecurityGroupIngressRule(),
)
