"""How flow logs could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_region_network.py",)

MUTANTS: tuple[Weakening, ...] = (
    ('traffic_type="ALL"', 'traffic_type="REJECT"', 0),
    ("AGGREGATION_SECONDS = 60", "AGGREGATION_SECONDS = 600", 0),
    ('"StringEquals": {"aws:SourceAccount": config.account},', "", 0),
    ('"ArnLike": {"aws:SourceArn": config.arn("ec2", "vpc-flow-log/*")},', "", 0),
    ('[group.arn, pulumi.Output.concat(group.arn, ":*")]', '["*"]', 0),
    ('["logs:CreateLogStream", ', '["logs:*", ', 0),
    ("log_destination=group.arn", 'log_destination="other"', 0),
    ("vpc_id=network.id", 'vpc_id="other"', 0),
    ('"vpc-flow-logs.amazonaws.com"', '"ec2.amazonaws.com"', 0),
    ("role=role.id", 'role="other"', 0),
    ("depends_on=[may_write]", "depends_on=[]", 0),
    ("region=config.region,\n        opts", "opts", 0),
)
