"""The network of a region: private subnets over three zones that reach the services of AWS by endpoints.

There is no way out of it unless one is asked for, and none in. What AWS makes with every VPC, the default security
group, network ACL and route table, is emptied, so that what somebody adds by hand and forgets to place reaches nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Self, TypedDict

import pulumi
from pulumi_aws import ec2
from pydantic import Field, model_validator

from tradeplane_stacks.components import address_plan
from tradeplane_stacks.components.address_plan import PrivateCidr, RegionCidr, overlaps, refuse_overlaps
from tradeplane_stacks.components.flow_logs import flow_logs
from tradeplane_stacks.components.log_retention import RetentionDays
from tradeplane_stacks.components.nat import Nat, WayOut
from tradeplane_stacks.components.regional import RegionalConfig
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.components.tags import TaggedComponent, required_tags
from tradeplane_stacks.components.vpc_endpoints import REQUIRED, Endpoints, ServiceName
from tradeplane_stacks.components.zones import ZoneId, refuse_foreign

ANYWHERE = "0.0.0.0/0"


class RegionNetworkConfig(RegionalConfig):
    """Which addresses a region has, who reaches in, and what it reaches."""

    cidr: RegionCidr
    zones: Annotated[tuple[ZoneId, ...], Field(min_length=3, max_length=3)]
    # Networks that are peered or routed to, by which people come to the cluster's API.
    reached_from: Annotated[tuple[PrivateCidr, ...], Field(max_length=16)] = ()
    nat: Nat = "none"
    more_endpoints: tuple[ServiceName, ...] = ()
    flow_log_retention_days: RetentionDays = 365

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse_foreign(self.region, self.zones)
        for other in self.reached_from:
            if overlaps(self.cidr, other):
                raise ValueError(f"reached_from: {other} overlaps the region's own {self.cidr}")
        if more := set(self.more_endpoints) & set(REQUIRED):
            raise ValueError(f"more_endpoints: {', '.join(sorted(more))} is there in any case")
        return self


def refuse_overlapping(networks: Iterable[RegionNetworkConfig]) -> None:
    """Refuse regions whose networks overlap each other; called over all regions of a stack before one is made."""
    refuse_overlaps((network.region, network.cidr) for network in networks)


class RegionNetwork(TaggedComponent):
    """A VPC, its subnets, its endpoints, and what went over it."""

    vpc_id: pulumi.Output[str]
    """The network."""

    subnet_ids: pulumi.Output[dict[str, str]]
    """The private subnets, by zone."""

    route_table_ids: pulumi.Output[dict[str, str]]
    """Where a peering adds its routes, by zone."""

    endpoint_ids: pulumi.Output[dict[str, str]]
    """The endpoints, by service."""

    flow_log_group: pulumi.Output[str]
    """The log group that has the flow logs."""

    def __init__(
        self, name: str, config: RegionNetworkConfig, stack: StackName, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        config.refuse_stack_of_another_region(stack)
        super().__init__("RegionNetwork", name, required_tags(stack, config.ownership), opts)
        self._name, self._config = name, config
        self._child = pulumi.ResourceOptions(parent=self)
        network = ec2.Vpc(
            f"{name}-vpc",
            cidr_block=config.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            region=config.region,
            opts=self._child,
        )
        self._close_defaults(network)
        plan = address_plan.split(config.cidr, config.zones)
        subnets, tables = self._private(network, plan.private)
        out = WayOut(name, network, config.region, self._child)
        out.open(config.nat, plan.public, tables)
        self._filter(network, [*subnets.values(), *out.subnets])
        self._outputs(network, subnets, tables)

    def _outputs(
        self, network: ec2.Vpc, subnets: Mapping[str, ec2.Subnet], tables: Mapping[str, ec2.RouteTable]
    ) -> None:
        config = self._config
        endpoints = Endpoints(self._name, config, network, config.cidr, self._child)
        made: dict[str, ec2.VpcEndpoint] = {
            service: endpoints.interface(service, [subnet.id for subnet in subnets.values()])
            for service in (*REQUIRED, *config.more_endpoints)
        }
        made["s3"] = endpoints.s3([table.id for table in tables.values()])
        self.vpc_id = network.id
        self.subnet_ids = pulumi.Output.all(**{zone: subnet.id for zone, subnet in subnets.items()})
        self.route_table_ids = pulumi.Output.all(**{zone: table.id for zone, table in tables.items()})
        self.endpoint_ids = pulumi.Output.all(**{service: endpoint.id for service, endpoint in made.items()})
        self.flow_log_group = flow_logs(self._name, config, network, config.flow_log_retention_days, self)
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "subnet_ids": self.subnet_ids,
                "route_table_ids": self.route_table_ids,
                "endpoint_ids": self.endpoint_ids,
                "flow_log_group": self.flow_log_group,
            }
        )

    def _close_defaults(self, network: ec2.Vpc) -> None:
        region = self._config.region
        ec2.DefaultSecurityGroup(
            f"{self._name}-default-group", vpc_id=network.id, ingress=[], egress=[], region=region, opts=self._child
        )
        # Subnets that are in no other are in this one, and AWS, not this, says which.
        unplaced = pulumi.ResourceOptions(parent=self, ignore_changes=["subnetIds"])
        ec2.DefaultNetworkAcl(
            f"{self._name}-default-acl",
            default_network_acl_id=network.default_network_acl_id,
            ingress=[],
            egress=[],
            region=region,
            opts=unplaced,
        )
        ec2.DefaultRouteTable(
            f"{self._name}-default-routes",
            default_route_table_id=network.default_route_table_id,
            routes=[],
            region=region,
            opts=self._child,
        )

    def _private(
        self, network: ec2.Vpc, cidrs: Mapping[str, str]
    ) -> tuple[dict[str, ec2.Subnet], dict[str, ec2.RouteTable]]:
        region = self._config.region
        subnets: dict[str, ec2.Subnet] = {}
        tables: dict[str, ec2.RouteTable] = {}
        for zone, cidr in cidrs.items():
            name = f"{self._name}-{zone}"
            subnets[zone] = ec2.Subnet(
                name,
                vpc_id=network.id,
                availability_zone_id=zone,
                cidr_block=cidr,
                map_public_ip_on_launch=False,
                tags={"kubernetes.io/role/internal-elb": "1"},
                region=region,
                opts=self._child,
            )
            tables[zone] = ec2.RouteTable(f"{name}-routes", vpc_id=network.id, region=region, opts=self._child)
            ec2.RouteTableAssociation(
                f"{name}-association",
                subnet_id=subnets[zone].id,
                route_table_id=tables[zone].id,
                region=region,
                opts=self._child,
            )
        return subnets, tables

    def _filter(self, network: ec2.Vpc, subnets: list[ec2.Subnet]) -> None:
        """Let the network talk within itself and by HTTPS; it keeps no state, so that answers are let in by port."""
        ours = [self._config.cidr, *self._config.reached_from]
        ingress = [
            *(_allow(100 + at, cidr, "-1", 0, 0) for at, cidr in enumerate(ours)),
            _allow(900, ANYWHERE, "tcp", 1024, 65535),
        ]
        egress = [
            *(_allow(100 + at, cidr, "-1", 0, 0) for at, cidr in enumerate(ours)),
            _allow(900, ANYWHERE, "tcp", 443, 443),
        ]
        ec2.NetworkAcl(
            f"{self._name}-acl",
            vpc_id=network.id,
            subnet_ids=[subnet.id for subnet in subnets],
            ingress=[ec2.NetworkAclIngressArgs(**rule) for rule in ingress],
            egress=[ec2.NetworkAclEgressArgs(**rule) for rule in egress],
            region=self._config.region,
            opts=self._child,
        )


class _Rule(TypedDict):
    rule_no: int
    action: str
    cidr_block: str
    protocol: str
    from_port: int
    to_port: int


def _allow(number: int, cidr: str, protocol: str, first: int, last: int) -> _Rule:
    return _Rule(rule_no=number, action="allow", cidr_block=cidr, protocol=protocol, from_port=first, to_port=last)
