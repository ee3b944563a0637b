import json
from collections.abc import Mapping
from typing import Any

import pytest
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.region_network import RegionNetwork, RegionNetworkConfig, refuse_overlapping
from tradeplane_stacks.components.stack_name import StackName

from tests.unit.stacks.components.recording import Recorded
from tests.unit.stacks.components.region import (
    ACCOUNT,
    NETWORK,
    USE,
    Options,
    not_in_region,
    record_with_options,
    statements,
    trust,
    untagged,
    uses_of_key,
)

ZONES = ("euw1-az1", "euw1-az2", "euw1-az3")
SERVICES = {"ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "kms", "logs", "secretsmanager", "sts"}
VPC = "core-vpc-id"


def config(**changes: object) -> RegionNetworkConfig:
    return RegionNetworkConfig.read(NETWORK | changes)


def made(stack: str = "prod.eu-west-1", **changes: object) -> tuple[Recorded, Mapping[str, Options]]:
    def make() -> dict[str, Any]:
        network = RegionNetwork("core", config(**changes), StackName.parse(stack))
        return {
            "vpc_id": network.vpc_id,
            "subnet_ids": network.subnet_ids,
            "route_table_ids": network.route_table_ids,
            "endpoint_ids": network.endpoint_ids,
            "flow_log_group": network.flow_log_group,
        }

    return record_with_options(make)


@pytest.fixture(scope="module")
def both() -> tuple[Recorded, Mapping[str, Options]]:
    return made(reached_from=["10.200.0.0/24"])


@pytest.fixture(scope="module")
def closed(both: tuple[Recorded, Mapping[str, Options]]) -> Recorded:
    return both[0]


@pytest.fixture(scope="module")
def options(both: tuple[Recorded, Mapping[str, Options]]) -> Mapping[str, Options]:
    return both[1]


@pytest.fixture(scope="module")
def with_a_way_out() -> Recorded:
    return made(nat="per-zone", more_endpoints=["elasticloadbalancing"])[0]


@pytest.fixture(scope="module")
def with_one_way_out() -> Recorded:
    return made(nat="single")[0]


def test_subnets_are_private_and_one_in_each_zone(closed: Recorded) -> None:
    vpc = closed.of_type("aws:ec2/vpc:Vpc")["core-vpc"]
    assert vpc["cidrBlock"] == "10.16.0.0/16"
    assert vpc["enableDnsHostnames"] is True
    assert vpc["enableDnsSupport"] is True
    subnets = closed.of_type("aws:ec2/subnet:Subnet")
    assert {name: (s["availabilityZoneId"], s["cidrBlock"]) for name, s in subnets.items()} == {
        "core-euw1-az1": ("euw1-az1", "10.16.0.0/18"),
        "core-euw1-az2": ("euw1-az2", "10.16.64.0/18"),
        "core-euw1-az3": ("euw1-az3", "10.16.128.0/18"),
    }
    for subnet in subnets.values():
        assert subnet["vpcId"] == VPC
        assert subnet["mapPublicIpOnLaunch"] is False
        assert subnet["tags"]["kubernetes.io/role/internal-elb"] == "1"


def test_there_is_no_way_out_unless_one_is_asked_for(closed: Recorded) -> None:
    for kind in ("internetGateway:InternetGateway", "natGateway:NatGateway", "route:Route", "eip:Eip"):
        assert not closed.of_type(f"aws:ec2/{kind}")
    tables = closed.of_type("aws:ec2/routeTable:RouteTable")
    assert set(tables) == {f"core-{zone}-routes" for zone in ZONES}
    assert not [table for table in tables.values() if table.get("routes")]
    associations = closed.of_type("aws:ec2/routeTableAssociation:RouteTableAssociation").values()
    assert {(a["subnetId"], a["routeTableId"]) for a in associations} == {
        (f"core-{zone}-id", f"core-{zone}-routes-id") for zone in ZONES
    }


def test_what_comes_with_a_vpc_is_emptied(closed: Recorded) -> None:
    group = closed.of_type("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")["core-default-group"]
    assert (group["vpcId"], group["ingress"], group["egress"]) == (VPC, [], [])
    acl = closed.of_type("aws:ec2/defaultNetworkAcl:DefaultNetworkAcl")["core-default-acl"]
    assert (acl["defaultNetworkAclId"], acl["ingress"], acl["egress"]) == ("acl-default", [], [])
    assert "subnetIds" not in acl
    table = closed.of_type("aws:ec2/defaultRouteTable:DefaultRouteTable")["core-default-routes"]
    assert (table["defaultRouteTableId"], table["routes"]) == ("rtb-default", [])


def rules(acl: dict[str, Any], direction: str) -> set[tuple[str, str, int, int]]:
    assert {rule["action"] for rule in acl[direction]} == {"allow"}
    assert len({rule["ruleNo"] for rule in acl[direction]}) == len(acl[direction])
    return {(rule["cidrBlock"], rule["protocol"], rule["fromPort"], rule["toPort"]) for rule in acl[direction]}


def test_subnets_talk_within_themselves_to_those_who_reach_in_and_out_by_https_alone(closed: Recorded) -> None:
    acl = closed.of_type("aws:ec2/networkAcl:NetworkAcl")["core-acl"]
    assert acl["vpcId"] == VPC
    assert set(acl["subnetIds"]) == {f"core-{zone}-id" for zone in ZONES}
    within = {("10.16.0.0/16", "-1", 0, 0), ("10.200.0.0/24", "-1", 0, 0)}
    assert rules(acl, "ingress") == within | {("0.0.0.0/0", "tcp", 1024, 65535)}
    assert rules(acl, "egress") == within | {("0.0.0.0/0", "tcp", 443, 443)}


def test_services_are_reached_by_endpoints_under_their_own_names(closed: Recorded) -> None:
    endpoints = closed.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")
    assert set(endpoints) == {f"core-{service}" for service in SERVICES | {"s3"}}
    gateway = endpoints.pop("core-s3")
    assert gateway["vpcEndpointType"] == "Gateway"
    assert gateway["serviceName"] == "com.amazonaws.eu-west-1.s3"
    assert set(gateway["routeTableIds"]) == {f"core-{zone}-routes-id" for zone in ZONES}
    for name, endpoint in endpoints.items():
        assert endpoint["vpcEndpointType"] == "Interface"
        assert endpoint["serviceName"] == f"com.amazonaws.eu-west-1.{name.removeprefix('core-')}"
        assert endpoint["privateDnsEnabled"] is True
        assert set(endpoint["subnetIds"]) == {f"core-{zone}-id" for zone in ZONES}
        assert endpoint["securityGroupIds"] == ["core-endpoints-id"]
    assert {endpoint["vpcId"] for endpoint in (gateway, *endpoints.values())} == {VPC}


def test_endpoints_let_only_principals_of_the_account_through(closed: Recorded) -> None:
    endpoints = closed.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")
    for service in SERVICES:
        prefix = "ecr" if service.startswith("ecr.") else service
        assert statements(endpoints[f"core-{service}"]["policy"]) == {
            "OwnAccount": {
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": [f"{prefix}:*"],
                "Resource": ["*"],
                "Condition": {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}},
            }
        }


