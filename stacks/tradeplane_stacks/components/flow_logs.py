"""What went over a network: flow logs of all traffic, what was refused as well as what was let through."""

import pulumi
from pulumi_aws import ec2, iam

from tradeplane_stacks.components.encrypted_logs import log_group
from tradeplane_stacks.components.log_retention import RetentionDays
from tradeplane_stacks.components.policy_documents import document_of_outputs, statement
from tradeplane_stacks.components.regional import RegionalConfig
from tradeplane_stacks.components.service_role import service_role

# As fine as AWS has it; the other choice, 600, hides when something happened.
AGGREGATION_SECONDS = 60


def flow_logs(
    name: str, config: RegionalConfig, network: ec2.Vpc, retention: RetentionDays, parent: pulumi.Resource
) -> pulumi.Output[str]:
    """Write the flow logs of a network to an encrypted log group, and return the group's name."""
    group = log_group(f"{name}-flow-logs", f"/tradeplane/{name}/flow-logs", retention, config, parent)
    child = pulumi.ResourceOptions(parent=parent)
    # Without it, a flow log of another account could have the service write here (the confused deputy).
    ours = {
        "StringEquals": {"aws:SourceAccount": config.account},
        "ArnLike": {"aws:SourceArn": config.arn("ec2", "vpc-flow-log/*")},
    }
    role = service_role(f"{name}-flow-logs-role", "vpc-flow-logs.amazonaws.com", parent, ours)
    written = statement(
        "Write",
        "Allow",
        ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
        [group.arn, pulumi.Output.concat(group.arn, ":*")],
    )
    policy = document_of_outputs(written)
    may_write = iam.RolePolicy(f"{name}-flow-logs-policy", role=role.id, policy=policy, opts=child)
    ec2.FlowLog(
        f"{name}-flow-log",
        vpc_id=network.id,
        traffic_type="ALL",
        log_destination_type="cloud-watch-logs",
        log_destination=group.arn,
        iam_role_arn=role.arn,
        max_aggregation_interval=AGGREGATION_SECONDS,
        region=config.region,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[may_write]),
    )
    return group.name
