import gzip
import json
import re
from importlib.metadata import distribution
from pathlib import Path

import pytest
from tradeplane_stacks.components.arm64_capacity import OFFERED, is_arm64, refuse_unoffered
from tradeplane_stacks.components.zones import refuse_foreign, zone_prefix

# Without importing moto, whose EC2 takes long to load.
RECORDED = Path(str(distribution("moto").locate_file("moto/ec2/resources/instance_type_offerings")))


def offerings(location_type: str, region: str) -> list[dict[str, str]]:
    """Return what AWS answered to DescribeInstanceTypeOfferings, as moto has it recorded."""
    packed = (RECORDED / location_type / f"{region}.json.gz").read_bytes()
    answered: list[dict[str, str]] = json.loads(gzip.decompress(packed))
    return answered


@pytest.mark.parametrize("region", sorted(OFFERED))
def test_every_family_of_the_table_is_offered_in_its_region(region: str) -> None:
    recorded = {offering["InstanceType"].partition(".")[0] for offering in offerings("region", region)}
    assert recorded >= OFFERED[region]
    assert all(is_arm64(f"{family}.large") for family in OFFERED[region])


def test_every_region_that_moto_has_recorded_is_in_the_table() -> None:
    recorded = {entry.name.removesuffix(".json.gz") for entry in (RECORDED / "region").iterdir()}
    assert recorded == set(OFFERED)


@pytest.mark.parametrize(
    "instance_type", ["m7g.large", "c8gn.48xlarge", "im4gn.large", "t4g.nano", "a1.metal", "x2gd.large"]
)
def test_graviton_is_told_by_its_name(instance_type: str) -> None:
    assert is_arm64(instance_type)


@pytest.mark.parametrize(
    "instance_type", ["m7i.large", "g4dn.xlarge", "g6.large", "c7a.large", "m7g", "t3.large", "trn1.2xlarge"]
)
def test_what_is_not_graviton_is_told_by_its_name(instance_type: str) -> None:
    assert not is_arm64(instance_type)


def test_what_a_region_offers_is_let_through() -> None:
    refuse_unoffered("us-east-1", ["m9g.large", "c7g.xlarge"])


def test_what_a_region_does_not_offer_is_refused_with_region_type_and_what_it_offers() -> None:
    with pytest.raises(
        ValueError, match=r"region me-central-1 offers no m9g\.large; me-central-1 offers c6g, m6g"
    ) as told:
        refuse_unoffered("me-central-1", ["m7g.large", "m9g.large"])
    assert str(told.value).endswith(", ".join(sorted(OFFERED["me-central-1"])))


def test_an_instance_type_that_is_not_arm64_is_refused() -> None:
    with pytest.raises(ValueError, match=r"m7i\.large is no arm64 \(Graviton\) instance type; eu-west-1 offers"):
        refuse_unoffered("eu-west-1", ["m7i.large"])


def test_a_region_that_is_not_in_the_table_is_refused_with_how_to_add_it() -> None:
    with pytest.raises(ValueError, match=r"region cn-north-1 is not in the table.*--region cn-north-1.* OFFERED"):
        refuse_unoffered("cn-north-1", ["m7g.large"])


@pytest.mark.parametrize("region", sorted(OFFERED))
def test_zone_ids_begin_as_those_that_aws_answers_do(region: str) -> None:
    answered = {offering["Location"] for offering in offerings("availability-zone-id", region)}
    assert {re.sub("-az[0-9]$", "", zone) for zone in answered} == {zone_prefix(region)}
    refuse_foreign(region, sorted(answered))


@pytest.mark.parametrize(
    ("zones", "message"),
    [
        (["euw1-az1", "euw1-az1"], "zones: each zone once"),
        (["euw1-az1", "euw2-az1"], "zones: euw2-az1 is not of eu-west-1, whose zones are euw1-az1"),
        (["eu-west-1a"], "zones: eu-west-1a is not of eu-west-1"),
    ],
)
def test_zones_of_elsewhere_are_refused(zones: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        refuse_foreign("eu-west-1", zones)