def test_s3_leads_to_buckets_of_the_account_and_to_layers_of_images(closed: Recorded) -> None:
    policy = closed.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")["core-s3"]["policy"]
    assert statements(policy) == {
        "OwnAccount": {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["s3:*"],
            "Resource": ["*"],
            "Condition": {"StringEquals": {"aws:PrincipalAccount": ACCOUNT, "aws:ResourceAccount": ACCOUNT}},
        },
        "ImageLayers": {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["s3:GetObject"],
            "Resource": ["arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*"],
        },
    }


def test_endpoints_take_https_from_the_network_and_send_nothing_by_themselves(closed: Recorded) -> None:
    group = closed.of_type("aws:ec2/securityGroup:SecurityGroup")
    assert set(group) == {"core-endpoints"}
    assert group["core-endpoints"]["vpcId"] == VPC
    assert not {"ingress", "egress"} & set(group["core-endpoints"])
    ingress = closed.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    assert [
        (r["securityGroupId"], r["ipProtocol"], r["fromPort"], r["toPort"], r["cidrIpv4"]) for r in ingress.values()
    ] == [("core-endpoints-id", "tcp", 443, 443, "10.16.0.0/16")]
    assert not closed.of_type("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")


def test_all_traffic_is_logged_to_an_encrypted_group_that_is_kept(closed: Recorded) -> None:
    log = closed.of_type("aws:ec2/flowLog:FlowLog")["core-flow-log"]
    assert log["vpcId"] == VPC
    assert log["trafficType"] == "ALL"
    assert log["maxAggregationInterval"] == 60
    assert log["logDestinationType"] == "cloud-watch-logs"
    assert log["logDestination"] == "arn:core-flow-logs"
    assert log["iamRoleArn"] == "arn:core-flow-logs-role"
    group = closed.of_type("aws:cloudwatch/logGroup:LogGroup")["core-flow-logs"]
    assert group["kmsKeyId"] == "arn:core-flow-logs-key"
    assert group["retentionInDays"] == 365
    assert group["name"] == "/tradeplane/core/flow-logs"
    assert uses_of_key(closed, "core-flow-logs-key") == {
        "UseForLogGroup": {
            "Effect": "Allow",
            "Principal": {"Service": "logs.eu-west-1.amazonaws.com"},
            "Action": USE,
            "Resource": ["*"],
            "Condition": {
                "ArnEquals": {
                    "kms:EncryptionContext:aws:logs:arn": (
                        f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/tradeplane/core/flow-logs"
                    )
                }
            },
        }
    }


