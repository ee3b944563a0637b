"""A service of two regions is refused as a whole, before anything is made, where its parts do not fit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tradeplane_stacks.programs.platform import PLATFORM
from tradeplane_stacks.programs.program import ConfigurationRefused

from tests.unit.stacks.failover.service_config import CONFIG


def read(**changes: Any) -> set[str]:
    values = {key: value for key, value in (CONFIG | changes).items() if value is not None}
    return set(
        PLATFORM.read("prod", {key: json.dumps(v) if isinstance(v, dict | list) else v for key, v in values.items()})
    )


def test_a_service_whose_parts_are_in_each_region_is_read() -> None:
    assert read() == {"signing_key", "snapshot_store", "artifact_registry", "failover"}


def test_without_failover_nothing_has_to_fit() -> None:
    alone = {**CONFIG["snapshot_store"], "regions": ["eu-west-1"]}
    assert "failover" not in read(failover=None, snapshot_store=alone)


@pytest.mark.parametrize(
    ("key", "changes", "message"),
    [
        ("snapshot_store", {"regions": ["eu-west-1"]}, r"snapshot_store\.regions: us-east-1 missing"),
        ("signing_key", {"replica_regions": []}, r"signing_key\.replica_regions: us-east-1 missing"),
        ("artifact_registry", {"regions": ["us-east-1"]}, r"artifact_registry\.regions: eu-west-1 missing"),
    ],
)
def test_a_part_that_is_not_in_each_region_is_a_fault_of_the_configuration(
    key: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationRefused, match=message) as refused:
        read(**{key: {**CONFIG[key], **changes}})
    assert [fault.field for fault in refused.value.faults] == ["tradeplane-platform:failover"]


@pytest.mark.parametrize("key", ["signing_key", "snapshot_store", "artifact_registry"])
def test_a_part_that_is_not_configured_is_named(key: str) -> None:
    with pytest.raises(ConfigurationRefused, match=f"needs {key}, which is not configured"):
        read(**{key: None})
