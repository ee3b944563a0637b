"""Both sides of a replayed session in figures: alike where nothing differs, and what differs has another digest."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tradeplane_api.parity import Parity, ReplayFigures
from tradeplane_store.canonical import canonical_json
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.replay.figures import Latencies
from tradeplane_workloads.strategies.protocol import OrderEvent

from tests.unit.workloads.replay.sessions_on_record import REPORT, change_parameter, forge, on_fill, replayed, traded
from tests.unit.workloads.sessions.forgery import OUTCOME, Frame
from tests.unit.workloads.sessions.trading_floor import STEP_NS, Floor, exchange_of, journal_of

if TYPE_CHECKING:
    from tradeplane_workloads.replay.sessions import SessionReplay

TIMER = 3


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store((tmp_path / "store").as_uri(), create=True)


def differing(found: SessionReplay) -> set[str]:
    """Return the figures in which the two sides differ."""
    ours, theirs = found.compared.expected, found.compared.got
    return {name for name in ReplayFigures.model_fields if getattr(ours, name) != getattr(theirs, name)}


def test_a_session_that_is_exact_has_the_same_figures_twice(tmp_path: Path, store: ObjectStore) -> None:
    found = replayed(store, traded(tmp_path))

    assert found.verdict.exact
    assert found.compared.expected == found.compared.got
    assert found.digests[0] == found.digests[1]
    figures = found.compared.expected
    assert figures.orders > figures.fills > 10
    assert figures.fills == found.verdict.fills
    assert figures.pnl != "0"
    assert figures.latency is not None
    assert 0 < figures.latency.orders <= figures.orders


def test_without_a_record_the_figures_are_those_of_the_log(tmp_path: Path, store: ObjectStore) -> None:
    found = replayed(store, traded(tmp_path), record=False)

    assert found.verdict.execution is Parity.UNJUDGED
    assert found.compared.expected == found.compared.got
    assert found.compared.got.fills > 10
    assert found.digests[0] == found.digests[1]


def test_a_latency_is_from_the_decision_to_the_first_report(tmp_path: Path, store: ObjectStore) -> None:
    def late(floor: Floor) -> None:
        floor.held = True

    floor = Floor(tmp_path)
    floor.trade(300, faults={0: late})
    floor.close()
    latency = replayed(store, floor).compared.expected.latency

    assert latency is not None
    assert 200 * STEP_NS < latency.most < 300 * STEP_NS  # the first quotes are sent soon, and answered at the end


@pytest.mark.parametrize(
    ("field", "flip", "figures"),
    [
        ("price", 1 << 12, {"pnl", "pnl_digest", "fills_digest"}),
        ("taker", True, {"pnl", "pnl_digest", "fills_digest"}),  # the fee is another
        ("quantity", 1, {"pnl", "pnl_digest", "fills_digest"}),
    ],
)
def test_a_fill_told_otherwise_has_another_digest_of_fills(
    tmp_path: Path, store: ObjectStore, field: str, flip: int, figures: set[str]
) -> None:
    found = replayed(store, traded(tmp_path, on_fill(9, lambda report: [report | {field: report[field] ^ flip}])))

    assert found.verdict.decisions is Parity.EXACT
    assert differing(found) == figures
    assert found.digests[0] != found.digests[1]


def test_a_decided_order_that_was_altered_has_another_digest_of_orders(tmp_path: Path, store: ObjectStore) -> None:
    floor = traded(tmp_path)

    def alter(parts: list[Frame]) -> None:
        decided = [one for one in parts if one.kind == OUTCOME and one.payload[24] == OrderEvent.SUBMIT]
        decided[-1].payload[43] ^= 1  # of the quantity

    forge(floor, alter)
    found = replayed(store, floor)

    assert found.verdict.decisions is Parity.DIVERGED
    assert "orders_digest" in differing(found)
    assert found.digests[0] != found.digests[1]


@pytest.mark.parametrize("with_header", [False, True])
def test_a_changed_parameter_has_another_digest_of_orders(
    tmp_path: Path, store: ObjectStore, with_header: bool
) -> None:
    floor = traded(tmp_path)
    change_parameter(floor, with_header=with_header)
    found = replayed(store, floor)

    assert {"orders", "orders_digest"} <= differing(found)
    assert not {"fills", "fills_digest", "pnl"} & differing(found)  # by the exchange's record
    assert (found.compared.got.orders > 0) == with_header
    assert found.digests[0] != found.digests[1]


def test_what_changes_no_figure_changes_the_digest_of_them_all(tmp_path: Path, store: ObjectStore) -> None:
    floor = traded(tmp_path)

    def alter(parts: list[Frame]) -> None:
        last = [one for one in parts if one.kind == REPORT][-1]
        last.payload[12] ^= 1  # of the time at the exchange; nothing is sent after it

    forge(floor, alter)
    found = replayed(store, floor, record=False)

    assert found.verdict.decisions is Parity.DIVERGED
    assert not differing(found)
    assert found.digests[0] != found.digests[1]


def test_what_a_crash_kept_out_of_the_journal_does_not_count(tmp_path: Path, store: ObjectStore) -> None:
    floor = traded(tmp_path, end=False)

    def alter(parts: list[Frame]) -> None:
        last = max(place for place, one in enumerate(parts) if one.kind == OUTCOME and parts[place - 1].kind == TIMER)
        assert parts[last].payload[24] in (OrderEvent.SUBMIT, OrderEvent.ASK_CANCEL)
        del parts[last:]

    whole = len(journal_of(floor))
    forge(floor, alter)
    assert len(journal_of(floor)) < whole
    found = replayed(store, floor, record=False)

    assert found.verdict.decisions is Parity.EXACT
    assert found.compared.expected == found.compared.got


def test_another_simulation_is_judged_by_what_it_decides(tmp_path: Path, store: ObjectStore) -> None:
    floor = traded(tmp_path)
    recorded = floor.specification.simulation
    richer = recorded.model_copy(update={"capital": "1000001"})
    parameters = recorded.algorithm.parameters | {"halfSpreadTicks": 3}
    wider = recorded.model_copy(update={"algorithm": recorded.algorithm.model_copy(update={"parameters": parameters})})

    same = replayed(store, floor, simulation=richer)
    assert same.verdict.exact
    assert same.digests[0] == same.digests[1]

    other = replayed(store, floor, simulation=wider)
    assert (other.verdict.decisions, other.verdict.execution) == (Parity.DIVERGED, Parity.EXACT)
    assert other.verdict.divergence is not None
    assert (other.verdict.divergence.part, other.verdict.divergence.field) == ("journal", "row 0 price")
    assert other.verdict.divergence.sequence > 0


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Floor:
    return traded(tmp_path_factory.mktemp("floor"), exchange=exchange_of(synthetic={"messages": 100}))


@settings(max_examples=15)
@given(which=st.integers(0), at=st.integers(0), bit=st.integers(0, 7))
@example(which=0, at=475, bit=7)  # a report that is told centuries later
def test_no_bit_turns_over_without_another_digest(short: Floor, which: int, at: int, bit: int) -> None:
    def alter(parts: list[Frame]) -> None:
        ours = [one for one in parts if one.kind in (REPORT, OUTCOME)]
        payload = ours[which % len(ours)].payload
        payload[at % len(payload)] ^= 1 << bit

    path = short.session_folder / "journal"
    whole = path.read_bytes()
    try:
        forge(short, alter)
        with tempfile.TemporaryDirectory() as folder, suppress(DataRefused):  # it says nothing that a session writes
            found = replayed(open_store(Path(folder).as_uri()), short, record=False)
            assert found.verdict.diverged
            assert found.digests[0] != found.digests[1]
    finally:
        path.write_bytes(whole)


def test_a_record_that_says_nothing_is_refused_by_its_number(tmp_path: Path, store: ObjectStore) -> None:
    floor = traded(tmp_path)

    def alter(parts: list[Frame]) -> None:
        first = next(one for one in parts if one.kind == OUTCOME)
        first.payload[0] ^= 1  # of the number of its rows

    forge(floor, alter)
    with pytest.raises(DataRefused, match=r"record \d+ says nothing that a session writes"):
        replayed(store, floor)


def test_no_order_has_no_latency() -> None:
    assert Latencies(np.empty(0, np.uint64), np.empty(0, np.int64)).figures() is None


@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.dictionaries(st.integers(0, 9), st.integers(-(2**63), 2**63 - 1)))
def test_whatever_the_clock_did_a_latency_can_be_told(decided: list[int], answered: dict[int, int]) -> None:
    found = Latencies.between(enumerate(decided), answered)

    assert found.orders.tolist() == [order for order in range(len(decided)) if order in answered]
    for order, took in zip(found.orders.tolist(), found.nanoseconds.tolist(), strict=True):
        there = answered[order] - decided[order]
        assert took == there if 0 <= there < 2**53 else took in (0, 2**53 - 1)
    figures = found.figures()
    assert figures is None or canonical_json(figures)


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=300))
def test_percentiles_are_latencies_that_so_many_do_not_exceed(taken: list[int]) -> None:
    orders = np.arange(len(taken), dtype=np.uint64)
    figures = Latencies(orders, np.array(taken, np.int64)).figures()

    assert figures is not None
    assert (figures.orders, figures.most) == (len(taken), max(taken))
    for percent, value in ((50, figures.median), (90, figures.p90), (99, figures.p99)):
        assert value in taken
        assert sum(one <= value for one in taken) * 100 >= percent * len(taken)
        assert sum(one < value for one in taken) * 100 < percent * len(taken)
