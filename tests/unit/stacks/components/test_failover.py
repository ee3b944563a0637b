import json
from pathlib import Path
from typing import Any, NamedTuple

import pulumi
import pytest
import yaml
from tradeplane_api.active_region import ActiveRegion
from tradeplane_stacks.components.artifact_registry_config import ArtifactRegistryConfig
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.failover import Failover
from tradeplane_stacks.components.failover_config import FailoverConfig
from tradeplane_stacks.components.failover_replication import Replicated
from tradeplane_stacks.components.signing_key import SigningKeyConfig
from tradeplane_stacks.components.snapshot_store_config import SnapshotStoreConfig
from tradeplane_stacks.components.stack_name import StackName

from tests.unit.stacks.components.policy_evaluation import allowed, decided
from tests.unit.stacks.components.recording import Recorded, record
from tests.unit.stacks.components.resource_options import noted_options, protected, waits_for

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
ADMINISTRATOR, OPERATOR, MOVER, SOMEBODY = (f"{ROLE}/{name}" for name in ("administrator", "operator", "mover", "x"))
REPLICATION = f"{ROLE}/aws-service-role/replication.dynamodb.amazonaws.com/AWSServiceRoleForDynamoDBReplication"
REGIONS = ("eu-west-1", "us-east-1")
RECORD, WITNESS = ("eu-west-1", "eu-central-1"), "eu-west-3"
NAME = "tradeplane-prod-failover"
WRITES = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete"]
NAMES = {
    "zone": "tradeplane.internal",
    "vpcs": {"eu-west-1": "vpc-0a1b2c3d", "us-east-1": "vpc-4e5f6a7b"},
    "endpoints": {region: f"ledger.{region}.example.com" for region in REGIONS},
}
SHARED: dict[str, Any] = {
    "ownership": {"owner": "desk", "cost_center": "cc-7", "data_classification": "restricted"},
    "account": ACCOUNT,
    "regions": list(REGIONS),
    "operator_role": OPERATOR,
}


def config(**changes: object) -> FailoverConfig:
    own = {"record": {"regions": list(RECORD), "witness": WITNESS}, "mover_roles": [MOVER], "names": NAMES}
    return FailoverConfig.read({**SHARED, **own, **changes})


def replicated(
    key: dict[str, object] | None = None,
    store: dict[str, object] | None = None,
    registry: dict[str, object] | None = None,
) -> Replicated:
    """Return parts that are in both regions, with some fields changed."""
    everywhere = SHARED | {"administrator_roles": [ADMINISTRATOR]}
    of_store = {"bucket_prefix": "tradeplane-prod", "runner_role": f"{ROLE}/runner"}
    of_key = {"primary_region": REGIONS[0], "replica_regions": [REGIONS[1]]}
    return Replicated(
        SigningKeyConfig.read(
            {field: everywhere[field] for field in ("ownership", "operator_role", "administrator_roles")}
            | of_key
            | {"generations": [{"name": "2026", "state": "signs"}]}
            | (key or {})
        ),
        SnapshotStoreConfig.read(
            everywhere | of_store | {"retention": {"mode": "COMPLIANCE", "years": 6}} | (store or {})
        ),
        ArtifactRegistryConfig.read(
            everywhere | {"publisher_roles": [f"{ROLE}/ci"], "node_roles": [f"{ROLE}/node"]} | (registry or {})
        ),
    )


class Made(NamedTuple):
    recorded: Recorded
    options: dict[str, pulumi.ResourceOptions]
    failover: Failover

    def of(self, service: str, kind: str) -> dict[str, dict[str, Any]]:
        return self.recorded.of_type(f"aws:{service}/{kind[0].lower()}{kind[1:]}:{kind}")


def make(**changes: object) -> Made:
    made: list[Failover] = []

    def run() -> dict[str, Any]:
        made.append(Failover(NAME, config(**changes), StackName("prod"), replicated()))
        return {}

    with noted_options() as options:
        recorded = record(run)
    return Made(recorded, options, made[0])


@pytest.fixture(scope="module")
def made() -> Made:
    return make()


def policy(made: Made, region: str) -> tuple[str, str]:
    inputs = made.of("dynamodb", "ResourcePolicy")[f"{NAME}-{region}"]
    assert inputs["region"] == region
    return inputs["policy"], inputs["resourceArn"]


def test_the_record_is_strongly_consistent_over_three_regions_and_cannot_be_removed(made: Made) -> None:
    ((name, table),) = made.of("dynamodb", "Table").items()
    assert (name, table["name"], table["region"]) == (f"{NAME}-record", NAME, RECORD[0])
    assert table["replicas"] == [
        {
            "regionName": RECORD[1],
            "consistencyMode": "STRONG",
            "deletionProtectionEnabled": True,
            "pointInTimeRecovery": True,
            "propagateTags": True,
        }
    ]
    assert table["globalTableWitness"] == {"regionName": WITNESS}
    assert table["deletionProtectionEnabled"] is True
    assert table["pointInTimeRecovery"] == {"enabled": True}
    assert (table["hashKey"], table["billingMode"]) == ("record", "PAY_PER_REQUEST")
    assert table["attributes"] == [{"name": "record", "type": "S"}]
    assert {f"{NAME}-record", f"{NAME}-first", f"{NAME}-zone"} == protected(made.options)


