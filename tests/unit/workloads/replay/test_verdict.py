"""What is altered fails the right verdict: an order the one on decisions, a fill the one on execution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.parity import Parity
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.replay.verdict import judge

from tests.unit.workloads.sample_results import sample_result

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_api.run import Summary

EXACT, DIVERGED = Parity.EXACT, Parity.DIVERGED
SUBMIT, OPEN, FILL = 0, 5, 7


@dataclass(frozen=True)
class Ran:
    """A run by hand: tables and figures."""

    parts: dict[str, pa.Table]
    summary: Summary

    def tables(self) -> dict[str, pa.Table]:
        return self.parts


def on_tapes() -> Ran:
    """Two orders, each sent, accepted, and filled."""
    rows = [(event, number, 100 + number, 0 if event == SUBMIT else 50 + number) for number in (1, 2)
            for event in (SUBMIT, OPEN, FILL)]  # fmt: skip
    event, order, price, time = zip(*rows, strict=True)
    log = pa.table(
        {
            "event": pa.array(event, pa.uint8()),
            "order": pa.array(order, pa.uint64()),
            "price": pa.array(price, pa.int64()),
            "exchange_time": pa.array(time, pa.int64()),
        }
    )
    sample = sample_result()
    trades = pa.table({"sequence": pa.array([0, 1], pa.int64()), "price": pa.array([101, 102], pa.int64())})
    return Ran({**sample.tables(), "trades": trades, "events": log}, sample.summary)


def on_bars() -> Ran:
    trades = pa.table(
        {
            "decision_time_ns": pa.array([1, 2], pa.int64()),
            "instrument": pa.array(["A", "A"]),
            "side": pa.array(["Buy", "Sell"]),
            "quantity": pa.array([5, 5], pa.int64()),
            "reason": pa.array(["Signal", "Signal"]),
            "price": pa.array([101, 102], pa.int64()),
        }
    )
    sample = sample_result()
    return Ran({**sample.tables(), "trades": trades}, sample.summary)


def altered(ran: Ran, part: str, row: int, column: str, value: Any) -> Ran:
    table = ran.parts[part]
    values = table.column(column).to_pylist()
    values[row] = value
    index = table.column_names.index(column)
    changed = table.set_column(index, column, pa.array(values, table.schema.field(column).type))
    return replace(ran, parts={**ran.parts, part: changed})


@pytest.mark.parametrize("ran", [on_tapes, on_bars])
def test_the_same_again_is_exact(ran: Callable[[], Ran]) -> None:
    verdict = judge(ran(), ran())
    assert (verdict.decisions, verdict.execution, verdict.exact, verdict.divergence) == (EXACT, EXACT, True, None)
    assert (verdict.fills, verdict.fills_matched, verdict.pnl_difference) == (2, 2, "0.000000000")


def test_an_order_that_differs_is_a_decision() -> None:
    verdict = judge(on_tapes(), altered(on_tapes(), "events", 3, "price", 999))
    assert (verdict.decisions, verdict.execution) == (DIVERGED, EXACT)
    assert verdict.divergence is not None
    found = verdict.divergence
    assert (found.part, found.sequence, found.field, found.expected, found.got) == ("events", 3, "price", "102", "999")


def test_a_fill_that_differs_is_execution() -> None:
    verdict = judge(on_tapes(), altered(altered(on_tapes(), "events", 5, "price", 999), "trades", 1, "price", 999))
    assert (verdict.decisions, verdict.execution, verdict.fills_matched) == (EXACT, DIVERGED, 1)
    assert verdict.divergence is not None
    assert (verdict.divergence.part, verdict.divergence.sequence) == ("events", 5)


def test_equity_alone_is_execution_and_has_its_difference() -> None:
    other = replace(on_tapes(), summary=on_tapes().summary.model_copy(update={"final_equity": "1012.500000000"}))
    verdict = judge(on_tapes(), other)
    assert (verdict.decisions, verdict.execution, verdict.divergence) == (EXACT, DIVERGED, None)
    assert verdict.pnl_difference == "2.500000000"
    assert not verdict.exact


@pytest.mark.parametrize(
    ("column", "value", "decisions"), [("quantity", 6, DIVERGED), ("side", "Sell", DIVERGED), ("price", 7, EXACT)]
)
def test_of_bars_what_was_decided_is_told_from_what_came_of_it(column: str, value: Any, decisions: Parity) -> None:
    verdict = judge(on_bars(), altered(on_bars(), "trades", 0, column, value))
    assert (verdict.decisions, verdict.execution, verdict.fills_matched) == (decisions, DIVERGED, 1)


@given(st.integers(0, 5), st.sampled_from(["event", "order", "price", "exchange_time"]), st.integers(1_000, 2_000))
def test_no_altered_record_of_the_log_is_exact(row: int, column: str, value: int) -> None:
    if column == "event":
        value %= 200
    ran = on_tapes()
    if ran.parts["events"].column(column)[row].as_py() == value:
        value += 1
    verdict = judge(ran, altered(ran, "events", row, column, value))
    assert not verdict.exact
    assert verdict.divergence is not None
    assert (verdict.divergence.sequence, verdict.divergence.field) == (row, column)


def test_a_value_beyond_all_measure_is_cut() -> None:
    ran = altered(on_bars(), "trades", 0, "instrument", "X" * 10_000)
    verdict = judge(on_bars(), ran)
    assert verdict.divergence is not None
    assert len(verdict.divergence.got or "") == 256


def test_a_run_on_bars_is_no_replay_of_one_on_tapes() -> None:
    with pytest.raises(DataRefused, match="one is a run on bars"):
        judge(on_tapes(), on_bars())