def test_flow_logs_of_this_account_alone_are_written_and_to_their_group_alone(closed: Recorded) -> None:
    assert trust(closed, "core-flow-logs-role") == {
        "Effect": "Allow",
        "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
        "Action": ["sts:AssumeRole"],
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc-flow-log/*"},
        },
    }
    assert not closed.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    policies = closed.of_type("aws:iam/rolePolicy:RolePolicy")
    assert set(policies) == {"core-flow-logs-policy"}
    assert policies["core-flow-logs-policy"]["role"] == "core-flow-logs-role-id"
    assert json.loads(policies["core-flow-logs-policy"]["policy"])["Statement"] == [
        {
            "Sid": "Write",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": ["arn:core-flow-logs", "arn:core-flow-logs:*"],
        }
    ]


def test_outputs_are_what_a_cluster_and_a_peering_need(closed: Recorded) -> None:
    assert closed.outputs == {
        "vpc_id": VPC,
        "subnet_ids": {zone: f"core-{zone}-id" for zone in ZONES},
        "route_table_ids": {zone: f"core-{zone}-routes-id" for zone in ZONES},
        "endpoint_ids": {service: f"core-{service}-id" for service in SERVICES | {"s3"}},
        "flow_log_group": "/tradeplane/core/flow-logs",
    }


def test_everything_is_in_the_region_and_tagged(closed: Recorded, with_a_way_out: Recorded) -> None:
    take_no_tags = {
        "aws:ec2/route:Route",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:iam/rolePolicy:RolePolicy",
    }
    for recorded in (closed, with_a_way_out):
        assert not untagged(recorded, take_no_tags)
        assert not not_in_region(recorded)


def test_a_way_out_in_each_zone_is_by_a_gateway_of_its_own(with_a_way_out: Recorded) -> None:
    assert ways_out(with_a_way_out) == {zone: f"core-{zone}-nat-id" for zone in ZONES}
    gateways = with_a_way_out.of_type("aws:ec2/natGateway:NatGateway")
    assert {(g["subnetId"], g["allocationId"]) for g in gateways.values()} == {
        (f"core-public-{zone}-id", f"core-{zone}-address-id") for zone in ZONES
    }
    assert "core-elasticloadbalancing" in with_a_way_out.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")


def test_a_single_way_out_serves_all_zones(with_one_way_out: Recorded) -> None:
    assert ways_out(with_one_way_out) == dict.fromkeys(ZONES, "core-euw1-az1-nat-id")
    assert set(with_one_way_out.of_type("aws:ec2/natGateway:NatGateway")) == {"core-euw1-az1-nat"}


def ways_out(recorded: Recorded) -> dict[str, str]:
    routes = recorded.of_type("aws:ec2/route:Route").values()
    assert {route["destinationCidrBlock"] for route in routes} == {"0.0.0.0/0"}
    assert not [route for route in routes if "gatewayId" in route]
    return {
        route["routeTableId"].removeprefix("core-").removesuffix("-routes-id"): route["natGatewayId"]
        for route in routes
    }


def test_public_subnets_are_for_gateways_and_give_no_public_address(with_a_way_out: Recorded) -> None:
    subnets = with_a_way_out.of_type("aws:ec2/subnet:Subnet")
    public = {name: subnet for name, subnet in subnets.items() if name.startswith("core-public-")}
    assert {subnet["cidrBlock"] for subnet in public.values()} == {
        "10.16.192.0/20",
        "10.16.208.0/20",
        "10.16.224.0/20",
    }
    assert {subnet["mapPublicIpOnLaunch"] for subnet in subnets.values()} == {False}
    table = with_a_way_out.of_type("aws:ec2/routeTable:RouteTable")["core-public-routes"]
    assert table["routes"] == [{"cidrBlock": "0.0.0.0/0", "gatewayId": "core-internet-id"}]
    associations = with_a_way_out.of_type("aws:ec2/routeTableAssociation:RouteTableAssociation").values()
    assert {a["subnetId"] for a in associations if a["routeTableId"] == "core-public-routes-id"} == {
        f"{name}-id" for name in public
    }
    acl = with_a_way_out.of_type("aws:ec2/networkAcl:NetworkAcl")["core-acl"]
    assert set(acl["subnetIds"]) == {f"{name}-id" for name in subnets}


def test_the_key_is_protected_and_what_may_be_written_is_said_before_it_is(options: Mapping[str, Options]) -> None:
    assert [name for name, asked in options.items() if asked.protected] == ["core-flow-logs-key"]
    assert "core-flow-logs-policy" in options["core-flow-log"].after
    assert options["core-default-acl"].ignores == ("subnetIds",)


def test_networks_of_regions_that_overlap_are_refused_before_anything_is_made() -> None:
    other = config(region="us-east-1", zones=["use1-az1", "use1-az2", "use1-az4"], cidr="10.16.128.0/17")
    with pytest.raises(
        InvalidConfiguration, match=r"cidr: 10\.16\.128\.0/17 of us-east-1 overlaps 10\.16\.0\.0/16 of eu-west-1"
    ):
        refuse_overlapping([config(), other])
    refuse_overlapping([config(), other.model_copy(update={"cidr": "10.17.0.0/16"})])


def test_a_stack_of_another_region_is_refused() -> None:
    with pytest.raises(InvalidConfiguration, match=r"region: eu-west-1 is not that of stack prod\.us-east-1"):
        made("prod.us-east-1")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"region": "eu-west-9"}, "region: .*eu-west-9.* is no region"),
        ({"region": "cn-north-1"}, "region: cn-north-1 is of aws-cn; only aws, aws-us-gov"),
        ({"region": "us-gov-west-1"}, "administrator_roles: .*role.* is not of aws-us-gov"),
        ({"account": "1111"}, "account: String should match"),
        ({"account": 111122223333}, "account: Input should be a valid string"),
        ({"account": "444455556666"}, "administrator_roles: .* is not of account 444455556666"),
        ({"administrator_roles": []}, "administrator_roles"),
        ({"administrator_roles": [f"arn:aws:iam::{ACCOUNT}:root"]}, r"administrator_roles\.0"),
        ({"cidr": "11.0.0.0/16"}, "cidr: .*no private network"),
        ({"cidr": "10.0.0.0/8"}, "cidr: .*a region has a network of /16 to /20"),
        ({"cidr": "10.16.0.1/16"}, "cidr: .*host bits"),
        ({"cidr": None}, "cidr: "),
        ({"zones": ["euw1-az1", "euw1-az2"]}, "zones: "),
        ({"zones": ["euw1-az1", "euw1-az2", "euw1-az3", "euw1-az4"]}, "zones: "),
        ({"zones": ["euw1-az1", "euw1-az1", "euw1-az3"]}, "zones: each zone once"),
        ({"zones": ["euw2-az1", "euw1-az2", "euw1-az3"]}, "zones: euw2-az1 is not of eu-west-1"),
        ({"zones": ["eu-west-1a", "eu-west-1b", "eu-west-1c"]}, r"zones\.0"),
        ({"reached_from": ["10.16.8.0/24"]}, r"reached_from: 10\.16\.8\.0/24 overlaps the region's own"),
        ({"reached_from": ["0.0.0.0/0"]}, r"reached_from\.0: .*no private network"),
        ({"reached_from": [f"10.99.{n}.0/24" for n in range(17)]}, "reached_from: .*at most 16"),
        ({"nat": "all"}, "nat: "),
        ({"more_endpoints": ["s4"]}, r"more_endpoints\.0"),
        ({"more_endpoints": ["kms"]}, "more_endpoints: kms is there in any case"),
        ({"flow_log_retention_days": 7}, "flow_log_retention_days"),
        ({"flow_log_retention_days": 366}, "flow_log_retention_days"),
        ({"internet": True}, "internet: Extra inputs"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_field(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        config(**changes)
