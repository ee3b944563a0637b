"""Demos side by side: each has a folder of its own in the checkout, which goes with it."""

from __future__ import annotations

import pytest
from tradeplane_stacks.demo.folder import generated_folder
from tradeplane_stacks.images.settings import CHECKOUT
from tradeplane_stacks.local.settings import Settings


@pytest.mark.parametrize("environment", [{}, {"TRADEPLANE_INSTANCE": ""}, {"TRADEPLANE_INSTANCE": Settings.instance}])
def test_the_default_instance_has_the_folder_of_the_documentation(environment: dict[str, str]) -> None:
    assert generated_folder(environment) == CHECKOUT / "build/demo"


def test_another_instance_has_another_folder() -> None:
    assert generated_folder({"TRADEPLANE_INSTANCE": "second"}) == CHECKOUT / "build/demo-second"


@pytest.mark.parametrize("instance", ["../..", "x/../../docs", ".", "a b"])
def test_what_is_no_name_leads_nowhere_else(instance: str) -> None:
    assert generated_folder({"TRADEPLANE_INSTANCE": instance}) == CHECKOUT / "build/demo"
