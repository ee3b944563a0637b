"""A service moved between two regions and back, by the command that people call, against moto: a rehearsal."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_stacks.automation.errors import StackRefused, StackUnavailable
from tradeplane_stacks.automation.stack import PROGRAMS
from tradeplane_stacks.failover.moving import Mover
from tradeplane_stacks.failover.service import read_service

from tests.integration.stacks.two_regions import (
    ALIAS,
    IMAGES,
    RESULTS,
    TABLE,
    RegionalCloud,
    TwoRegions,
    bucket,
    regional,
)
from tests.unit.cli.conftest import tradeplane
from tests.unit.stacks.failover.service_config import CONFIG, RECORD, SOURCE, TARGET, WITNESS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

__all__ = ["regional", "tradeplane"]


PROJECT = "tradeplane-platform"
MOVED_WITHIN_S = 30


@pytest.fixture
def service(regional: RegionalCloud, tradeplane: Command, tmp_path: Path) -> TwoRegions:
    """Give a service in two regions, everything copied, in whose folder the command is called."""
    del tradeplane  # it chooses the folder
    regional.empty()
    configure(tmp_path, CONFIG)
    (tmp_path / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n", encoding="utf-8")
    made = TwoRegions(regional)
    made.make()
    return made


def configure(folder: Path, config: dict[str, Any]) -> None:
    values = {f"{PROJECT}:{key}": value for key, value in config.items()}
    (folder / "Pulumi.prod.yaml").write_text(yaml.safe_dump({"config": values}), encoding="utf-8")


def mover(folder: Path) -> Mover:
    return Mover(read_service(folder, "prod", PROGRAMS[PROJECT]))


def told(tradeplane: Command, *arguments: str, code: int = 0) -> dict[str, Any]:
    """Call the command, and return what it printed as JSON."""
    ended = tradeplane("stack", "failover", "prod", *arguments, "-o", "json")
    assert ended.code == code, (ended.out, ended.err)
    found = json.loads(ended.out)
    assert isinstance(found, dict)
    return found


def failed(tradeplane: Command, *arguments: str, code: int) -> dict[str, Any]:
    """Call the command, which is to fail before it does anything, and return the error it told."""
    ended = tradeplane("stack", "failover", "prod", *arguments, "-o", "json")
    assert (ended.code, ended.out) == (code, ""), (ended.out, ended.err)
    found = json.loads(ended.err)["error"]
    assert isinstance(found, dict)
    return found


def states(found: dict[str, Any]) -> dict[str, str]:
    return {one["part"]: one["state"] for one in found["findings"]}


READY = {"signing_key": "ready", "snapshot_store": "ready", "artifact_registry": "ready"}


def test_it_is_only_looked_at_unless_somebody_agrees(service: TwoRegions, tradeplane: Command) -> None:
    found = told(tradeplane, "--to", TARGET)
    assert (states(found), found["done"], found["active"]) == (READY, False, SOURCE)
    assert service.active().epoch == 1
    assert service.switched() == {SOURCE: (0, 0), TARGET: (0, 0)}
    text = tradeplane("stack", "failover", "prod", "--to", TARGET).out
    assert "us-east-1 can take over; nothing was changed, give --yes" in text


def test_a_move_and_the_way_back(service: TwoRegions, tradeplane: Command) -> None:
    began = time.monotonic()
    found = told(tradeplane, "--to", TARGET, "--yes")
    assert time.monotonic() - began < MOVED_WITHIN_S
    assert (found["done"], found["active"], found["epoch"], found["warnings"]) == (True, TARGET, 2, [])
    moved = service.active()
    assert (moved.region, moved.epoch) == (TARGET, 2)
    assert moved.moved_by.startswith("arn:aws:sts:")
    assert datetime.now(UTC) - moved.moved_at < timedelta(minutes=1)
    assert service.switched() == {SOURCE: (0, 1), TARGET: (1, 0)}

    ended = tradeplane("stack", "failover", "prod", "--to", SOURCE, "--yes")
    assert "eu-west-1 is active (epoch 3); operators of us-east-1 stop within 30 s" in ended.out
    assert "back: tradeplane stack failover prod --to us-east-1 --yes" in ended.out
    assert (service.active().region, service.active().epoch) == (SOURCE, 3)
    assert service.switched() == {SOURCE: (1, 1), TARGET: (1, 1)}


def test_of_two_at_once_one_wins_and_the_other_is_told(service: TwoRegions, tmp_path: Path) -> None:
    first, second = mover(tmp_path), mover(tmp_path)
    plans = first.plan(TARGET), second.plan(TARGET)
    assert first.move(plans[0]).record.epoch == 2
    with pytest.raises(StackRefused, match=r"somebody else moved it meanwhile: us-east-1 is active by epoch 2"):
        second.move(plans[1])
    assert service.active().epoch == 2


def test_a_plan_is_not_carried_out_when_the_service_went_there_and_back(service: TwoRegions, tmp_path: Path) -> None:
    late, other = mover(tmp_path), mover(tmp_path)
    plan = late.plan(TARGET)
    other.move(other.plan(TARGET))
    other.move(other.plan(SOURCE))
    with pytest.raises(StackRefused, match="epoch 3"):
        late.move(plan)
    assert service.active().region == SOURCE


def test_a_write_whose_answer_was_lost_is_known_for_ones_own(service: TwoRegions, tradeplane: Command) -> None:
    service.cloud.unheard.add("PutItem")
    found = told(tradeplane, "--to", TARGET, "--yes")
    assert (found["active"], found["epoch"]) == (TARGET, 2)
    assert service.active().epoch == 2


def no_key(service: TwoRegions) -> None:
    service.cloud.client("kms", TARGET).delete_alias(AliasName=ALIAS)


def disabled_key(service: TwoRegions) -> None:
    kms = service.cloud.client("kms", TARGET)
    kms.disable_key(KeyId=kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["KeyId"])


def another_key(service: TwoRegions) -> None:
    kms = service.cloud.client("kms", TARGET)
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", MultiRegion=True)["KeyMetadata"]["KeyId"]
    kms.update_alias(AliasName=ALIAS, TargetKeyId=key)


def no_bucket(service: TwoRegions) -> None:
    service.cloud.client("s3", TARGET).delete_bucket(Bucket=bucket(TARGET))


def nothing_copied_into_the_bucket(service: TwoRegions) -> None:
    service.cloud.client("s3", SOURCE).delete_bucket_replication(Bucket=bucket(SOURCE))


def no_repository(service: TwoRegions) -> None:
    service.cloud.client("ecr", TARGET).delete_repository(repositoryName=IMAGES[1], force=True)


def no_image(service: TwoRegions) -> None:
    service.cloud.client("ecr", TARGET).batch_delete_image(repositoryName=IMAGES[0], imageIds=[{"imageTag": "first"}])


@pytest.mark.parametrize(
    ("without", "part"),
    [
        (no_key, "signing_key"),
        (disabled_key, "signing_key"),
        (another_key, "signing_key"),
        (no_bucket, "snapshot_store"),
        (nothing_copied_into_the_bucket, "snapshot_store"),
        (no_repository, "artifact_registry"),
        (no_image, "artifact_registry"),
    ],
)
def test_a_target_without_a_replica_is_refused_whatever_is_given_up(
    without: Callable[[TwoRegions], None], part: str, service: TwoRegions, tradeplane: Command
) -> None:
    without(service)
    found = told(tradeplane, "--to", TARGET, code=3)
    assert [one["part"] for one in found["refused"]] == [part]
    assert states(found) == READY | {part: "missing"}
    error = failed(tradeplane, "--to", TARGET, "--yes", "--source-lost", code=3)
    assert "tradeplane stack up prod" in error["remedy"]
    assert service.active().epoch == 1
    assert service.switched() == {SOURCE: (0, 0), TARGET: (0, 0)}


def bytes_waiting(service: TwoRegions) -> None:
    service.measured(SOURCE, TARGET, 4096, ago=timedelta(seconds=0))


def image_waiting(service: TwoRegions) -> None:
    service.push(SOURCE, IMAGES[0], "second")


def results_waiting(service: TwoRegions) -> None:
    service.push(SOURCE, RESULTS, "second")


def whole_repository_waiting(service: TwoRegions) -> None:
    service.cloud.client("ecr", SOURCE).create_repository(repositoryName="tradeplane/runs/trading/new")
    service.push(SOURCE, "tradeplane/runs/trading/new", "first")


@pytest.mark.parametrize(
    ("behind", "part", "what"),
    [
        (bytes_waiting, "snapshot_store", "4096 bytes"),
        (image_waiting, "artifact_registry", "1 of tradeplane/operator"),
        (results_waiting, "artifact_registry", "1 of tradeplane/runs/trading/cross"),
        (whole_repository_waiting, "artifact_registry", "1 of tradeplane/runs/trading/new"),
    ],
)
def test_a_target_that_is_behind_is_refused_unless_the_source_is_given_up(
    behind: Callable[[TwoRegions], None], part: str, what: str, service: TwoRegions, tradeplane: Command
) -> None:
    behind(service)
    error = failed(tradeplane, "--to", TARGET, "--yes", code=3)
    assert what in error["message"]
    assert "--source-lost" in error["remedy"]
    assert service.active().epoch == 1
    found = told(tradeplane, "--to", TARGET, "--yes", "--source-lost")
    assert (states(found)[part], found["active"]) == ("behind", TARGET)


def test_a_measurement_that_is_old_says_nothing_of_now(service: TwoRegions, tradeplane: Command) -> None:
    service.cloud.empty()
    service.make(measured_ago=timedelta(minutes=20))
    assert states(told(tradeplane, "--to", TARGET, code=3))["snapshot_store"] == "unknown"


def test_a_source_that_does_not_answer_is_given_up_by_name_alone(service: TwoRegions, tradeplane: Command) -> None:
    service.measured(SOURCE, TARGET, 512, ago=timedelta(seconds=0))
    with service.cloud.losing(SOURCE):
        error = failed(tradeplane, "--to", TARGET, "--yes", code=3)
        assert "512 bytes were waiting by the last measurement" in error["message"]
        assert "--source-lost" in error["remedy"]
        found = told(tradeplane, "--to", TARGET, "--yes", "--source-lost")
    assert states(found) == dict.fromkeys(READY, "unknown")
    assert (found["active"], found["epoch"], found["warnings"]) == (TARGET, 2, [])
    assert service.active().region == TARGET
    assert service.switched() == {SOURCE: (0, 1), TARGET: (1, 0)}


def test_what_was_given_up_is_told(service: TwoRegions, tradeplane: Command) -> None:
    with service.cloud.losing(SOURCE):
        ended = tradeplane("stack", "failover", "prod", "--to", TARGET, "--yes", "--source-lost")
    assert ended.code == 0, ended.err
    assert ended.out.count("given up: ") == 3
    assert f"how much is not copied into {bucket(TARGET)} yet is not known" in ended.out


def test_a_record_that_no_region_gives_is_moved_by_nobody(service: TwoRegions, tradeplane: Command) -> None:
    with service.cloud.losing(*RECORD):
        error = failed(tradeplane, "--to", TARGET, "--yes", "--source-lost", code=4)
    assert all(region in error["message"] for region in RECORD)
    assert service.active().epoch == 1


def test_a_target_that_does_not_answer_is_not_moved_to(service: TwoRegions, tradeplane: Command) -> None:
    with service.cloud.losing(TARGET):
        error = failed(tradeplane, "--to", TARGET, "--yes", "--source-lost", code=4)
    assert "us-east-1 cannot be reached" in error["message"]
    assert service.active().epoch == 1


def test_names_that_could_not_be_led_are_led_by_the_same_again(service: TwoRegions, tradeplane: Command) -> None:
    with service.cloud.losing(WITNESS):
        found = told(tradeplane, "--to", TARGET, "--yes")
    assert found["active"] == TARGET
    assert "run the same again" in found["warnings"][0]
    assert service.switched()[TARGET] == (0, 0)
    again = told(tradeplane, "--to", TARGET, "--yes")
    assert (again["done"], again["epoch"], again["warnings"]) == (False, 2, [])
    assert service.switched() == {SOURCE: (0, 1), TARGET: (1, 0)}


def test_where_it_is_already_nothing_is_moved(service: TwoRegions, tradeplane: Command) -> None:
    found = told(tradeplane, "--to", SOURCE, "--yes")
    assert (found["done"], found["epoch"], found["findings"]) == (False, 1, [])
    assert "already; nothing to move" in tradeplane("stack", "failover", "prod", "--to", SOURCE).out


@pytest.mark.parametrize("region", ["us-west-2", "eu-west-9", ""])
def test_a_region_that_is_none_of_the_service_is_refused(region: str, service: TwoRegions, tradeplane: Command) -> None:
    error = failed(tradeplane, "--to", region, "--yes", code=2)
    assert error["remedy"] == "name one of eu-west-1, us-east-1"
    assert service.active().epoch == 1


@pytest.mark.parametrize("code", ["AccessDeniedException", "ExpiredTokenException"])
def test_whoever_may_not_write_is_told_who_may(code: str, service: TwoRegions, tradeplane: Command) -> None:
    with service.cloud.failing("PutItem", code):
        error = failed(tradeplane, "--to", TARGET, "--yes", code=4)
    assert "failover.mover_roles" in error["remedy"]
    assert service.active().epoch == 1
    assert service.switched()[TARGET] == (0, 0)


def test_a_record_that_is_not_there_or_none_is_not_written_over(service: TwoRegions, tradeplane: Command) -> None:
    dynamo = service.cloud.client("dynamodb", RECORD[0])
    item = service.active().to_item()
    dynamo.put_item(TableName=TABLE, Item={**item, "epoch": {"N": "0"}})
    assert "epoch" in failed(tradeplane, "--to", TARGET, "--yes", code=2)["message"]
    dynamo.delete_item(TableName=TABLE, Key={"record": {"S": "active"}})
    assert "no record" in failed(tradeplane, "--to", TARGET, "--yes", code=2)["message"]
    dynamo.delete_table(TableName=TABLE)
    assert f"no table {TABLE}" in failed(tradeplane, "--to", TARGET, "--yes", code=2)["message"]


def test_what_is_not_configured_is_told_before_anything_is_asked(
    service: TwoRegions, tradeplane: Command, tmp_path: Path
) -> None:
    service.cloud.asked.clear()
    configure(tmp_path, {key: value for key, value in CONFIG.items() if key != "failover"})
    assert f"{PROJECT}:failover missing" in failed(tradeplane, "--to", TARGET, code=2)["message"]
    configure(tmp_path, {key: value for key, value in CONFIG.items() if key != "artifact_registry"})
    (problem,) = failed(tradeplane, "--to", TARGET, code=2)["problems"]
    assert problem["message"] == "needs artifact_registry, which is not configured"
    configure(tmp_path, CONFIG | {"snapshot_store": {**CONFIG["snapshot_store"], "regions": [SOURCE]}})
    (problem,) = failed(tradeplane, "--to", TARGET, code=2)["problems"]
    assert problem["field"] == f"{PROJECT}:failover"
    assert "snapshot_store.regions: us-east-1 missing" in problem["message"]
    configure(tmp_path, CONFIG | {"failover": {**CONFIG["failover"], "mover_roles": []}})
    (problem,) = failed(tradeplane, "--to", TARGET, code=2)["problems"]
    assert problem["field"] == f"{PROJECT}:failover.mover_roles"
    (tmp_path / "Pulumi.prod.yaml").unlink()
    assert "Pulumi.prod.yaml" in failed(tradeplane, "--to", TARGET, code=2)["message"]
    assert service.cloud.asked == []


def test_without_credentials_it_says_so(
    service: TwoRegions, tradeplane: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    error = failed(tradeplane, "--to", TARGET, code=4)
    assert "no credentials" in error["message"]
    assert service.active().epoch == 1


def test_a_region_to_which_nothing_connects_is_one_that_does_not_answer(
    service: TwoRegions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StackUnavailable, match=r"dynamodb of eu-west-1 cannot be reached.*dynamodb of eu-central-1"):
        mover(tmp_path).plan(TARGET)
    assert service.active().region == SOURCE
