"""``python -m tradeplane_workloads.capture.worker FOLDER``: seals segments, apart from who takes them down.

A line of standard input is the number of a segment, a line of standard output what became of it, as JSON: ``sealed`` or
``error`` and ``final``, whether it would be the same the next time. The specification and the store's URL are in the
environment. It ends with its input, so it does not outlive its agent for long.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tradeplane_api.capture import INDEX_VARIABLE
from tradeplane_api.run import STORE_VARIABLE, ExitCode
from tradeplane_store.errors import StoreError
from tradeplane_store.index import IndexFailure
from tradeplane_store.objects import open_store

from tradeplane_workloads.capture.folder import SpoolFolder
from tradeplane_workloads.capture.sealing import Sealing, seal
from tradeplane_workloads.capture.specification import capture_from
from tradeplane_workloads.errors import StoreFailure, WorkloadError
from tradeplane_workloads.market.indexing import enter

NICENESS = 10
"""What arrives goes before what is sealed, where both want the processor."""


def main(arguments: list[str]) -> int:
    """Seal what standard input asks for, until it ends."""
    os.nice(NICENESS)
    folder = SpoolFolder(Path(arguments[0]))
    for line in sys.stdin:
        answer = _sealed(folder, int(line))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    return ExitCode.OK


def _sealed(folder: SpoolFolder, number: int) -> dict[str, object]:
    try:
        store = open_store(os.environ[STORE_VARIABLE])
        specification, index = capture_from(os.environ), _index()
        # Where pointers are left, Snapshot objects are the index; a pod has no place beside its store for another.
        entering = index is not None or specification.pointers is None
        sealing = Sealing(specification, store, lambda written: entering and enter(store, written, index))
        return {"sealed": seal(folder, number, sealing).model_dump(mode="json")}
    except (StoreError, IndexFailure) as error:
        return {"error": str(error), "final": False}
    except WorkloadError as error:
        return {"error": str(error), "final": not isinstance(error, StoreFailure)}


def _index() -> str | None:
    return os.environ.get(INDEX_VARIABLE) or None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
