"""The points of docs/determinism.md, each held to what it says where a user meets it.

The bits on every path, which they are for, are held to by test_paths.py.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from tradeplane_native import Generator, run_events
from tradeplane_store.records import BLOCK_ROWS, first_difference, table_digest
from tradeplane_workloads.events.feed import event_tape
from tradeplane_workloads.indicators import bollinger, zscore

from tests.event_tapes import Terms, random_tape
from tests.unit.workloads.sample_tapes import ASK, BEGIN, BID, LEVEL, TRADE, tape_of

if TYPE_CHECKING:
    from tradeplane_native import Desk, MarketTrade

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "determinism.md").read_text(encoding="utf-8")
SEED = 42
"""Of the numbers that the page shows."""
HASHED = """
from tests.event_tapes import Terms, random_tape
from tradeplane_native import PairsTrader, run_events
from tradeplane_workloads.events.feed import event_tape
tapes = [event_tape(random_tape(5_000, seed=one, first=one, step=2)) for one in (0, 1)]
pair = PairsTrader(quantity=(1, 1), window=20, entry=10**9, exit=0, first_ns=0, interval_ns=20_000_000)
print(run_events(tapes, [Terms(), Terms()], pair).digest)
"""


class Hears:
    """Writes down which trades it was told of, in their order."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, int]] = []

    def on_trade(self, _desk: Desk, trade: MarketTrade) -> None:
        self.heard.append((trade.instrument, trade.price))


def test_1_events_have_one_order_that_of_the_recorder() -> None:
    tapes = [random_tape(500, seed=one, trades=0.5, first=one, step=2) for one in (0, 1)]
    hears = Hears()
    run_events([event_tape(tape) for tape in tapes], [Terms(), Terms()], hears)
    rows = [
        (int(tape.sequence[row]), number, int(tape.price[row]))
        for number, tape in enumerate(tapes)
        for row in np.flatnonzero(tape.kind == TRADE)
    ]
    assert hears.heard == [(number, price) for _, number, price in sorted(rows)]
    assert len(hears.heard) > 300


def test_1_nothing_depends_on_the_order_of_hashes() -> None:
    def digest(seed: str) -> str:
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(CHECKOUT)}
        command = [sys.executable, "-c", HASHED]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=60).stdout

    assert digest("1") == digest("2") != ""


class Buys:
    """Buys a lot at the market at each trade."""

    def on_trade(self, desk: Desk, _trade: MarketTrade) -> None:
        desk.submit(1, 1)


@pytest.mark.parametrize(("price", "fee"), [(999, 0), (1_000, 0), (1_001, 1), (3_000, 2), (5_000, 2), (5_001, 3)])
def test_2_money_is_whole_billionths_rounded_half_to_even(price: int, fee: int) -> None:
    rows = [(0, 1, LEVEL, ASK, price, 9), (1, 2, TRADE, BID, price, 1), (2, 9, TRADE, BID, price, 1)]
    tape = event_tape(tape_of([(number, BEGIN + at, BEGIN + at, *rest) for number, at, *rest in rows]))  # type: ignore[misc]
    # A two thousandth of as many billionths as the price has ticks: 0.4995, 0.5, 0.5005, 1.5, 2.5 and 2.5005.
    terms = Terms(numerator=1, fee_tiers=[(0, 0, 500_000)], entry_ns=0, response_ns=0)
    assert run_events([tape], [terms], Buys()).holding()[2] == 2 * fee


def test_2_money_past_64_bits_is_exact() -> None:
    rows = [(0, 1, LEVEL, ASK, 1_002, 9), (1, 2, TRADE, BID, 1_002, 1), (2, 9, LEVEL, ASK, 1_002, 9)]
    tape = event_tape(tape_of([(number, BEGIN + at, BEGIN + at, *rest) for number, at, *rest in rows]))  # type: ignore[misc]
    large = 10**20 + 1
    run = run_events([tape], [Terms(numerator=large, entry_ns=0, response_ns=0)], Buys())
    assert run.holding()[1] == -1_002 * large


def test_3_what_is_not_a_number_has_one_form() -> None:
    payload = np.array([0xFFF8_0000_0000_0BAD], np.uint64).view(np.float64)[0]
    for series in (np.ones(30), np.concatenate([np.arange(15.0), [payload], np.arange(15.0)])):
        for line in (zscore(series, 5), *bollinger(series, 5)):
            undefined = line[np.isnan(line)].view(np.uint64)
            assert len(undefined)
            assert set(undefined.tolist()) == {0x7FF8_0000_0000_0000}


def shown(row: str) -> list[str]:
    """Return the values that the page has of a kind of random number."""
    (values,) = re.findall(rf"^\| {row}.*\| ([^|]+) \|$", PAGE, re.MULTILINE)
    return [value.strip("`") for value in values.split()]


def test_4_random_numbers_are_those_of_the_page() -> None:
    for kind, drawn in (("uniforms", Generator(SEED).uniform(4)), ("normals", Generator(SEED).normal(4))):
        assert [f"{bits:016x}" for bits in drawn.view(np.uint64).tolist()] == shown(kind)
    assert [str(number) for number in Generator(SEED).integers(0, 10, 12)] == shown("integers below 10")


def test_5_digests_are_of_records_and_not_of_how_they_are_held() -> None:
    values = np.arange(2.0 * BLOCK_ROWS + 5)
    values[7] = np.nan
    other = values.copy()
    other.view(np.uint64)[7] = 0xFFF8_0000_0000_0BAD
    whole = pa.table({"value": values})
    pieces = pa.table({"value": pa.chunked_array([other[:3], other[3:]])}).replace_schema_metadata({"host": "another"})
    assert table_digest(whole) == table_digest(pieces)


@pytest.mark.parametrize("row", [0, BLOCK_ROWS - 1, BLOCK_ROWS, 2 * BLOCK_ROWS + 4])
def test_5_the_first_block_that_differs_is_found_by_digests_alone(row: int) -> None:
    values = np.arange(2 * BLOCK_ROWS + 5)
    changed = values.copy()
    changed[row] += 1
    (digest, blocks), (another, others) = (table_digest(pa.table({"value": each})) for each in (values, changed))
    assert digest != another
    assert first_difference(blocks, others) == row // BLOCK_ROWS
    assert first_difference(blocks, blocks) is None
