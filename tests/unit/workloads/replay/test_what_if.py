"""Runs that are replayed with something changed, against another run, or within a tolerance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tradeplane_api.parity import Baseline, Parity, ReplayRecord, ReplaySpecification, Tolerance, WhatIf
from tradeplane_api.simulation import Algorithm, Simulation
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.exchange.market import tapes_of
from tradeplane_workloads.market.snapshots import write_snapshot, write_tapes
from tradeplane_workloads.replay.again import replay_of, run_again
from tradeplane_workloads.replay.what_if import changed
from tradeplane_workloads.results import read_results_manifest, results_digest
from tradeplane_workloads.runner.execution import run
from tradeplane_workloads.strategies.registry import find_strategy

from tests.unit.workloads.sample_bars import SOURCE, series
from tests.unit.workloads.sample_results import specification
from tests.unit.workloads.sessions.trading_floor import FEES, QUOTING, exchange_of

if TYPE_CHECKING:
    from tradeplane_api.run import RunSpecification

SLIPPAGE = "0.01"
"""So little that no quantity is another."""
UNJUDGED = (Parity.UNJUDGED, Parity.UNJUDGED)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ObjectStore:
    """Return a store with finished runs: ``bars``, ``costly`` on the same bars, and ``tapes``."""
    made = open_store((tmp_path_factory.mktemp("stores") / "store").as_uri(), create=True)
    closes = [10_000 + 7 * (day % 13) - 5 * (day % 7) for day in range(120)]
    bars = write_snapshot(made, [series("A", closes)], [SOURCE]).id
    run(_crossing(bars, "bars"), made)
    run(_crossing(bars, "costly", costs={"slippageBasisPoints": SLIPPAGE}), made)
    tapes = write_tapes(made, list(tapes_of(exchange_of(), None)), [SOURCE]).id
    asked = specification(tapes, run="tapes", algorithm="market-maker", capital="1000000", execution={"fees": FEES})
    algorithm = Algorithm(name="market-maker", parameters=QUOTING)
    simulation = asked.simulation.model_copy(update={"algorithm": algorithm})
    run(asked.model_copy(update={"simulation": simulation}), made)
    return made


def _crossing(bars: str, name: str, **simulation: Any) -> RunSpecification:
    """Return a run that trades often, a few lots each time."""
    asked = specification(bars, run=name, **simulation)
    algorithm = Algorithm(name="sma-cross", parameters={"fast": 2, "slow": 4})
    update = {"algorithm": algorithm, "capital": "1050"}
    return asked.model_copy(update={"simulation": asked.simulation.model_copy(update=update)})


def again(store: ObjectStore, name: str, what_if: dict[str, Any] | None = None, **asked: Any) -> ReplayRecord:
    given = None if what_if is None else WhatIf.model_validate(what_if)
    return run_again(replay_of(store, name, "p1", what_if=given, **asked), store, say=lambda _: None)


def parities(record: ReplayRecord) -> tuple[Parity, Parity]:
    return record.verdict.decisions, record.verdict.execution


def test_other_costs_are_compared_and_not_judged(store: ObjectStore) -> None:
    record = again(store, "bars", {"costs": {"slippageBasisPoints": SLIPPAGE}})

    assert parities(record) == UNJUDGED
    assert not record.verdict.diverged
    assert record.schema_version == 2
    assert record.result_digest == read_results_manifest(store, "costly").result_digest != record.baseline_digest
    assert record.compared is not None
    expected, got = record.compared.expected, record.compared.got
    assert expected.orders == got.orders > 0
    assert float(got.pnl) - float(expected.pnl) == pytest.approx(float(record.verdict.pnl_difference))
    assert float(record.verdict.pnl_difference) < 0
    assert got.latency is None


def test_other_parameters_take_the_place_of_those_recorded(store: ObjectStore) -> None:
    record = again(store, "bars", {"parameters": {"fast": 3, "slow": 9}})
    assert parities(record) == UNJUDGED
    assert record.compared is not None
    assert record.compared.expected.orders_digest != record.compared.got.orders_digest


def test_on_tapes_latency_and_fees_can_be_others(store: ObjectStore) -> None:
    slow = again(store, "tapes", {"latency": {"entryNanoseconds": 3_000_000, "responseNanoseconds": 2_000_000}})
    assert parities(slow) == UNJUDGED
    assert slow.compared is not None
    assert slow.compared.expected.latency is not None
    assert slow.compared.got.latency is not None
    assert slow.compared.expected.latency.most == 0
    assert slow.compared.got.latency.median == 5_000_000

    free = again(store, "tapes", {"fees": {"tiers": []}})
    assert free.compared is not None
    assert free.compared.got.orders_digest == free.compared.expected.orders_digest
    assert float(free.compared.got.pnl) > float(free.compared.expected.pnl)


@pytest.mark.parametrize(
    ("name", "what_if", "words"),
    [
        ("bars", {"fees": {}}, "whatIf.fees: a run on bars has costs"),
        ("bars", {"latency": {}}, "whatIf.latency: a run on bars has costs"),
        ("tapes", {"costs": {}}, "whatIf.costs: what trades on events has fees and latency"),
        ("bars", {"parameters": {"speed": 1}}, "there is no such parameter; it takes fast, slow"),
    ],
)
def test_what_a_run_does_not_have_is_not_changed(
    store: ObjectStore, name: str, what_if: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidSpecification, match=words):
        again(store, name, what_if)


def test_what_is_not_changed_stays(store: ObjectStore) -> None:
    asked = Simulation.model_validate(
        {"algorithm": {"name": "x", "parameters": {"a": 1, "b": 2}}, "capital": "5", "execution": {"periodSeconds": 7}}
    )
    made = changed(asked, WhatIf.model_validate({"parameters": {"b": 3}, "fees": FEES}), on_events=True)
    assert made.algorithm.parameters == {"a": 1, "b": 3}
    assert made.execution is not None
    assert (made.execution.period_seconds, made.execution.fees) == (7, WhatIf.model_validate({"fees": FEES}).fees)
    assert asked.algorithm.parameters == {"a": 1, "b": 2}
    assert made.capital == "5"


def against(store: ObjectStore, run: str, other: str, **fields: Any) -> ReplayRecord:
    asked = ReplaySpecification(
        format_version=2,
        replay="p1",
        baseline=Baseline(run=run, manifest=results_digest(store, run)),
        against=Baseline(run=other, manifest=results_digest(store, other)),
        **fields,
    )
    return run_again(asked, store, say=lambda _: None)


def test_another_run_is_the_baseline(store: ObjectStore) -> None:
    record = against(store, "bars", "costly")
    assert parities(record) == (Parity.EXACT, Parity.DIVERGED)
    assert record.baseline_digest == read_results_manifest(store, "costly").result_digest
    assert record.compared is not None
    assert record.compared.expected.orders_digest == record.compared.got.orders_digest
    assert record.compared.expected.fills_digest != record.compared.got.fills_digest


def test_a_run_on_bars_is_not_compared_with_one_on_tapes(store: ObjectStore) -> None:
    with pytest.raises(DataRefused, match="one is a run on bars and the other on tapes"):
        against(store, "bars", "tapes")


@pytest.mark.parametrize(
    ("tolerance", "execution"),
    [
        ({"pnl": "1000", "fillPrice": "1", "fillQuantity": "1000"}, Parity.WITHIN),
        ({"pnl": "1000", "fillPrice": "0.0001", "fillQuantity": "1000"}, Parity.DIVERGED),
        ({"fillPrice": "1", "fillQuantity": "1000"}, Parity.DIVERGED),
    ],
)
def test_within_a_tolerance_another_outcome_does_not_diverge(
    store: ObjectStore, tolerance: dict[str, Any], execution: Parity
) -> None:
    record = against(store, "bars", "costly", tolerance=Tolerance.model_validate(tolerance))
    assert parities(record) == (Parity.EXACT, execution)
    assert record.verdict.divergence is not None
    assert record.baseline_digest != record.result_digest


def test_what_is_exact_is_exact_within_a_tolerance(store: ObjectStore) -> None:
    for name in ("bars", "tapes"):
        record = again(store, name, tolerance=Tolerance())
        assert parities(record) == (Parity.EXACT, Parity.EXACT)
        assert record.baseline_digest == record.result_digest
        assert record.compared is not None
        assert record.compared.expected == record.compared.got


def test_other_decisions_are_within_no_tolerance(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    cross = type(find_strategy("sma-cross"))
    monkeypatch.setattr(cross, "targets", lambda _self, bars, _parameters, _rng: np.ones(bars.close.shape))
    wide = Tolerance(pnl="1000000", fill_price="1000000", fill_quantity="1000000")
    record = again(store, "bars", tolerance=wide)
    assert record.verdict.decisions is Parity.DIVERGED
    assert record.verdict.diverged


def test_what_asks_for_no_more_than_version_1_is_recorded_as_it_was(store: ObjectStore) -> None:
    record = again(store, "bars")
    assert (record.schema_version, record.compared, record.specification.format_version) == (1, None, 1)
