"""How each security setting of Failover could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_failover.py",)

MUTANTS: tuple[Weakening, ...] = (
    ("        replicated.check(config)\n", "", 0),
    ("required_tags(stack, config.ownership)", "{}", 0),
    ("protect=True)\n        self._begin", "protect=False)\n        self._begin", 0),
    ("protect=True, ignore_changes", "protect=False, ignore_changes", 0),
    (', ignore_changes=["item"]', "", 0),
    ("            deletion_protection_enabled=True,\n            point", "            point", 0),
    ("                    deletion_protection_enabled=True,\n", "", 0),
    ("Args(enabled=True)", "Args(enabled=False)", 0),
    ("point_in_time_recovery=True", "point_in_time_recovery=False", 0),
    ("propagate_tags=True", "propagate_tags=False", 0),
    ('consistency_mode="STRONG"', 'consistency_mode="EVENTUAL"', 0),
    ("            global_table_witness=dynamodb.TableGlobalTableWitnessArgs(region_name=place.witness),\n", "", 0),
    ("region_name=place.regions[1]", "region_name=place.witness", 0),
    ("for region in place.regions:", "for region in place.regions[:1]:", 0),
    ('["dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:PutItem"]', '["dynamodb:*"]', 0),
    ('"Allow", ["dynamodb:GetItem"]', '"Allow", ["dynamodb:GetItem", "dynamodb:PutItem"]', 0),
    ('"Allow", ["dynamodb:GetItem"]', '"Allow", ["dynamodb:*"]', 0),
    ("principal=roles([config.operator_role])", "principal=EVERYONE", 0),
    ("principal=roles(movers)", "principal=EVERYONE", 0),
    ('            "Deny",\n', '            "Allow",\n', 0),
    ('"ArnNotEquals"', '"ArnEquals"', 0),
    ("[*movers, replication]", "movers", 0),
    ("[*movers, replication]", "[*movers, replication, config.operator_role]", 0),
    ('    "dynamodb:PutItem",\n', "", 0),
    ('    "dynamodb:UpdateItem",\n', "", 0),
    ('    "dynamodb:DeleteItem",\n', "", 0),
    ('    "dynamodb:BatchWriteItem",\n', "", 0),
    ('    "dynamodb:PartiQLUpdate",\n', "", 0),
    ('    "dynamodb:PartiQLInsert",\n', "", 0),
    ('    "dynamodb:PartiQLDelete",\n', "", 0),
    ("force_destroy=False", "force_destroy=True", 0),
    ("region=self._config.regions[0], epoch=1", "region=self._config.regions[1], epoch=1", 0),
    ('treat_missing_data="ignore"', 'treat_missing_data="breaching"', 0),
    ('comparison_operator="LessThanThreshold"', 'comparison_operator="GreaterThanThreshold"', 0),
    ("region=witness,\n", "region=region,\n", 0),
    ("cloudwatch_alarm_region=witness", "cloudwatch_alarm_region=region", 0),
    ('insufficient_data_health_status="LastKnownStatus"', 'insufficient_data_health_status="Healthy"', 0),
    ("                health_check_id=self._switch(region).id,\n", "", 0),
)
