"""What makes regions one service: a record of which of them is active, and a name that leads there.

The record is the authority. It is one item of a table with multi-Region strong consistency, apart from the service in
that the loss of any one region leaves it readable and writable; operators lead only where it names their region
(``tradeplane_api.active_region``). Health decides nothing by itself: a region that seems dead and is not would run
beside the one that took over.

Names follow the record by switches: a metric for each region, whose alarm Route 53 takes for health. Endpoints are
private, so that Route 53's own checkers cannot reach them; and changing records needs Route 53's control plane, which
is in one region, while health checks need none. The switches are in the witness's region, which is none of the service.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pulumi
from pulumi_aws import cloudwatch, dynamodb, route53
from tradeplane_api.active_region import HASH_KEY, ActiveRegion

from tradeplane_stacks.components.failover_config import FailoverConfig, PrivateNames
from tradeplane_stacks.components.failover_replication import Replicated
from tradeplane_stacks.components.policy_documents import EVERYONE, document, roles, statement
from tradeplane_stacks.components.regions import partitions
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.components.tags import TaggedComponent, required_tags

METRIC_NAMESPACE = "tradeplane"
METRIC = "RegionActive"
"""1 where a region is active and 0 where it is not; it stays as it was last said."""
TTL_SECONDS = 60
_REPLICATION_ROLE = "aws-service-role/replication.dynamodb.amazonaws.com/AWSServiceRoleForDynamoDBReplication"
_WRITES = [
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteItem",
    "dynamodb:PartiQLDelete",
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLUpdate",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
]


def metric_dimensions(service: str, region: str) -> dict[str, str]:
    """Return what tells the switch of a region of a service from others."""
    return {"Service": service, "Region": region}


def record_policy(config: FailoverConfig, arn: str) -> str:
    """Return who may do what with the record in one region: movers write it, the operator reads it, nobody else."""
    movers = list(config.mover_roles)
    # DynamoDB itself, which carries what is written to the other regions (Developer Guide, "Global tables security").
    partition = partitions()[config.regions[0]]
    replication = f"arn:{partition}:iam::{config.account}:role/{_REPLICATION_ROLE}"
    return document(
        statement(
            "Move",
            "Allow",
            ["dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:PutItem"],
            [arn],
            principal=roles(movers),
        ),
        statement("Read", "Allow", ["dynamodb:GetItem"], [arn], principal=roles([config.operator_role])),
        # Refused as well as not allowed: no policy of IAM allows against it.
        statement(
            "RefuseOthers",
            "Deny",
            _WRITES,
            [arn],
            principal=EVERYONE,
            condition={"ArnNotEquals": {"aws:PrincipalArn": [*movers, replication]}},
        ),
    )


class Failover(TaggedComponent):
    """The record of the active region, and the name that leads to it."""

    operator_settings: dict[str, dict[str, Any]]
    """``region`` of the operator's settings, by region."""

    active_name: str | None
    """The name that leads to the active region, where names were asked for."""

    def __init__(
        self,
        name: str,
        config: FailoverConfig,
        stack: StackName,
        replicated: Replicated,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        replicated.check(config)
        super().__init__("Failover", name, required_tags(stack, config.ownership), opts)
        self._name, self._config = name, config
        self._child, self._kept = pulumi.ResourceOptions(parent=self), pulumi.ResourceOptions(parent=self, protect=True)
        self._begin(self._record(), stack)
        if config.names is not None:
            self._lead(config.names)
        self.operator_settings = {
            region: {
                "name": region,
                "table": name,
                "tableRegions": list(config.record.regions),
                "validSeconds": config.valid_seconds,
            }
            for region in config.regions
        }
        self.active_name = None if config.names is None else f"active.{config.names.zone}"
        self.register_outputs({"operator_settings": self.operator_settings, "active_name": self.active_name})

    def _record(self) -> dynamodb.Table:
        """Make the table, encrypted by a key of DynamoDB's own: no key of a region stands between it and a failover."""
        config, place = self._config, self._config.record
        table = dynamodb.Table(
            f"{self._name}-record",
            name=self._name,
            billing_mode="PAY_PER_REQUEST",
            hash_key=HASH_KEY,
            attributes=[dynamodb.TableAttributeArgs(name=HASH_KEY, type="S")],
            deletion_protection_enabled=True,
            point_in_time_recovery=dynamodb.TablePointInTimeRecoveryArgs(enabled=True),
            replicas=[
                dynamodb.TableReplicaArgs(
                    region_name=place.regions[1],
                    consistency_mode="STRONG",
                    deletion_protection_enabled=True,
                    point_in_time_recovery=True,
                    propagate_tags=True,
                )
            ],
            global_table_witness=dynamodb.TableGlobalTableWitnessArgs(region_name=place.witness),
            region=place.regions[0],
            opts=self._kept,
        )
        for region in place.regions:
            arn = f"arn:{partitions()[region]}:dynamodb:{region}:{config.account}:table/{self._name}"
            dynamodb.ResourcePolicy(
                f"{self._name}-{region}",
                resource_arn=arn,
                policy=record_policy(config, arn),
                region=region,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[table]),
            )
        return table

    def _begin(self, table: dynamodb.Table, stack: StackName) -> None:
        """Say that the first region is active, once: what was moved since is not moved back by an ``up``."""
        first = ActiveRegion(
            region=self._config.regions[0], epoch=1, moved_at=datetime.now(UTC), moved_by=f"stack {stack}", move="first"
        )
        dynamodb.TableItem(
            f"{self._name}-first",
            table_name=table.name,
            hash_key=HASH_KEY,
            item=json.dumps(first.to_item(), sort_keys=True),
            region=self._config.record.regions[0],
            opts=pulumi.ResourceOptions(parent=self, protect=True, ignore_changes=["item"]),
        )

    def _lead(self, names: PrivateNames) -> None:
        """Lead one name to the active region, and a name of its own to each."""
        zone = route53.Zone(
            f"{self._name}-zone",
            name=names.zone,
            comment="Leads to the active region",
            force_destroy=False,
            vpcs=[route53.ZoneVpcArgs(vpc_id=names.vpcs[region], vpc_region=region) for region in self._config.regions],
            opts=self._kept,
        )
        for region in self._config.regions:
            route53.Record(
                f"{self._name}-{region}-name",
                zone_id=zone.zone_id,
                name=f"{region}.{names.zone}",
                type="CNAME",
                ttl=TTL_SECONDS,
                records=[names.endpoints[region]],
                opts=self._child,
            )
            # Each has all the weight there is: of several, those that are healthy are answered.
            route53.Record(
                f"{self._name}-{region}-active",
                zone_id=zone.zone_id,
                name=f"active.{names.zone}",
                type="CNAME",
                ttl=TTL_SECONDS,
                records=[names.endpoints[region]],
                set_identifier=region,
                weighted_routing_policies=[route53.RecordWeightedRoutingPolicyArgs(weight=1)],
                health_check_id=self._switch(region).id,
                opts=self._child,
            )

    def _switch(self, region: str) -> route53.HealthCheck:
        """Make what Route 53 takes for the health of a region: whether it was last said to be active."""
        witness = self._config.record.witness
        alarm = cloudwatch.MetricAlarm(
            f"{self._name}-{region}-switch",
            name=f"{self._name}-{region}",
            alarm_description=f"{region} is not the active region of {self._name}",
            namespace=METRIC_NAMESPACE,
            metric_name=METRIC,
            dimensions=metric_dimensions(self._name, region),
            statistic="Minimum",
            comparison_operator="LessThanThreshold",
            threshold=1,
            period=60,
            evaluation_periods=1,
            treat_missing_data="ignore",
            region=witness,
            opts=self._child,
        )
        return route53.HealthCheck(
            f"{self._name}-{region}-health",
            type="CLOUDWATCH_METRIC",
            cloudwatch_alarm_name=alarm.name,
            cloudwatch_alarm_region=witness,
            # Said once, not every minute.
            insufficient_data_health_status="LastKnownStatus",
            opts=self._child,
        )
