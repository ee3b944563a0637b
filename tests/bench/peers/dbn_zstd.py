"""Rows of a tape as DBN, compressed by zstd, read by databento; runs inside that peer's environment.

Arguments: the .npz with the rows, a folder for the file. Each row is an MBO record, the kind with a field for all that
a row holds. Timed is the processor time of the thread from opening the file to an array of its records, whole or in
pieces of 65,536, whichever is faster; the file is in the page cache.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import databento
import numpy as np
import zstandard
from databento_dbn import MBOMsg, Metadata, Schema, SType

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 9
LEVEL = 3
PIECE = 65_536
ACTIONS = np.frombuffer(b"RAMTMAMCFN", "S1")
"""DBN's action for each kind of row."""
SIDES = np.frombuffer(b"NBA", "S1")
LAST = 128
MBO = 160


def main(rows: str, folder: str) -> None:
    columns = np.load(rows)
    path = Path(folder, "rows.dbn.zst")
    path.write_bytes(encoded(columns))
    count = len(columns["price"])
    store = databento.DBNStore.from_file(path)
    whole = store.to_ndarray()
    if len(whole) != count or whole["price"][-1] != columns["price"][-1] * int(columns["tick_1e9"]):
        raise AssertionError("the DBN file does not hold the rows")

    def read_whole() -> None:
        databento.DBNStore.from_file(path).to_ndarray()

    def read_pieces() -> None:
        for _ in databento.DBNStore.from_file(path).to_ndarray(count=PIECE):
            pass

    seconds = min(best(read_whole), best(read_pieces))
    print(json.dumps({"rows": count, "bytes": path.stat().st_size, "seconds": seconds}))


def encoded(columns: np.lib.npyio.NpzFile) -> bytes:
    """Return the rows as a .dbn.zst."""
    sequence = columns["sequence"]
    records = np.zeros(len(sequence), MBOMsg._dtypes)
    records["length"] = records.dtype.itemsize // 4
    records["rtype"] = MBO
    records["publisher_id"] = 1
    records["instrument_id"] = 1
    records["ts_event"] = columns["exchange_time"]
    records["price"] = columns["price"] * int(columns["tick_1e9"])
    records["size"] = columns["quantity"]
    records["flags"][:-1] = np.where(sequence[1:] != sequence[:-1], LAST, 0)
    records["flags"][-1] = LAST
    records["action"] = ACTIONS[columns["kind"]]
    records["side"] = SIDES[columns["side"]]
    records["ts_recv"] = columns["local_time"]
    records["sequence"] = sequence
    stype: Any = SType
    schema: Any = Schema.MBO
    metadata = Metadata(
        dataset="GLBX.MDP3",
        start=int(columns["local_time"].min()),
        end=int(columns["local_time"].max()) + 1,
        stype_in=stype.RAW_SYMBOL,
        stype_out=stype.INSTRUMENT_ID,
        schema=schema,
        symbols=["BTCUSDT"],
    )
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    compressed: bytes = compressor.compress(metadata.encode() + records.tobytes())
    return compressed


def best(action: Callable[[], None]) -> float:
    times = []
    for _ in range(RUNS):
        started = time.thread_time()
        action()
        times.append(time.thread_time() - started)
    return min(times)


main(*sys.argv[1:])
