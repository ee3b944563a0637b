"""``python -m tradeplane_workloads.replay.printed``: a replay whose record is printed.

What is replayed, ``TRADEPLANE_REPLAY`` specifies. For whoever reads the output, as ``tradeplane replay --arch`` does:
nothing is written to the store, which may so be one that cannot be written. Exit codes are
``tradeplane_api.run.ExitCode``; what went wrong is said on standard error.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tradeplane_api.parity import REPLAY_VARIABLE, ReplaySpecification
from tradeplane_api.run import STORE_VARIABLE, ExitCode
from tradeplane_store.canonical import canonical_json
from tradeplane_store.errors import StoreError
from tradeplane_store.objects import open_store

from tradeplane_workloads.errors import StoreFailure, WorkloadError
from tradeplane_workloads.replay.asked import replayed
from tradeplane_workloads.runner.specification import read_specification

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.parity import ReplayRecord


def main() -> int:
    """Replay what the environment asks for, print the record, and return the exit code."""
    try:
        record = _record(os.environ)
    except WorkloadError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    sys.stdout.buffer.write(canonical_json(record) + b"\n")
    return int(ExitCode.OK)


def _record(environ: Mapping[str, str]) -> ReplayRecord:
    specification = read_specification(ReplaySpecification, REPLAY_VARIABLE, environ)
    try:
        store = open_store(environ.get(STORE_VARIABLE, ""))
        return replayed(specification, store, say=lambda _: None)
    except StoreError as error:
        raise StoreFailure(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
