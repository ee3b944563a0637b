"""Log groups of CloudWatch, each encrypted by a key of its own that the service may use for that group alone."""

import pulumi
from pulumi_aws import cloudwatch

from tradeplane_stacks.components.encryption_key import ENCRYPT, encryption_key
from tradeplane_stacks.components.log_retention import RetentionDays
from tradeplane_stacks.components.policy_documents import service, statement
from tradeplane_stacks.components.regional import RegionalConfig


def log_group(
    name: str, path: str, retention: RetentionDays, config: RegionalConfig, parent: pulumi.Resource
) -> cloudwatch.LogGroup:
    """Make a log group and its key."""
    used = statement(
        "UseForLogGroup",
        "Allow",
        ENCRYPT,
        ["*"],
        principal=service(f"logs.{config.region}.amazonaws.com"),
        condition={"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": config.arn("logs", f"log-group:{path}")}},
    )
    key = encryption_key(f"{name}-key", f"log group {path}", config, [used], parent)
    return cloudwatch.LogGroup(
        name,
        name=path,
        kms_key_id=key.arn,
        retention_in_days=retention,
        region=config.region,
        opts=pulumi.ResourceOptions(parent=parent),
    )
