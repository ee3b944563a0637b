"""Made-up order flow is what it says: whole, in order, with books that never cross, and the same from the same seed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tradeplane_workloads.errors import InvalidSpecification
from tradeplane_workloads.market.synthetic import DEPTH, FLOWS, Flow, make_tapes, synthetic_tapes

if TYPE_CHECKING:
    from tradeplane_workloads.market.tapes import Tape

SMALL = replace(FLOWS["pair"], messages=5_000)


def books(tape: Tape) -> list[tuple[int, int, int]]:
    """Return best bid, best ask and number of levels after each message, kept row by row."""
    sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
    found = []
    rows = zip(
        tape.sequence.tolist(), tape.kind.tolist(), tape.side.tolist(), tape.price.tolist(), tape.quantity.tolist(),
        strict=True,
    )  # fmt: skip
    last = None
    for sequence, kind, side, price, quantity in rows:
        if last is not None and sequence != last:
            found.append((max(sides[0]), min(sides[1]), len(sides[0]) + len(sides[1])))
        last = sequence
        if kind == 2:
            sides[side - 1][price] = quantity
            if not quantity:
                del sides[side - 1][price]
    return found


@pytest.mark.parametrize("index", [0, 1])
def test_a_book_has_all_its_levels_and_bids_lie_next_to_asks(index: int) -> None:
    found = books(make_tapes(SMALL)[index])
    assert {ask - bid for bid, ask, _ in found} == {1}
    assert {levels for _, _, levels in found} == {2 * DEPTH}
    assert len({bid for bid, _, _ in found}) > 3


def test_trades_are_at_the_touch() -> None:
    tape = make_tapes(replace(SMALL, instruments=SMALL.instruments[:1]))[0]
    best = [found[:2] for found in books(tape)]
    first = np.unique(tape.sequence, return_index=True)[1]
    trades = [place for place, row in enumerate(first.tolist()) if tape.kind[row] == 3]
    assert len(trades) > 1_000
    for place in trades:
        row, (bid, ask) = first[place], best[place - 1]
        assert tape.price[row] == (ask if tape.side[row] == 1 else bid)


def test_the_same_seed_gives_the_same_tape_and_another_another() -> None:
    def prices(flow: Flow) -> bytes:
        return b"".join(tape.price.tobytes() for tape in make_tapes(flow))

    assert prices(SMALL) == prices(SMALL)
    assert prices(SMALL) != prices(replace(SMALL, seed=SMALL.seed + 1))


def test_messages_of_one_recording_are_shared_out_in_order() -> None:
    first, second = make_tapes(SMALL)
    assert not set(first.sequence.tolist()) & set(second.sequence.tolist())
    merged = sorted(
        [*zip(first.sequence.tolist(), first.local_time.tolist(), strict=True),
         *zip(second.sequence.tolist(), second.local_time.tolist(), strict=True)]
    )  # fmt: skip
    times = [time for _, time in merged]
    assert times == sorted(times)
    assert (first.local_time > first.exchange_time).all()


def test_nothing_is_wrong_with_a_flow() -> None:
    for tape in synthetic_tapes("pair").tapes:
        found = tape.recording
        assert (found.gaps, found.crossed, found.locked, found.out_of_order, found.ahead, found.blind_rows) == (0,) * 6
        assert found.messages > 79_000


def test_another_flow_is_refused() -> None:
    with pytest.raises(InvalidSpecification, match="no synthetic flow 'stocks'; give one of order-book, pair"):
        synthetic_tapes("stocks")
