"""A market maker on recorded events, simulated by hftbacktest; runs inside that peer's environment.

``convert <recording.gz> <copies> <output.npy>`` makes the peer's own event array with its own converter, repeated end
to end. ``run <events.npy> <hash|roi> <quoting as JSON> <decisions.npy>`` simulates. Timed is the processor time of the
thread in the compiled loop, from the first event to the last: neither the reading of the file nor the compilation.

The exchange is the one without partial fills, which for quotes of one lot are the same: in 2.4.4 the other one keeps an
order that trades have reached to just its last lot, and the next trade at its price ends the run with an error.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
from hftbacktest import (
    BUY,
    GTX,
    LIMIT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
    ROIVectorMarketDepthBacktest,
)
from hftbacktest.data.utils import binancefutures
from numba import njit

TICK, LOT = 0.1, 0.001
ROOM = 1_000_000
END_OF_DATA = 1


@njit  # type: ignore[untyped-decorator]
def quote(
    backtest: Any,
    decisions: Any,
    half_spread: int,
    skew: int,
    skew_lots: int,
    quantity: int,
    most: int,
    interval: int,
) -> tuple[int, int]:
    """Quote until the events end; return how many decisions were made, and the code it ended with."""
    made = 0
    name = 0
    ended = backtest.elapse(interval)
    while ended == 0:
        backtest.clear_inactive_orders(0)
        depth = backtest.depth(0)
        bid, ask = depth.best_bid_tick, depth.best_ask_tick
        if bid < -1_000_000_000 or ask > 1_000_000_000:
            ended = backtest.elapse(interval)
            continue
        position = round(backtest.position(0) / LOT)
        middle = bid + ask - (skew * position) // skew_lots
        prices = (min(middle // 2 - half_spread, bid), max(-(-middle // 2) + half_spread, ask))
        for side in (0, 1):
            standing = False
            cancel = np.int64(-1)
            values = backtest.orders(0).values()
            while values.has_next():
                order = values.get()
                if (order.side == BUY) == (side == 0):
                    standing = True
                    if order.price_tick != prices[side] and order.cancellable:
                        cancel = np.int64(order.order_id)
            sign = 1 - 2 * side
            if cancel >= 0:
                backtest.cancel(0, cancel, False)
                decisions[made] = (backtest.current_timestamp, 1, side, cancel, 0, position)
                made += 1
            elif not standing and sign * position < most:
                name += 1
                if side == 0:
                    backtest.submit_buy_order(0, name, prices[0] * TICK, quantity * LOT, GTX, LIMIT, False)
                else:
                    backtest.submit_sell_order(0, name, prices[1] * TICK, quantity * LOT, GTX, LIMIT, False)
                decisions[made] = (backtest.current_timestamp, 0, side, name, prices[side], position)
                made += 1
        ended = backtest.elapse(interval)
    return made, ended


def backtest_of(events: Any, book: str, latency: int) -> Any:
    """Make the peer's simulation: constant latency, risk-averse queue, no fees."""
    asset = (
        BacktestAsset()
        .data([events])
        .linear_asset(1.0)
        .constant_order_latency(latency, latency)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(TICK)
        .lot_size(LOT)
    )
    if book == "hash":
        return HashMapMarketDepthBacktest([asset])
    middle = float(np.median(events["px"][:100_000]))
    return ROIVectorMarketDepthBacktest([asset.roi_lb(middle * 0.5).roi_ub(middle * 1.5)])


def convert(recording: str, copies: str, output: str) -> None:
    """Make the peer's event array, one copy after the other by both clocks."""
    events = binancefutures.convert(recording, buffer_size=3_000_000)
    clocks = [events["exch_ts"], events["local_ts"]]
    length = int(max(clock.max() for clock in clocks) - min(clock.min() for clock in clocks)) + 1_000_000_000
    repeated = np.concatenate([events] * int(copies))
    later = np.repeat(np.arange(int(copies), dtype=np.int64) * length, len(events))
    repeated["exch_ts"] += later
    repeated["local_ts"] += later
    np.save(output, repeated)
    print(json.dumps({"events": len(repeated)}))


def run(data: str, book: str, quoting: str, output: str) -> None:
    """Run several times; print the best time and the state at the end."""
    events = np.load(data)
    settings = json.loads(quoting)
    arguments = [settings[name] for name in ("half_spread", "skew", "skew_lots", "quantity", "most", "interval")]
    decisions = np.zeros((ROOM, 6), np.int64)
    best = float("inf")
    beginning = events[:1000].copy()  # kept: the peer reads arrays where they are
    compiled = backtest_of(beginning, book, settings["latency"])
    quote(compiled, decisions, *arguments)
    compiled.close()
    for _ in range(settings["runs"]):
        backtest = backtest_of(events, book, settings["latency"])
        started = time.thread_time()
        made, ended = quote(backtest, decisions, *arguments)
        best = min(best, time.thread_time() - started)
        if ended != END_OF_DATA:
            raise AssertionError(f"the run ended with code {ended} before its data did")
        values = backtest.state_values(0)
        state = {
            "position": round(values.position / LOT),
            "trades": int(values.num_trades),
            "volume": round(values.trading_volume / LOT),
            "cash": round(values.balance / (TICK * LOT)),
        }
        backtest.close()
    np.save(output, decisions[:made])
    print(json.dumps({"seconds": best, "events": len(events), **state}))


if sys.argv[1] == "convert":
    convert(*sys.argv[2:])
else:
    run(*sys.argv[2:])
