"""A service of two regions on Pulumi's real engine: made with all that it needs, moved by the command, and removed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.stacks.cloud import ACCOUNT
from tests.integration.stacks.conftest import copied, enter, plugins
from tests.integration.stacks.test_engine import done, failed, operations, refused
from tests.integration.stacks.test_environment import end_logs, left
from tests.integration.stacks.test_failover import READY, states, told
from tests.integration.stacks.two_regions import IMAGES, TABLE, RegionalCloud, TwoRegions, regional
from tests.unit.stacks.failover.service_config import RECORD, SOURCE, TARGET, WITNESS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.stacks.conftest import Project
    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

__all__ = ["regional"]

# Pulumi's SDK asks for an event loop in each of its threads, and closes none.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:Exception ignored in. <{what}:pytest.PytestUnraisableExceptionWarning")
    for what in ("socket.socket", "function BaseEventLoop.__del__")
]

PROD = ("prod", "-C", "stacks/platform")
PARTS = ("signing_key", "snapshot_store", "artifact_registry", "failover")
ZONE = "tradeplane.internal"
PROTECTED = {"update": [f"{TABLE}-record"]}
"""What a second `up` may change: by it the provider protects the other region's table (docs/stacks/failover.md)."""
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:role/tradeplane-administrator"


@pytest.fixture(scope="module")
def regional_environment(
    regional: RegionalCloud, pulumi: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Give the environment of Pulumi, with the plugin of AWS at a cloud whose regions can be lost."""
    del pulumi  # it is built before anything is served
    with plugins(regional.url, tmp_path_factory.mktemp("plugins")) as found:
        yield found


@pytest.fixture
def service(
    tmp_path: Path,
    pulumi: Path,
    regional: RegionalCloud,
    regional_environment: dict[str, str],
    key_of_states: str,
    monkeypatch: pytest.MonkeyPatch,
    tradeplane: Command,
) -> Project:
    """Give the stack ``prod`` with what a service in two regions has, above whose programs the command is called."""
    del tradeplane  # it chooses a folder as well, and so comes first
    regional.empty()
    project, own = copied(tmp_path, pulumi)
    project.encrypt_by(key_of_states)
    enter(project.programs.parent, regional_environment | own, monkeypatch)
    for role in ("tradeplane-operator", "tradeplane-recorder"):
        regional.client("iam", SOURCE).create_role(RoleName=role, AssumeRolePolicyDocument="{}")
    with project.settings("prod", "platform") as config:
        config["tradeplane-platform:failover"] = {
            "record": {"regions": list(RECORD), "witness": WITNESS},
            "mover_roles": [ADMINISTRATOR],
            "names": {
                "zone": ZONE,
                "vpcs": {region: network(regional, region) for region in (SOURCE, TARGET)},
                "endpoints": {region: endpoint(region) for region in (SOURCE, TARGET)},
            },
        }
    project.keep("prod", *PARTS)
    return project


def network(cloud: RegionalCloud, region: str) -> str:
    """Make a network, as that program's stack would have."""
    return str(cloud.client("ec2", region).create_vpc(CidrBlock="10.16.0.0/16")["Vpc"]["VpcId"])


def endpoint(region: str) -> str:
    return f"ledger.{region}.example.com"


def allowed(cloud: RegionalCloud, region: str) -> list[dict[str, Any]]:
    """Return what the table says of who may use it in a region."""
    arn = f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/{TABLE}"
    told = cloud.client("dynamodb", region).get_resource_policy(ResourceArn=arn)["Policy"]
    statements = json.loads(told)["Statement"]
    assert all(one["Resource"] in (arn, [arn]) for one in statements)
    return list(statements)


def answers(cloud: RegionalCloud) -> dict[str, dict[str, str]]:
    """Return where the name of the active region leads, by the region that a record of it is for, and its switch."""
    route53 = cloud.client("route53", SOURCE)
    (zone,) = route53.list_hosted_zones()["HostedZones"]
    found = {}
    for one in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]:
        if one["Name"] == f"active.{ZONE}.":
            check = route53.get_health_check(HealthCheckId=one["HealthCheckId"])["HealthCheck"]["HealthCheckConfig"]
            assert (check["Type"], check["InsufficientDataHealthStatus"]) == ("CLOUDWATCH_METRIC", "LastKnownStatus")
            found[one["SetIdentifier"]] = {
                "endpoint": one["ResourceRecords"][0]["Value"],
                "alarm": check["AlarmIdentifier"]["Name"],
                "in": check["AlarmIdentifier"]["Region"],
            }
    return found


