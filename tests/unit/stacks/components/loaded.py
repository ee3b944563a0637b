"""Loads once, for the forks of all weakenings, what their tests load and none of them weakens."""

import botocore.session  # noqa: F401
import pulumi.runtime.mocks  # noqa: F401
import pulumi_aws.s3
import pydantic  # noqa: F401
import tradeplane_store.layout  # noqa: F401
from tradeplane_stacks.components.regions import partitions

for package in (pulumi_aws.cloudwatch, pulumi_aws.ec2, pulumi_aws.ecr, pulumi_aws.iam, pulumi_aws.kms, pulumi_aws.rds):
    dir(package)
partitions()
