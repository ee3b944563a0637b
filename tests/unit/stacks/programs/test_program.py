"""A stack's configuration is read whole before anything is made, and told with each field that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_stacks.automation.environment import stacks_in_order
from tradeplane_stacks.automation.stack import PROGRAMS
from tradeplane_stacks.components.region_cluster import RegionClusterConfig
from tradeplane_stacks.components.region_network import RegionNetworkConfig, refuse_overlapping
from tradeplane_stacks.components.signing_key import SigningKeyConfig
from tradeplane_stacks.components.snapshot_store_config import SnapshotStoreConfig
from tradeplane_stacks.components.stack_name import InvalidStackName
from tradeplane_stacks.programs.cluster import CLUSTER
from tradeplane_stacks.programs.network import NETWORK
from tradeplane_stacks.programs.platform import PLATFORM
from tradeplane_stacks.programs.program import ConfigurationRefused, Fault, Program

STACKS = Path(__file__).parents[4] / "stacks"
START = "tradeplane-platform:"
REGIONS = ("eu-west-1", "us-east-1")
OWNERSHIP = {"owner": "desk", "cost_center": "cc-7", "data_classification": "restricted"}


def values(stack: str, program: Program = PLATFORM, **changes: Any) -> dict[str, str]:
    """Return the example of a stack as Pulumi hands it to a program, with top-level keys changed or, by None, gone."""
    file = STACKS / program.folder / f"Pulumi.{stack}.yaml"
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))["config"]
    start = f"{program.project}:"
    own = {key.removeprefix(start): value for key, value in settings.items() if key.startswith(start)} | changes
    return {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in own.items() if value is not None
    }


def signing_key(stack: str, **changes: Any) -> dict[str, str]:
    """Return what an example says of the signing key alone, so that what it lacks is told of nothing else."""
    others = {part.key: None for part in PLATFORM.parts if part.key != "signing_key"}
    return values(stack, **(others | changes))


def faults(given_values: dict[str, str], program: Program = PLATFORM, stack: str = "prod") -> dict[str, str]:
    with pytest.raises(ConfigurationRefused) as refused:
        program.read(stack, given_values)
    return {fault.field: fault.message for fault in refused.value.faults}


@pytest.mark.parametrize(("stack", "regions"), [("sandbox", ("eu-west-1",)), ("prod", ("eu-west-1", "us-east-1"))])
def test_the_examples_are_valid(stack: str, regions: tuple[str, ...]) -> None:
    found = PLATFORM.read(stack, values(stack))["signing_key"]
    assert isinstance(found, SigningKeyConfig)
    assert found.regions == regions


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("program", [NETWORK, CLUSTER])
def test_the_examples_of_a_region_are_valid(program: Program, region: str) -> None:
    read = program.read(f"prod.{region}", values(f"prod.{region}", program))
    found = read.pop(program.folder)
    assert set(read) == ({"runners"} if (program, region) == (CLUSTER, "eu-west-1") else set())
    assert isinstance(found, RegionNetworkConfig | RegionClusterConfig)
    assert found.region == region


def test_the_examples_of_all_regions_go_together() -> None:
    networks = [NETWORK.read(f"prod.{region}", values(f"prod.{region}", NETWORK))["network"] for region in REGIONS]
    refuse_overlapping(network for network in networks if isinstance(network, RegionNetworkConfig))
    store = PLATFORM.read("prod", values("prod"))["snapshot_store"]
    assert isinstance(store, SnapshotStoreConfig)
    assert store.regions == REGIONS


def test_every_folder_of_a_program_is_one_of_its_project() -> None:
    for project, program in PROGRAMS.items():
        found = yaml.safe_load((STACKS / program.folder / "Pulumi.yaml").read_text(encoding="utf-8"))
        assert found["name"] == project == program.project


def test_a_stack_comes_after_those_that_it_reads() -> None:
    assert [(program.folder, stack) for program, stack in stacks_in_order("prod", REGIONS)] == [
        ("network", "prod.eu-west-1"),
        ("network", "prod.us-east-1"),
        ("cluster", "prod.eu-west-1"),
        ("cluster", "prod.us-east-1"),
        ("platform", "prod"),
    ]
    before: set[str] = set()
    for project, program in PROGRAMS.items():
        assert {one.project for part in program.parts for one in part.reads} <= before
        before.add(project)


def test_another_region_than_that_of_the_stack_is_refused() -> None:
    network = json.loads(values("prod.eu-west-1", NETWORK)["network"])
    wrong = values(
        "prod.eu-west-1",
        NETWORK,
        network=network | {"region": "eu-west-2", "zones": [f"euw2-az{n}" for n in (1, 2, 3)]},
    )
    assert faults(wrong, NETWORK, "prod.eu-west-1") == {
        "tradeplane-network:network.region": "eu-west-2 is not that of stack prod.eu-west-1"
    }


def test_a_stack_is_of_a_region_where_its_program_is_and_of_none_elsewhere() -> None:
    wrong = faults(values("prod.eu-west-1", NETWORK), NETWORK, "prod")
    assert "name one such as prod.eu-west-1" in wrong["tradeplane-network"]
    assert faults(values("prod"), PLATFORM, "prod.eu-west-1")["tradeplane-platform"] == (
        "there is one stack for all regions; name it prod"
    )
    with pytest.raises(InvalidStackName):
        NETWORK.read("prod.eu-west-9", values("prod.eu-west-1", NETWORK))


def test_what_runs_in_a_cluster_needs_the_cluster() -> None:
    runners = {
        "kind": "github",
        "url": "https://github.com/acme",
        "chart_version": "0.12.1",
        "credentials_secret": "github",
        "controller_image": f"ghcr.io/a/b:1@sha256:{'0' * 64}",
        "runner_image": f"ghcr.io/a/c:1@sha256:{'1' * 64}",
        "max_runners": 3,
    }
    both = values("prod.eu-west-1", CLUSTER, runners={"runners": runners})
    assert set(CLUSTER.read("prod.eu-west-1", both)) == {"cluster", "runners"}
    del both["cluster"]
    assert faults(both, CLUSTER, "prod.eu-west-1") == {
        "tradeplane-cluster:runners": "needs cluster, which is not configured"
    }


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"minimum_days": 3000}, "2555 days are fewer than the 3000"),
        ({"minimum_days": 1, "modes": ["GOVERNANCE"]}, "mode"),
    ],
)
def test_a_retention_below_its_policy_is_refused_before_anything_is_made(policy: dict[str, Any], said: str) -> None:
    wrong = faults(values("prod", retention_policy=policy))
    assert list(wrong) == [f"{START}snapshot_store"]
    assert said in wrong[f"{START}snapshot_store"]


def test_a_store_without_a_policy_is_refused() -> None:
    assert faults(values("prod", retention_policy=None)) == {
        f"{START}snapshot_store.retention_policy": "Field required"
    }


def test_what_is_shared_is_taken_where_a_part_does_not_say_it() -> None:
    key = json.loads(values("sandbox")["signing_key"])
    found = PLATFORM.read("sandbox", values("sandbox", ownership=OWNERSHIP))["signing_key"]
    assert isinstance(found, SigningKeyConfig)
    assert found.ownership.owner == "desk"
    own = values("sandbox", signing_key=key | {"ownership": OWNERSHIP | {"owner": "security"}})
    found = PLATFORM.read("sandbox", own)["signing_key"]
    assert isinstance(found, SigningKeyConfig)
    assert found.ownership.owner == "security"


def test_a_field_that_is_missing_is_named() -> None:
    assert faults(signing_key("prod", ownership=None)) == {f"{START}signing_key.ownership": "Field required"}


def test_a_shared_field_that_is_wrong_is_named_where_it_is_taken() -> None:
    wrong = faults(signing_key("prod", ownership=OWNERSHIP | {"owner": "two words"}))
    assert list(wrong) == [f"{START}signing_key.ownership.owner"]


def test_every_field_that_is_wrong_is_named_at_once() -> None:
    key = json.loads(values("prod")["signing_key"])
    wrong = faults(
        values("prod", signing_key=key | {"primary_region": "eu-west-9", "deletion_window_days": "long"}, registry="x")
    )
    assert set(wrong) == {
        f"{START}registry",
        f"{START}signing_key.primary_region",
        f"{START}signing_key.deletion_window_days",
    }
    assert "there are " in wrong[f"{START}registry"]
    assert "signing_key" in wrong[f"{START}registry"]


@pytest.mark.parametrize("key", ["text", '["a"]'])
def test_a_part_is_an_object(key: str) -> None:
    assert faults(values("prod") | {"signing_key": key}) == {
        f"{START}signing_key": "is to be an object of fields, not text or a list"
    }


def test_nothing_configured_is_refused() -> None:
    parts = ", ".join(sorted(part.key for part in PLATFORM.parts))
    nothing = {"tradeplane-platform": f"nothing is configured; give {parts}"}
    assert faults(signing_key("prod", signing_key=None)) == nothing
    assert faults({}) == nothing


def test_what_only_begins_as_json_is_refused_by_its_key() -> None:
    wrong = faults(values("prod") | {"ownership": "{owner: desk}"})
    assert f"{START}ownership" in wrong


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=30), max_size=4))
def test_whatever_is_given_is_read_or_refused_with_its_fields(given_values: dict[str, str]) -> None:
    refused: tuple[Fault, ...] = ()
    try:
        PLATFORM.read("sandbox", values("sandbox") | given_values)
    except ConfigurationRefused as error:
        refused = error.faults
    known = {name for part in PLATFORM.parts for name in (part.key, *part.config.model_fields)}
    unknown = given_values.keys() - known
    assert {f"{START}{key}" for key in unknown} <= {fault.field for fault in refused}
    assert all(fault.field.startswith("tradeplane-platform") and fault.message for fault in refused)
