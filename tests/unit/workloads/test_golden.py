"""Results of the built-in strategies are those on record, to the bit."""

from __future__ import annotations

import json

import pytest
from tradeplane_workloads.strategies.registry import ON_BARS

from tests.unit.workloads.golden_results import CASES, FOLDER, result


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_result_is_the_one_on_record(name: str) -> None:
    assert result(name) == json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def test_every_built_in_strategy_is_on_record() -> None:
    assert sorted(CASES) == sorted(ON_BARS) == sorted(path.stem for path in FOLDER.glob("*.json"))
