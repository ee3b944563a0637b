"""Endpoints by which a network without a way out reaches the services of AWS that it needs, and nobody else's data.

Each has a policy: only principals of the account come through, and S3 leads only to buckets of the account and to the
layers of images that ECR keeps in a bucket of AWS (Amazon ECR User Guide, "Amazon ECR interface VPC endpoints").
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, TypeAlias

import pulumi
from pulumi_aws import ec2, vpc

from tradeplane_stacks.components.policy_documents import EVERYONE, Document, document, statement
from tradeplane_stacks.components.regional import RegionalConfig

ServiceName: TypeAlias = Literal[
    "autoscaling",
    "ec2",
    "ecr.api",
    "ecr.dkr",
    "eks",
    "eks-auth",
    "elasticloadbalancing",
    "kms",
    "logs",
    "secretsmanager",
    "sts",
]

REQUIRED: tuple[ServiceName, ...] = (
    "ec2",
    "ecr.api",
    "ecr.dkr",
    "eks",
    "eks-auth",
    "kms",
    "logs",
    "secretsmanager",
    "sts",
)
"""What nodes, pod identities, encryption and logs need: Amazon EKS User Guide, "Deploy private clusters"."""

# Where a service's actions have another prefix than its endpoint.
_PREFIX: Mapping[str, str] = MappingProxyType({"ecr.api": "ecr", "ecr.dkr": "ecr"})


def own_account(service: ServiceName, config: RegionalConfig) -> Document:
    """Allow a service's actions to principals of the account."""
    actions = [f"{_PREFIX.get(service, service)}:*"]
    account = {"StringEquals": {"aws:PrincipalAccount": config.account}}
    return statement("OwnAccount", "Allow", actions, ["*"], principal=EVERYONE, condition=account)


def own_buckets(config: RegionalConfig) -> list[Document]:
    """Allow S3 to principals of the account in its own buckets, and layers of images to be read."""
    account = {"aws:PrincipalAccount": config.account, "aws:ResourceAccount": config.account}
    layers = f"arn:{config.partition}:s3:::prod-{config.region}-starport-layer-bucket/*"
    return [
        statement("OwnAccount", "Allow", ["s3:*"], ["*"], principal=EVERYONE, condition={"StringEquals": account}),
        statement("ImageLayers", "Allow", ["s3:GetObject"], [layers], principal=EVERYONE),
    ]


class Endpoints:
    """The endpoints of a network, and the security group of those that have addresses in it."""

    def __init__(
        self, name: str, config: RegionalConfig, network: ec2.Vpc, cidr: str, child: pulumi.ResourceOptions
    ) -> None:
        self._name, self._config, self._network, self._child = name, config, network, child
        # Without rules for what goes out: an endpoint only answers.
        self._group = ec2.SecurityGroup(
            f"{name}-endpoints",
            description="Endpoints of AWS services",
            vpc_id=network.id,
            region=config.region,
            opts=child,
        )
        vpc.SecurityGroupIngressRule(
            f"{name}-endpoints-https",
            security_group_id=self._group.id,
            description="HTTPS from the network",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_ipv4=cidr,
            region=config.region,
            opts=child,
        )

    def s3(self, route_tables: Sequence[pulumi.Input[str]]) -> ec2.VpcEndpoint:
        """Make the gateway to S3, which costs nothing and is a route of its own."""
        return ec2.VpcEndpoint(
            f"{self._name}-s3",
            vpc_id=self._network.id,
            service_name=f"com.amazonaws.{self._config.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=route_tables,
            policy=document(*own_buckets(self._config)),
            region=self._config.region,
            opts=self._child,
        )

    def interface(self, service: ServiceName, subnets: Sequence[pulumi.Input[str]]) -> ec2.VpcEndpoint:
        """Make an endpoint that has an address in each subnet and the service's own name in the network."""
        return ec2.VpcEndpoint(
            f"{self._name}-{service}",
            vpc_id=self._network.id,
            service_name=f"com.amazonaws.{self._config.region}.{service}",
            vpc_endpoint_type="Interface",
            private_dns_enabled=True,
            subnet_ids=subnets,
            security_group_ids=[self._group.id],
            policy=document(own_account(service, self._config)),
            region=self._config.region,
            opts=self._child,
        )
