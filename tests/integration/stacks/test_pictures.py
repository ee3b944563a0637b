"""Pictures are of what the programs ask for now, what runs in clusters among it, and show all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.pictures.__main__ import drawn, generated, stale
from tradeplane_stacks.pictures.drawing import NOWHERE, cells, kind
from tradeplane_stacks.pictures.page import picture_path

from tests.integration.stacks.conftest import ROOT

if TYPE_CHECKING:
    from tradeplane_stacks.pictures.asking import Drawn


@pytest.fixture(scope="module")
def found() -> dict[str, list[Drawn]]:
    return drawn(ROOT)


def test_what_is_checked_in_is_what_would_be_drawn(found: dict[str, list[Drawn]]) -> None:
    assert stale(ROOT, generated(found)) == [], "draw them anew: python -m tradeplane_stacks.pictures"


def test_every_program_is_drawn_with_all_that_it_asks_for(found: dict[str, list[Drawn]]) -> None:
    assert set(found) == {file.parent.name for file in (ROOT / "stacks").glob("*/Pulumi.yaml")}
    files = generated(found)
    for name, stacks in found.items():
        assert stacks
        assert all(stack.resources for stack in stacks)
        text = files[picture_path(name)]
        assert all(kind(one.type) in text for stack in stacks for one in stack.resources)


def test_what_runs_in_a_cluster_is_in_the_cluster_s_region(found: dict[str, list[Drawn]]) -> None:
    (platform,) = found["platform"]
    of_clusters = [one for one in platform.resources if one.type.startswith("kubernetes:")]
    assert {(one.component, one.region) for one in of_clusters} == {
        ("Platform", "eu-west-1"),
        ("Platform", "us-east-1"),
    }
    runners = {one.region for stack in found["cluster"] for one in stack.resources if one.component == "Arm64Runners"}
    assert runners == {"eu-west-1"}
    assert {region for _, region in cells(found["local"][0].resources)} == {NOWHERE}