def remaining(cloud: RegionalCloud) -> dict[str, list[str]]:
    """Return what is left of a stack, in whichever region."""
    found = left(cloud)
    for region in (SOURCE, TARGET):
        # The networks are not of this stack.
        found.pop(f"{region} networks", None)
    for region in {SOURCE, TARGET, *RECORD, WITNESS}:
        found[f"{region} tables"] = cloud.client("dynamodb", region).list_tables()["TableNames"]
        alarms = cloud.client("cloudwatch", region).describe_alarms()["MetricAlarms"]
        found[f"{region} alarms"] = [one["AlarmName"] for one in alarms]
    route53 = cloud.client("route53", SOURCE)
    found["zones"] = [one["Name"] for one in route53.list_hosted_zones()["HostedZones"]]
    found["health checks"] = [one["Id"] for one in route53.list_health_checks()["HealthChecks"]]
    return {kind: one for kind, one in found.items() if one}


def meddle(cloud: RegionalCloud) -> dict[str, list[str]]:
    """Change by hand what a service is led by, and return what of it is noticed."""
    replica = cloud.client("dynamodb", RECORD[1])
    replica.delete_resource_policy(ResourceArn=f"arn:aws:dynamodb:{RECORD[1]}:{ACCOUNT}:table/{TABLE}")
    replica.update_table(TableName=TABLE, DeletionProtectionEnabled=False)
    cloudwatch = cloud.client("cloudwatch", WITNESS)
    cloudwatch.delete_alarms(AlarmNames=[f"{TABLE}-{TARGET}"])
    route53 = cloud.client("route53", SOURCE)
    (zone,) = route53.list_hosted_zones()["HostedZones"]
    moved = {
        "Name": f"{SOURCE}.{ZONE}",
        "Type": "CNAME",
        "TTL": 60,
        "ResourceRecords": [{"Value": "somewhere.example.com"}],
    }
    change = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": moved}]}
    route53.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch=change)
    check = next(
        one["Id"]
        for one in route53.list_health_checks()["HealthChecks"]
        if one["HealthCheckConfig"]["AlarmIdentifier"]["Name"] == f"{TABLE}-{SOURCE}"
    )
    route53.update_health_check(HealthCheckId=check, InsufficientDataHealthStatus="Healthy")
    return {
        "delete": [f"{TABLE}-{RECORD[1]}", f"{TABLE}-{TARGET}-switch"],
        "update": [f"{TABLE}-record", f"{TABLE}-{SOURCE}-health", f"{TABLE}-{SOURCE}-name"],
    }


def moved(tradeplane: Command, *arguments: str, code: int = 0) -> dict[str, Any]:
    """Call the command that moves the service, and return what it told."""
    return told(tradeplane, *arguments, "-C", "stacks/platform", code=code)


def same_kinds(one: dict[str, list[str]], other: dict[str, list[str]]) -> bool:
    """Whether the same was changed, in whichever order."""
    return {kind: sorted(names) for kind, names in one.items()} == {
        kind: sorted(names) for kind, names in other.items()
    }


