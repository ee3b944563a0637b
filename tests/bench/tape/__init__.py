"""How fast tapes are read from a store, written, and made from a recording, beside DBN and hftbacktest.

The data are recorded Binance streams, which a machine may lack: it is said then, and nothing is measured. Processor
time of one thread is what counts, for all; files are in memory or the page cache.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tradeplane_api.run import Part
from tradeplane_store.records import table_digest
from tradeplane_workloads.market import tapes
from tradeplane_workloads.market.importing import import_recording
from tradeplane_workloads.market.tape_parts import StoredPart, part_bytes

from tests.bench.peers import run
from tests.bench.records import Record
from tests.extra.requirements import BINANCE_TRADES, market_data, missing_market_data

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import pyarrow as pa
    from tradeplane_workloads.market.tapes import Tape

ROWS = 1_000_000
"""At least so many rows: the recording, repeated."""
RUNS = 9
NAMES = (
    "tape.decode_rate",
    "tape.decode_vs_dbn",
    "tape.encode_rate",
    "tape.size_vs_dbn_zst",
    "tape.import_vs_hftbacktest",
)
DBN = "databento 0.88.0, DBNStore.to_ndarray"
CONVERTER = "hftbacktest 2.4.4, binancefutures.convert"


def records(names: Collection[str] = ()) -> list[Record]:
    """Measure the records whose names begin with one of those asked for, or all where none is."""
    asked = tuple(names) or ("tape",)
    missing = missing_market_data()
    if missing is not None:
        print(f"could not measure tape.*: {missing}", file=sys.stderr)
        return []
    measured: list[Record] = []
    if any(name.startswith(asked) for name in NAMES[:4]):
        measured.extend(_stored())
    if NAMES[4].startswith(asked):
        measured.append(_imported())
    return [record for record in measured if record.name.startswith(asked)]


def _stored() -> list[Record]:
    tape = _repeated(_recording())
    encoded = tapes.encode(tape)
    rows, messages = _stored_part(encoded.rows), _stored_part(encoded.messages)
    size = len(rows.data) + len(messages.data)
    decoded = tapes.decode(encoded.instrument, rows, messages)
    if not all(np.array_equal(*pair) for pair in zip(decoded.columns(), tape.columns(), strict=True)):
        raise AssertionError("what is decoded is not what was encoded")
    ours = len(tape) / _best(lambda: tapes.decode(encoded.instrument, rows, messages))
    encoding = len(tape) / _best(lambda: _encode(tape))
    with tempfile.TemporaryDirectory() as folder:
        columns = Path(folder, "rows.npz")
        np.savez(columns, tick_1e9=int(tape.instrument.tick * 10**9), **_named(tape))
        dbn = run("dbn_zstd", columns, folder)
    of = f"{len(tape):,} rows of a recording of BTCUSDT, {size / len(tape):.2f} bytes each"
    decoding = (
        f"processor time of one thread from the compressed parts in memory to columns in memory, digest and every row "
        f"checked; {of}"
    )
    theirs = dbn["rows"] / dbn["seconds"]
    return [
        Record("tape.decode_rate", ours, "records/s", None, None, None, decoding),
        Record(
            "tape.decode_vs_dbn",
            ours,
            "records/s",
            DBN,
            theirs,
            ours / theirs,
            f"{decoding}; of the peer, from a .dbn.zst of the same rows as MBO records, in the page cache, to an "
            "array, whole or in pieces, whichever is faster",
        ),
        Record(
            "tape.encode_rate",
            encoding,
            "records/s",
            None,
            None,
            None,
            "processor time of one thread from columns to the compressed parts in memory, rows checked, digest taken; "
            f"{of}",
        ),
        Record(
            "tape.size_vs_dbn_zst",
            size / len(tape),
            "bytes/record",
            "DBN of version 3, MBO records, zstd level 3",
            dbn["bytes"] / dbn["rows"],
            (size / len(tape)) / (dbn["bytes"] / dbn["rows"]),
            f"bytes of the parts, and of the .dbn.zst of the same rows; {of}",
        ),
    ]


def _imported() -> Record:
    path = market_data() / BINANCE_TRADES

    def ours() -> None:
        for tape in import_recording("binance-raw", path).tapes:
            _encode(tape)

    seconds = _best(ours)
    answer = run("hftbacktest_convert", path)
    messages = _recording().recording.messages
    return Record(
        "tape.import_vs_hftbacktest",
        messages / seconds,
        "messages/s",
        CONVERTER,
        messages / answer["seconds"],
        answer["seconds"] / seconds,
        f"processor time of one thread from the gzip recording of {messages:,} messages to a compressed tape of "
        "trades, book and quotes, audited, digest taken; of the peer, to its array of trades and book without quotes, "
        "its corrections of order included, compiled beforehand",
    )


def _recording() -> Tape:
    (tape,) = import_recording("binance-raw", market_data() / BINANCE_TRADES).tapes
    return tape


def _encode(tape: Tape) -> None:
    encoded = tapes.encode(tape)
    _stored_part(encoded.rows)
    _stored_part(encoded.messages)


def _stored_part(table: pa.Table) -> StoredPart:
    digest, blocks = table_digest(table)
    return StoredPart(Part(name="part", rows=table.num_rows, digest=digest, blocks=blocks), part_bytes(table))


def _named(tape: Tape) -> dict[str, Any]:
    names = ("sequence", "exchange_time", "local_time", "kind", "side", "price", "quantity")
    return {name: getattr(tape, name) for name in names}


def _repeated(tape: Tape) -> Tape:
    """Return the tape one time after the other, each later by the whole of it, until there are enough rows."""
    times = -(-ROWS // len(tape))
    second = 1_000_000_000
    span = (int(tape.local_time.max() - tape.local_time.min()) // second + 1) * second
    messages = int(tape.sequence[-1])
    later = {"exchange_time": span, "local_time": span, "sequence": messages}
    columns: dict[str, Any] = {
        name: np.concatenate([values + np.asarray(later.get(name, 0) * index, values.dtype) for index in range(times)])
        for name, values in _named(tape).items()
    }
    return replace(tape, **columns)


def _best(action: Callable[[], object]) -> float:
    """Time an action several times; the best is the least disturbed."""
    spent = []
    for _ in range(RUNS):
        started = time.thread_time()
        action()
        spent.append(time.thread_time() - started)
    return min(spent)
