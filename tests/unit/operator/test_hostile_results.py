"""What a pod of a tenant's may leave as a manifest: it is refused as a result, and harms no pass.

Its digests are those of what it says, since who writes it can take them; none of these can be written by a runner.
"""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from tradeplane_api.run import MAX_STATUS_FIGURE
from tradeplane_operator.observing.stores import check_results
from tradeplane_operator.planning.observed import ResultState

from tests.unit.operator.simulation import Server, SimulatedOperator, manifest_of


@pytest.fixture(scope="module")
def left() -> tuple[bytes, str]:
    """Return a manifest as a runner leaves it, and the name of its run."""
    server = Server()
    operator = SimulatedOperator(server)
    operator.lead()
    operator.settle()
    ((name, job),) = server.jobs.items()
    return manifest_of(job), name


def test_what_a_runner_leaves_is_taken(left: tuple[bytes, str]) -> None:
    facts = check_results(*left)
    assert facts.state is ResultState.FOUND
    assert facts.summary is not None


@pytest.mark.parametrize(
    ("at", "value", "field"),
    [
        (("parts", 0, "rows"), 2**53, "parts.0.rows"),
        (("summary", "trades"), -1, "summary.trades"),
        (("summary", "bars"), 2**63, "summary.bars"),
        (("summary", "totalReturn"), "a lot", "summary.totalReturn"),
        (("summary", "totalReturn"), "9" * (MAX_STATUS_FIGURE + 1), "summary.totalReturn"),
        (("summary", "sharpe"), "inf", "summary.sharpe"),
        (("summary", "maxDrawdown"), "0.1\n", "summary.maxDrawdown"),
        (("summary", "finalEquity"), "1" * 400, "summary.finalEquity"),
        (("summary", "start"), "once", "summary.start"),
        (("summary", "end"), "9999-12-31T00:00:00Z", "summary.end"),
    ],
)
def test_what_no_runner_leaves_is_refused_by_its_field(
    left: tuple[bytes, str], at: tuple[Any, ...], value: object, field: str
) -> None:
    data, name = left
    manifest = orjson.loads(data)
    place = manifest
    for step in at[:-1]:
        place = place[step]
    place[at[-1]] = value
    facts = check_results(orjson.dumps(manifest), name)
    assert facts.state is ResultState.REFUSED
    assert field in facts.message
