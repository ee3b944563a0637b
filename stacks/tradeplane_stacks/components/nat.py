"""A way out of a network for what needs one, such as runners that fetch from the internet; nothing comes in by it."""

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

import pulumi
from pulumi_aws import ec2

Nat: TypeAlias = Literal["none", "single", "per-zone"]


class WayOut:
    """The gateways of a network, and the public subnets that they are in."""

    def __init__(self, name: str, network: ec2.Vpc, region: str, child: pulumi.ResourceOptions) -> None:
        self._name, self._network, self._region, self._child = name, network, region, child
        self.subnets: list[ec2.Subnet] = []

    def open(self, kind: Nat, public: Mapping[str, str], tables: Mapping[str, ec2.RouteTable]) -> None:
        """Make gateways as configured, in public subnets given by zone, and a route to one of them for each table."""
        if kind == "none":
            return
        zones = list(tables) if kind == "per-zone" else list(tables)[:1]
        gateways = self._gateways({zone: public[zone] for zone in zones}.items())
        for zone, table in tables.items():
            ec2.Route(
                f"{self._name}-{zone}-out",
                route_table_id=table.id,
                destination_cidr_block="0.0.0.0/0",
                nat_gateway_id=gateways.get(zone, gateways[zones[0]]).id,
                region=self._region,
                opts=self._child,
            )

    def _gateways(self, public: Iterable[tuple[str, str]]) -> dict[str, ec2.NatGateway]:
        region, child = self._region, self._child
        internet = ec2.InternetGateway(f"{self._name}-internet", vpc_id=self._network.id, region=region, opts=child)
        to_internet = ec2.RouteTableRouteArgs(cidr_block="0.0.0.0/0", gateway_id=internet.id)
        table = ec2.RouteTable(
            f"{self._name}-public-routes", vpc_id=self._network.id, routes=[to_internet], region=region, opts=child
        )
        gateways: dict[str, ec2.NatGateway] = {}
        for zone, cidr in public:
            subnet = ec2.Subnet(
                f"{self._name}-public-{zone}",
                vpc_id=self._network.id,
                availability_zone_id=zone,
                cidr_block=cidr,
                map_public_ip_on_launch=False,
                region=region,
                opts=child,
            )
            ec2.RouteTableAssociation(
                f"{self._name}-public-{zone}-association",
                subnet_id=subnet.id,
                route_table_id=table.id,
                region=region,
                opts=child,
            )
            address = ec2.Eip(f"{self._name}-{zone}-address", domain="vpc", region=region, opts=child)
            gateways[zone] = ec2.NatGateway(
                f"{self._name}-{zone}-nat", subnet_id=subnet.id, allocation_id=address.id, region=region, opts=child
            )
            self.subnets.append(subnet)
        return gateways
