"""A month is the sum of what has a price, and tells all that has none."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.estimate.configurations import configurations
from tradeplane_stacks.estimate.monthly import LEFT_OUT, Estimate, estimate
from tradeplane_stacks.estimate.price_table import PriceTable, price_table

from tests.unit.stacks.components import (
    snapshot_stores,
    test_metadata_database,
    test_region_cluster,
    test_region_network,
    test_signing_key,
)

ROOT = Path(__file__).parents[4]
ALL_BUT_SPOT = {
    "eks-cluster/hour": "0.10",
    "kms-key/month": "1",
    "ec2:m7i.xlarge/hour": "0.2",
    "ec2:m8g.xlarge/hour": "0.3",
    "ec2:m7g.xlarge/hour": "0.1",
    "ebs-gp3/GB-month": "0.01",
}
INTEL_ARM = [test_region_cluster.INTEL, test_region_cluster.ARM]


def table(prices: dict[str, str], region: str = "eu-west-1") -> PriceTable:
    source = {"source": "https://prices.example", "prices": {region: prices}}
    return PriceTable.parse({"read": "2026-01-31", "currency": "USD", "sources": [source]})


def of(config: Configuration, prices: dict[str, str]) -> Estimate:
    return estimate({"main/prod": {"part": config}}, table(prices))


def test_a_cluster_costs_between_its_fewest_and_its_most_nodes_and_by_the_types_that_aws_may_choose() -> None:
    found = of(test_region_cluster.config(node_groups=INTEL_ARM), ALL_BUT_SPOT)
    control = Decimal("73")
    intel, arm = (2 * 146, 6 * 146), (1 * 73, 4 * 219)
    disks = (Decimal("4.08"), Decimal("14.24"))  # 2 to 6 of 104 GB, 1 to 4 of 200 GB
    assert found.least == control + 3 + intel[0] + arm[0] + disks[0]
    assert found.most == control + 9 + intel[1] + arm[1] + disks[1]
    assert found.complete


def test_what_has_no_price_is_told_and_not_counted() -> None:
    whole = of(test_region_cluster.config(), ALL_BUT_SPOT)
    assert not whole.complete
    assert [(gap.item, gap.region, gap.part) for gap in whole.gaps] == [
        ("ec2-spot:c7g.2xlarge/hour", "eu-west-1", "part")
    ]
    assert not any("nodes runners (" in line.what for line in whole.lines)


def test_one_alternative_without_a_price_leaves_the_whole_group_out() -> None:
    prices = {item: price for item, price in ALL_BUT_SPOT.items() if "m8g" not in item}
    found = of(test_region_cluster.config(node_groups=INTEL_ARM), prices)
    assert [gap.item for gap in found.gaps] == ["ec2:m8g.xlarge/hour"]
    assert not any("nodes arm (" in line.what for line in found.lines)


def test_prices_of_another_region_are_not_taken() -> None:
    found = estimate(
        {"main/prod": {"part": test_signing_key.config()}}, table({"kms-key/month": "1"}, region="sa-east-1")
    )
    assert found.lines == ()
    assert {gap.region for gap in found.gaps} == set(test_signing_key.REGIONS)
    assert found.least == found.most == 0


def test_what_is_paid_by_use_is_listed_once_with_its_price_and_never_counted() -> None:
    network = test_region_network.config()
    dear = of(network, {"interface-endpoint/hour": "1", "interface-endpoint/GB": "1000", "kms-key/month": "1"})
    cheap = of(network, {"interface-endpoint/hour": "1", "kms-key/month": "1"})
    assert (dear.least, dear.most) == (cheap.least, cheap.most)
    prices = {use.item: use.price for use in dear.by_use}
    assert len(prices) == len(dear.by_use)
    assert prices["interface-endpoint/GB"] == 1000
    assert prices["logs-ingested/GB"] is None


def test_a_part_of_which_nothing_is_known_is_told() -> None:
    class Unknown(Configuration):
        size: int = 1

    found = of(Unknown(), ALL_BUT_SPOT)
    assert found.unpriced_parts == (("main/prod", "part"),)
    assert not found.complete


def test_stacks_and_parts_are_summed_apart_and_together() -> None:
    prices = {"kms-key/month": "1", "interface-endpoint/hour": "1"}
    parts: dict[str, Configuration] = {
        "key": test_signing_key.config(replica_regions=[]),
        "net": test_region_network.config(),
    }
    found = estimate({"a/prod": parts, "b/prod": parts}, table(prices))
    assert {key[:2] for key in found.by_part} == {(s, p) for s in ("a/prod", "b/prod") for p in ("key", "net")}
    assert sum(least for least, _ in found.by_part.values()) == found.least
    assert sum(most for _, most in found.by_part.values()) == found.most
    assert found.by_part["a/prod", "net", "eu-west-1"] == found.by_part["b/prod", "net", "eu-west-1"]


@given(st.dictionaries(st.sampled_from(sorted(ALL_BUT_SPOT)), st.decimals("0.0001", "100", places=4).map(str)))
def test_every_thing_that_stands_there_is_either_counted_or_a_gap(prices: dict[str, str]) -> None:
    found = of(test_region_cluster.config(), {"secret/month": "1", **prices})
    counted, missing = {line.what for line in found.lines}, {gap.what for gap in found.gaps}
    assert counted.isdisjoint(missing)
    everything = {
        line.what for line in of(test_region_cluster.config(), {**ALL_BUT_SPOT, "ec2-spot:c7g.2xlarge/hour": "1"}).lines
    }
    assert counted | missing == everything
    assert found.least <= found.most


def test_amounts_are_text_in_json_and_what_is_left_out_is_there() -> None:
    told: dict[str, Any] = json.loads(json.dumps(of(test_region_cluster.config(), ALL_BUT_SPOT).as_json()))
    assert told["total"]["least"].count(".") == 1
    assert told["missingPrices"][0]["item"] == "ec2-spot:c7g.2xlarge/hour"
    assert told["complete"] is False
    assert told["leftOut"] == list(LEFT_OUT)
    assert told["pricesRead"] == "2026-01-31"


def test_the_table_that_is_shipped_has_all_that_stands_in_us_east_1() -> None:
    here = {"region": "us-east-1"}
    zones = {"zones": ["use1-az1", "use1-az2", "use1-az4"], "nat": "per-zone"}
    parts: dict[str, Configuration] = {
        "network": test_region_network.config(**here, **zones),
        "cluster": test_region_cluster.config(**here, node_groups=INTEL_ARM, support="EXTENDED"),
        "database": test_metadata_database.config(**here, backup_region="eu-west-1"),
        "key": test_signing_key.config(),
        "store": snapshot_stores.config(),
    }
    found = estimate({"main/prod": parts}, price_table())
    assert found.complete, found.gaps
    assert found.least > 0


def test_the_example_of_prod_lacks_the_prices_that_docs_say() -> None:
    """docs/stacks/estimate.md says which, and why: one of what is counted, and a few of what is paid by use."""
    folders = tuple(ROOT / "stacks" / program for program in ("network", "cluster", "platform"))
    found = estimate(configurations(folders, "prod"), price_table())
    assert [(gap.region, gap.item) for gap in found.gaps] == [("eu-west-1", "rds-postgres:db.m7g.large/hour")]
    assert {(use.region, use.item) for use in found.by_use if use.price is None} == {
        ("eu-west-1", "s3-glacier-instant/GB-month"),
        ("us-east-1", "s3-glacier-instant/GB-month"),
        ("eu-west-1", "dynamodb-replicated-writes/1k-requests"),
        ("eu-central-1", "dynamodb-replicated-writes/1k-requests"),
        ("eu-central-1", "dynamodb-reads/1k-requests"),
    }


def test_parts_that_have_nothing_of_their_own_are_no_gap_in_the_example_of_prod() -> None:
    folders = tuple(ROOT / "stacks" / program for program in ("cluster", "platform"))
    found = configurations(folders, "prod")
    assert {"runners", "platform"} <= {part for parts in found.values() for part in parts}
    assert estimate(found, price_table()).unpriced_parts == ()