def test_the_first_region_is_active_at_first_and_is_not_made_so_again(made: Made) -> None:
    ((name, item),) = made.of("dynamodb", "TableItem").items()
    first = ActiveRegion.from_item(json.loads(item["item"]))
    assert (first.region, first.epoch, first.moved_by) == ("eu-west-1", 1, "stack prod")
    assert (item["tableName"], item["hashKey"], item["region"]) == (NAME, "record", RECORD[0])
    assert made.options[name].ignore_changes == ["item"]


@pytest.mark.parametrize("region", RECORD)
def test_movers_write_the_record_the_operator_reads_it_and_nobody_else_does_either(made: Made, region: str) -> None:
    said, arn = policy(made, region)
    assert arn == f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/{NAME}"
    for who in (MOVER, OPERATOR, SOMEBODY, ADMINISTRATOR):
        assert allowed(said, who, "dynamodb:GetItem", arn) == (who in (MOVER, OPERATOR))
        assert allowed(said, who, "dynamodb:PutItem", arn) == (who == MOVER)
        assert allowed(said, who, "dynamodb:DescribeTable", arn) == (who == MOVER)
        for action in ("DeleteTable", "Scan", "UpdateTable", "PutResourcePolicy", "DeleteItem"):
            assert not allowed(said, who, f"dynamodb:{action}", arn)
        for action in WRITES:
            # Of all but movers it is refused, whatever IAM allows.
            assert (decided(said, who, f"dynamodb:{action}", arn) is False) == (who != MOVER)
    assert not allowed(said, MOVER, "dynamodb:PutItem", f"{arn}-other")
    given = [one for one in json.loads(said)["Statement"] if one["Effect"] == "Allow"]
    of_the_operator = [one["Action"] for one in given if one["Principal"] == {"AWS": [OPERATOR]}]
    assert of_the_operator == [["dynamodb:GetItem"]], "what is refused besides is not to be given either"
    assert decided(said, REPLICATION, "dynamodb:PutItem", arn) is None, "DynamoDB's own copying would be refused"
    assert waits_for(made.options[f"{NAME}-{region}"]) == {f"{NAME}-record"}


def test_the_active_name_leads_where_the_switch_says(made: Made) -> None:
    (zone,) = made.of("route53", "Zone").values()
    assert zone["name"] == "tradeplane.internal"
    assert zone["vpcs"] == [{"vpcId": NAMES["vpcs"][region], "vpcRegion": region} for region in REGIONS]  # type: ignore[index]
    assert zone["forceDestroy"] is False
    records = made.of("route53", "Record")
    for region in REGIONS:
        endpoint = [f"ledger.{region}.example.com"]
        own, active = records[f"{NAME}-{region}-name"], records[f"{NAME}-{region}-active"]
        assert (own["name"], own["records"], own["type"]) == (f"{region}.tradeplane.internal", endpoint, "CNAME")
        assert (active["name"], active["records"], active["type"]) == ("active.tradeplane.internal", endpoint, "CNAME")
        assert (active["ttl"], active["setIdentifier"]) == (60, region)
        assert active["weightedRoutingPolicies"] == [{"weight": 1}]
        assert active["healthCheckId"] == f"{NAME}-{region}-health-id"


def test_switches_are_where_neither_region_takes_them_along(made: Made) -> None:
    alarms, checks = made.of("cloudwatch", "MetricAlarm"), made.of("route53", "HealthCheck")
    assert len(alarms) == len(checks) == len(REGIONS)
    for region in REGIONS:
        alarm, check = alarms[f"{NAME}-{region}-switch"], checks[f"{NAME}-{region}-health"]
        assert (alarm["region"], check["cloudwatchAlarmRegion"]) == (WITNESS, WITNESS)
        assert check["cloudwatchAlarmName"] == alarm["name"] == f"{NAME}-{region}"
        assert check["type"] == "CLOUDWATCH_METRIC"
        assert check["insufficientDataHealthStatus"] == "LastKnownStatus"
        assert (alarm["namespace"], alarm["metricName"]) == ("tradeplane", "RegionActive")
        assert alarm["dimensions"] == {"Service": NAME, "Region": region}
        assert (alarm["comparisonOperator"], alarm["threshold"]) == ("LessThanThreshold", 1)
        assert (alarm["statistic"], alarm["treatMissingData"]) == ("Minimum", "ignore")


def test_without_names_there_is_the_record_alone() -> None:
    made = make(names=None)
    assert made.failover.active_name is None
    assert {args.typ.split("/")[0] for args in made.recorded.resources.values()} == {
        "aws:dynamodb",
        "tradeplane:components:Failover",
    }


