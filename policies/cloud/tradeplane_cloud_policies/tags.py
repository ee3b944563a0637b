"""The rule of tags: of everything that has tags it is known who answers for it and what is in it.

The names are those that the components set (docs/stacks); they are written here again, as policies read no code of ours
and would otherwise agree with whatever it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradeplane_cloud_policies.rules import Check, Rule

PREFIX = "tradeplane:"
REQUIRED = ("owner", "cost-center", "data-classification", "environment", "stack")
TAGGED = (
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:ec2/launchTemplate:LaunchTemplate",
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/vpc:Vpc",
    "aws:ecr/repository:Repository",
    "aws:eks/cluster:Cluster",
    "aws:eks/nodeGroup:NodeGroup",
    "aws:iam/policy:Policy",
    "aws:iam/role:Role",
    "aws:kms/key:Key",
    "aws:kms/replicaKey:ReplicaKey",
    "aws:rds/instance:Instance",
    "aws:s3/bucket:Bucket",
    "aws:s3/bucketV2:BucketV2",
)


def _tag(properties: Mapping[str, Any], name: str) -> object:
    tags = properties.get("tags")
    return tags.get(f"{PREFIX}{name}") if isinstance(tags, Mapping) else None


RULES = (
    Rule(
        "required-tags",
        "Everything that costs or holds something says whose it is.",
        TAGGED,
        tuple(
            Check(f"tags: set {PREFIX}{name}", lambda p, name=name: bool(_tag(p, name)))  # type: ignore[misc]
            for name in REQUIRED
        ),
    ),
)
