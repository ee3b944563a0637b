"""What a stack says of a platform in its regions is read beside the parts that tell the rest of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tradeplane_stacks.components.platform_in_regions_config import PlatformInRegionsConfig
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.programs.cluster import CLUSTER_OF_REGION
from tradeplane_stacks.programs.platform import PLATFORM
from tradeplane_stacks.programs.program import ConfigurationRefused

from tests.unit.stacks.programs.documented import documented_platform
from tests.unit.stacks.programs.test_program import values

REGIONS = ("eu-west-1", "us-east-1")


def read(**changes: Any) -> dict[str, Any]:
    return dict(PLATFORM.read("prod", values("prod", platform=documented_platform(), **changes)))


def test_the_documented_example_is_right_with_what_the_others_say() -> None:
    found = read()["platform"]
    assert isinstance(found, PlatformInRegionsConfig)
    assert found.regions == REGIONS
    assert found.operator_role.endswith("role/tradeplane-operator")
    assert found.protected


def test_it_reads_the_cluster_of_each_of_its_regions() -> None:
    (part,) = (part for part in PLATFORM.parts if part.key == "platform")
    assert part.read_of(StackName("prod"), read()["platform"]) == tuple(
        (CLUSTER_OF_REGION, StackName("prod", region)) for region in REGIONS
    )


@pytest.mark.parametrize("key", ["signing_key", "snapshot_store", "artifact_registry"])
def test_what_it_is_made_by_has_to_be_there(key: str) -> None:
    with pytest.raises(ConfigurationRefused) as refused:
        read(**{key: None})
    assert [str(fault) for fault in refused.value.faults] == [
        f"tradeplane-platform:platform: needs {key}, which is not configured"
    ]


def test_a_region_that_the_others_do_not_have_is_named_with_each_of_them() -> None:
    wrong = documented_platform() | {"regions": ["eu-west-1", "eu-central-1"]}
    with pytest.raises(ConfigurationRefused) as refused:
        PLATFORM.read("prod", values("prod", platform=wrong))
    (fault,) = refused.value.faults
    assert fault.field == "tradeplane-platform:platform"
    for field in ("signing_key.replica_regions", "snapshot_store.regions", "artifact_registry.regions"):
        assert f"{field}: eu-central-1 missing" in fault.message


def test_an_image_without_a_digest_is_named_beside_all_else_that_is_wrong() -> None:
    wrong = documented_platform() | {"namespaces": [{"name": "kube-system"}]}
    wrong["images"] = wrong["images"] | {"operator": "tradeplane/operator:latest"}
    given = values("prod", platform=wrong) | {"signing_key": json.dumps({"primary_region": "eu-west-9"})}
    with pytest.raises(ConfigurationRefused) as refused:
        PLATFORM.read("prod", given)
    assert {fault.field for fault in refused.value.faults} >= {
        "tradeplane-platform:platform.images.operator",
        "tradeplane-platform:platform.namespaces.0.name",
        "tradeplane-platform:signing_key.primary_region",
    }