def test_operators_are_told_where_the_record_is(made: Made) -> None:
    assert made.failover.active_name == "active.tradeplane.internal"
    assert made.failover.operator_settings == {
        region: {"name": region, "table": NAME, "tableRegions": list(RECORD), "validSeconds": 30} for region in REGIONS
    }


def test_everything_that_takes_tags_has_those_of_its_stack(made: Made) -> None:
    for kind in (("dynamodb", "Table"), ("route53", "Zone"), ("route53", "HealthCheck"), ("cloudwatch", "MetricAlarm")):
        for inputs in made.of(*kind).values():
            assert inputs["tags"]["tradeplane:stack"] == "prod"
            assert inputs["tags"]["tradeplane:owner"] == "desk"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"regions": ["eu-west-1"]}, "regions"),
        ({"regions": ["eu-west-1", "eu-west-1"], "names": None}, "each region once"),
        ({"regions": ["eu-west-1", "eu-west-9"], "names": None}, r"regions\.1"),
        ({"regions": ["eu-west-1", "cn-north-1"], "names": None}, "one partition"),
        ({"record": {"regions": ["eu-west-1", "us-east-1"], "witness": "eu-west-3"}}, "one of these sets"),
        ({"record": {"regions": ["eu-west-1", "eu-west-1"], "witness": "eu-west-3"}}, "each region once"),
        ({"record": {"regions": ["eu-west-2", "eu-west-3"], "witness": "eu-west-1"}}, "would be lost with it"),
        ({"record": {"regions": ["eu-west-1"], "witness": "eu-west-3"}}, r"record\.regions"),
        ({"record": {"regions": ["eu-west-1", "sa-east-1"], "witness": "eu-west-3"}}, "one of these sets"),
        ({"mover_roles": []}, "mover_roles"),
        ({"mover_roles": [OPERATOR]}, "who is stopped by the record does not write it"),
        ({"mover_roles": ["*"]}, r"mover_roles\.0"),
        ({"mover_roles": [MOVER.replace(ACCOUNT, "444455556666")]}, r"mover_roles\.0: .* not of account"),
        ({"operator_role": OPERATOR.replace(ACCOUNT, "444455556666")}, "operator_role: .* not of account"),
        ({"valid_seconds": 9}, "valid_seconds"),
        ({"valid_seconds": 301}, "valid_seconds"),
        ({"names": {**NAMES, "vpcs": {"eu-west-1": "vpc-0a1b2c3d"}}}, r"names\.vpcs: one for each"),
        ({"names": {**NAMES, "endpoints": {"eu-west-1": "a.example.com"}}}, r"names\.endpoints: one for each"),
        ({"names": {**NAMES, "zone": "Not a name"}}, r"names\.zone"),
        ({"failback": "automatic"}, "failback: Extra inputs"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_field(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        config(**changes)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"key": {"replica_regions": []}}, r"signing_key\.replica_regions: us-east-1 missing"),
        ({"store": {"regions": ["eu-west-1"]}}, r"snapshot_store\.regions: us-east-1 missing"),
        ({"registry": {"regions": ["us-east-1"]}}, r"artifact_registry\.regions: eu-west-1 missing"),
        ({"key": {"operator_role": SOMEBODY}}, r"signing_key\.operator_role: .*role/x is not failover"),
        ({"store": {"operator_role": SOMEBODY}}, r"snapshot_store\.operator_role"),
        ({"registry": {"operator_role": SOMEBODY}}, r"artifact_registry\.operator_role"),
    ],
)
def test_parts_that_are_not_the_same_everywhere_are_no_service_and_nothing_is_made(
    parts: dict[str, Any], message: str
) -> None:
    def run() -> dict[str, Any]:
        with pytest.raises(InvalidConfiguration, match=message):
            Failover(NAME, config(), StackName("prod"), replicated(**parts))
        return {}

    assert record(run).resources == {}


def test_a_store_of_another_account_is_no_part_of_the_service() -> None:
    elsewhere: dict[str, object] = {
        field: [value.replace(ACCOUNT, "444455556666")]
        if field.endswith("s")
        else value.replace(ACCOUNT, "444455556666")
        for field, value in {
            "account": ACCOUNT,
            "administrator_roles": ADMINISTRATOR,
            "operator_role": OPERATOR,
            "runner_role": f"{ROLE}/runner",
        }.items()
    }
    with pytest.raises(InvalidConfiguration, match=r"snapshot_store\.account: 444455556666 is not failover\.account"):
        replicated(store=elsewhere).check(config())


def test_the_example_of_the_page_is_valid() -> None:
    page = (Path(__file__).parents[4] / "docs" / "stacks" / "failover.md").read_text(encoding="utf-8")
    block = page.partition("```yaml\n")[2].partition("```")[0]
    (example,) = yaml.safe_load(block)["config"].values()
    assert FailoverConfig.read(example).regions == REGIONS


def test_every_region_that_is_missing_is_told_at_once() -> None:
    parts = replicated(key={"replica_regions": []}, registry={"regions": ["eu-west-1"]})
    with pytest.raises(InvalidConfiguration, match=r"signing_key.*artifact_registry"):
        parts.check(config())
