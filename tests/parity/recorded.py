"""A synthetic recording through the whole package: read, stored as a snapshot, and read from the store."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_store.objects import open_store
from tradeplane_workloads.market.importing import import_recording
from tradeplane_workloads.market.snapshots import read_tapes, write_tapes

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGES = 20_000
BEGIN = 1_700_000_000_000_000_000
QUOTE = '{{"e":"bookTicker","T":{time},"s":"BTCUSDT","u":1,"b":"{bid}.5","B":"{one}","a":"{ask}.25","A":"{two}"}}'
LEVELS = (
    '{{"e":"depthUpdate","T":{time},"s":"BTCUSDT","U":{first},"u":{last},"pu":{before},'
    '"b":[["{bid}.5","{one}"],["{bid}.25","0.{two}"]],"a":[["{ask}","{two}"]]}}'
)


def digests() -> dict[str, str]:
    """Return the id of the recording's snapshot, and the digest of the columns that are read from it."""
    store = open_store("memory:///")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "recording.txt")
        file.write_text("\n".join(_lines()), encoding="ascii")
        imported = import_recording("binance-raw", file)
    written = write_tapes(store, imported.tapes, [imported.source])
    columns = b"".join(column.tobytes() for tape in read_tapes(store, written.id) for column in tape.columns())
    return {"snapshot": written.id.removeprefix("sha256:"), "columns": hashlib.sha256(columns).hexdigest()}


def _lines() -> Iterator[str]:
    """Give lines whose numbers come from a sequence of whole numbers alone."""
    state, time, update = 1, BEGIN, 10
    for number in range(MESSAGES):
        state = (state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        noise = state >> 33
        time += noise % 2_000_000
        bid = 60_000 + noise % 97
        fields = {
            "time": time // 1_000_000,
            "bid": bid,
            "ask": bid + 1 + noise % 5,
            "one": noise % 50,
            "two": noise % 7,
        }
        if number % 3:
            yield f"{time} {QUOTE.format(**fields)}"
        else:
            yield f"{time} {LEVELS.format(**fields, first=update + 1, last=update + 2, before=update)}"
            update += 2 + (noise % 1_000 == 0)
