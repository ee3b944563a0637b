"""All types of AWS that the stand-in has, by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.stacks.providers import (
    aws_cloudwatch,
    aws_dynamodb,
    aws_ec2,
    aws_ec2_rules,
    aws_ecr,
    aws_eks,
    aws_iam,
    aws_kms,
    aws_logs,
    aws_rds,
    aws_route53,
    aws_s3,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.stacks.providers.frame import ResourceType

TYPES: Mapping[str, ResourceType] = {
    kind.pulumi_type: kind
    for module in (
        aws_cloudwatch,
        aws_dynamodb,
        aws_ec2,
        aws_ec2_rules,
        aws_ecr,
        aws_eks,
        aws_iam,
        aws_kms,
        aws_logs,
        aws_rds,
        aws_route53,
        aws_s3,
    )
    for kind in module.TYPES
}