def test_life_of_a_service_of_two_regions(service: Project, regional: RegionalCloud, tradeplane: Command) -> None:
    done(tradeplane, "init", *PROD)
    wanted = operations(done(tradeplane, "preview", *PROD))
    assert f"{TABLE}-first" in wanted["create"]
    assert regional.client("dynamodb", RECORD[0]).list_tables()["TableNames"] == []
    made = operations(done(tradeplane, "up", *PROD, "--yes"))
    assert same_kinds(made, wanted)
    regions = TwoRegions(regional)
    begun = regions.active()
    assert (begun.region, begun.epoch, begun.moved_by) == (SOURCE, 1, "stack prod")
    for region in RECORD:
        table = regional.client("dynamodb", region).describe_table(TableName=TABLE)["Table"]
        assert table["MultiRegionConsistency"] == "STRONG"
        assert [one["RegionName"] for one in table["GlobalTableWitnesses"]] == [WITNESS]
        assert {one["Sid"] for one in allowed(regional, region)} == {"Move", "Read", "RefuseOthers"}
    assert answers(regional) == {
        region: {"endpoint": endpoint(region), "alarm": f"{TABLE}-{region}", "in": WITNESS}
        for region in (SOURCE, TARGET)
    }
    again = done(tradeplane, "up", *PROD, "--yes")
    assert operations(again) in ({}, PROTECTED)
    assert again["unchanged"] + len(again["changes"]) == len(made["create"])
    for region in RECORD:
        assert regional.client("dynamodb", region).describe_table(TableName=TABLE)["Table"]["DeletionProtectionEnabled"]

    service.configure("prod", "platform:failover", mover_roles=[ADMINISTRATOR, f"{ADMINISTRATOR}-at-night"])
    changed = operations(done(tradeplane, "up", *PROD, "--yes"))
    assert same_kinds(changed, {"update": [f"{TABLE}-{region}" for region in RECORD]})
    for region in RECORD:
        (refusal,) = (one for one in allowed(regional, region) if one["Effect"] == "Deny")
        assert f"{ADMINISTRATOR}-at-night" in refusal["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]

    noticed = meddle(regional)
    assert same_kinds(operations(done(tradeplane, "drift", *PROD, code=10)), noticed)
    repaired = operations(done(tradeplane, "up", *PROD, "--yes"))
    assert same_kinds(repaired, {"create": noticed["delete"], "update": noticed["update"]})
    assert done(tradeplane, "drift", *PROD)["changes"] == []
    assert allowed(regional, RECORD[1])

    assert "holds what is protected" in refused(tradeplane, "destroy", *PROD, "--yes", code=3)["message"]
    service.run("state", "unprotect", "--all", "--yes", "--stack", "prod", "-C", str(service.folder))
    end_logs(regional)
    error = failed("destroy", *PROD, "--yes", code=3)
    assert "AWS protects something of it from deletion" in error["message"]
    assert "update-table --no-deletion-protection-enabled" in error["remedy"]
    for region in RECORD:
        regional.client("dynamodb", region).update_table(TableName=TABLE, DeletionProtectionEnabled=False)
    done(tradeplane, "destroy", *PROD, "--yes")
    assert remaining(regional) == {}


def test_what_the_stack_made_is_moved_and_not_moved_back_by_it(
    service: Project, regional: RegionalCloud, tradeplane: Command
) -> None:
    done(tradeplane, "init", *PROD)
    done(tradeplane, "up", *PROD, "--yes")
    regions = TwoRegions(regional)
    for one in IMAGES:
        regions.push(SOURCE, one, "first")
    found = moved(tradeplane, "--to", TARGET, code=3)
    assert states(found) == READY | {"snapshot_store": "unknown", "artifact_registry": "missing"}
    for one in IMAGES:
        regions.push(TARGET, one, "first")
    regions.measured(SOURCE, TARGET, 0)
    found = moved(tradeplane, "--to", TARGET, "--yes")
    assert (states(found), found["active"], found["epoch"]) == (READY, TARGET, 2)
    assert regions.switched() == {SOURCE: (0, 1), TARGET: (1, 0)}

    assert operations(done(tradeplane, "up", *PROD, "--yes")) in ({}, PROTECTED)
    assert (regions.active().region, regions.active().epoch) == (TARGET, 2)
    with regional.losing(TARGET):
        found = moved(tradeplane, "--to", SOURCE, "--yes", "--source-lost")
    assert (found["active"], found["epoch"]) == (SOURCE, 3)
    assert regions.active(RECORD[1]).region == SOURCE


def test_a_service_whose_store_the_stack_has_in_one_region_is_refused_before_anything_is_made(
    service: Project, regional: RegionalCloud, tradeplane: Command
) -> None:
    service.configure("prod", "platform:snapshot_store", regions=[SOURCE])
    done(tradeplane, "init", *PROD)
    regional.asked.clear()
    error = refused(tradeplane, "up", *PROD, "--yes", code=2)
    (problem,) = error["problems"]
    assert "snapshot_store.regions: us-east-1 missing" in problem["message"]
    assert regional.asked == []


def test_a_service_that_fails_half_way_is_made_by_the_next_up(
    service: Project, regional: RegionalCloud, tradeplane: Command
) -> None:
    done(tradeplane, "init", *PROD)
    with regional.failing("PutResourcePolicy", "InternalServerError"):
        error = failed("up", *PROD, "--yes", code=4)
    assert "PutResourcePolicy" in error["message"]
    finished = operations(done(tradeplane, "up", *PROD, "--yes"))
    assert {kind: names for kind, names in finished.items() if kind != "create"} in ({}, PROTECTED)
    assert {f"{TABLE}-{region}" for region in RECORD} <= set(finished["create"])
    assert TwoRegions(regional).active().region == SOURCE
    assert done(tradeplane, "up", *PROD, "--yes")["changes"] == []
