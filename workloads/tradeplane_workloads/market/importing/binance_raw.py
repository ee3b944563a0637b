"""Tapes from recordings of Binance's streams, line by line as they came; see docs/formats/binance-raw.md.

The lines are read in Rust. Here is what a message does not say: the currency, and what a contract is.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from tradeplane_api.snapshot_manifest import MAX_INSTRUMENTS, InstrumentKind, Recording, SnapshotSource
from tradeplane_native import likely_rows, read_binance
from tradeplane_store.canonical import sha256_digest

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.importing.recordings import Found, ImportedTapes, to_tape
from tradeplane_workloads.market.importing.source import read_limited
from tradeplane_workloads.market.importing.tape_options import TapeOptions
from tradeplane_workloads.market.instruments import TapeInstrument
from tradeplane_workloads.market.tapes import Tape, room

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_native import RecordedInstrument

FORMAT = "binance-raw"
_KINDS = {"spot": InstrumentKind.SPOT, "usd-m": InstrumentKind.LINEAR_FUTURE, "coin-m": InstrumentKind.INVERSE_FUTURE}
_QUOTES = re.compile(r"[A-Z0-9]+?(USDT|USDC|FDUSD|TUSD|BUSD|USD|EUR|TRY|BRL|JPY|BTC|ETH|BNB)(_[A-Z0-9]+)?")
"""A symbol and the currency at its end; of a delivery future, before the underscore."""


def import_binance(path: Path, options: TapeOptions | None = None) -> ImportedTapes:
    """Read a recording, plain or gzip. Raises DataRefused naming file, line, what is wrong and what to do."""
    chosen = options or TapeOptions()
    data = read_limited(path, chosen.max_bytes)
    found, others = read_messages(path.name, data, chosen)
    tapes = make_tapes(path.name, found, chosen)
    return ImportedTapes(tapes, SnapshotSource(name=path.name, format=FORMAT, digest=sha256_digest(data)), others)


class LineRefused(DataRefused):
    """A recording is refused for one of its lines, whose number is ``line``, from 1."""

    def __init__(self, name: str, line: int, problem: str) -> None:
        super().__init__(f"{name}, line {line}: {problem}")
        self.line = line


def read_messages(name: str, data: bytes, options: TapeOptions) -> tuple[list[RecordedInstrument], int]:
    """Read a recording's instruments, and how many messages are about none. Raises DataRefused naming the line."""
    try:
        into = room(likely_rows(data), orders=False)
        return read_binance(data, options.symbol, options.max_expanded_bytes, MAX_INSTRUMENTS, into)
    except ValueError as error:
        line, problem = error.args
        if line is None:
            raise DataRefused(f"{name}: {problem}") from error
        raise LineRefused(name, line, problem) from error


def make_tapes(name: str, found: list[RecordedInstrument], options: TapeOptions) -> tuple[Tape, ...]:
    """Make tapes of the instruments of a recording. Raises DataRefused where there is none, or one cannot be made."""
    recorded = [one for one in found if len(one.columns[0])]
    if not recorded:
        raise DataRefused(
            f"{name} has no trade, quote or change of a book among its messages; give a recording of depth, "
            "trade, aggTrade or bookTicker streams"
        )
    if len(recorded) > 1 and (options.tick or options.lot or options.contract_size):
        raise DataRefused(
            f"{name} has {len(recorded)} instruments, and tick, lot and contract size are given for one; leave them out"
        )
    return tuple(_tape(name, one, options) for one in recorded)


def _tape(name: str, one: RecordedInstrument, options: TapeOptions) -> Tape:
    kind = options.kind or _KINDS[one.market]
    instrument = TapeInstrument(
        one.symbol,
        tick=Decimal(1),
        lot=Decimal(1),
        currency=options.currency or _currency(name, one.symbol),
        kind=kind,
        contract_size=options.contract_size or _contract_size(kind, one.symbol),
    )
    tape = Tape(instrument, Recording(messages=0), *one.columns)
    return to_tape(Found(tape, one.price_places, one.quantity_places, one.left_out, name, "line"), options)


def _currency(name: str, symbol: str) -> str:
    matched = _QUOTES.fullmatch(symbol)
    if matched is None:
        raise DataRefused(f"{name}: the symbol {symbol} does not end in a currency that is known; give the currency")
    return matched.group(1)


def _contract_size(kind: InstrumentKind, symbol: str) -> Decimal:
    """Of a COIN-M future, as Binance states it: 100 USD of bitcoin, 10 USD of anything else. Else one unit."""
    if kind is not InstrumentKind.INVERSE_FUTURE:
        return Decimal(1)
    return Decimal(100) if symbol.startswith("BTCUSD") else Decimal(10)
