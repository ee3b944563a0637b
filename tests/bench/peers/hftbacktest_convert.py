"""A recording of Binance's streams, converted by hftbacktest; runs inside that peer's environment.

Argument: the recording. Timed is the processor time of the thread in ``convert`` without an output file; the first run
compiles, the best of the others counts.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time

from hftbacktest.data.utils import binancefutures

RUNS = 3
BUFFER_ROWS = 2_000_000


def main(recording: str) -> None:
    times, rows = [], 0
    for _ in range(RUNS + 1):
        started = time.thread_time()
        with contextlib.redirect_stdout(io.StringIO()):
            rows = len(binancefutures.convert(recording, combined_stream=True, buffer_size=BUFFER_ROWS))
        times.append(time.thread_time() - started)
    print(json.dumps({"seconds": min(times[1:]), "rows": rows}))


main(*sys.argv[1:])
