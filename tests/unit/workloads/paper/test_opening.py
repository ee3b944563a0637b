"""What a spot account had when its session began: which assets count, and the file that it is kept in."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from tradeplane_workloads.errors import DataRefused, StoreFailure
from tradeplane_workloads.paper.market import Traded
from tradeplane_workloads.paper.opening import OPENING, compared, held, opening_of, read_opening, write_opening

from tests.unit.workloads.sessions.sample_sessions import INSTRUMENT

if TYPE_CHECKING:
    from pathlib import Path

LOT = INSTRUMENT.lot


def traded(*pairs: tuple[str | None, str]) -> list[Traded]:
    """Return instruments by their asset and what they are paid with."""
    return [Traded(index, replace(INSTRUMENT, currency=paid), base) for index, (base, paid) in enumerate(pairs)]


def test_what_one_is_paid_with_is_not_compared() -> None:
    crossed = traded(("ETH", "BTC"), ("BTC", "USDT"), ("ETH", "USDT"))
    assert compared(crossed) == {"ETH"}
    assert opening_of(crossed, {"BTC": Decimal(1), "DOGE": Decimal(2)}) == {"ETH": Decimal(0)}
    assert held(crossed, [3, 100, -5], "ETH") == -2 * LOT


def test_at_a_market_of_positions_nothing_is() -> None:
    futures = traded((None, "USDT"))
    assert compared(futures) == frozenset()
    assert opening_of(futures, {"USDT": Decimal(1)}) == {}


def test_what_is_written_down_is_read_again_to_the_last_digit(tmp_path: Path) -> None:
    assert read_opening(tmp_path) is None
    opening = {"BTC": Decimal("1.234567890123456789"), "ETH": Decimal(0)}
    write_opening(tmp_path, opening)
    assert read_opening(tmp_path) == opening


@pytest.mark.parametrize("content", ["", "[]", "3", '{"BTC": {}}', '{"BTC": "much"}', "\udcff", '{"BTC": null}'])
def test_a_file_that_has_no_balances_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / OPENING).write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataRefused, match=rf"{OPENING}: it has no balances .*begin a new session"):
        read_opening(tmp_path)


def test_a_volume_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / OPENING).mkdir()
    for use in (read_opening, lambda folder: write_opening(folder, {})):
        with pytest.raises(StoreFailure, match=rf"{OPENING}: it cannot be .*check the volume"):
            use(tmp_path)
