"""``python -m tradeplane_workloads.capture``: the agent as a pod runs it, until SIGTERM.

Environment: ``TRADEPLANE_CAPTURE`` (JSON of the specification), ``TRADEPLANE_STORE_URL`` (the namespace's store),
``TRADEPLANE_SPOOL`` (a folder on a volume of its own), ``TRADEPLANE_INDEX_URL`` (the index of snapshots, if any). Exit
codes are ``tradeplane_api.run.ExitCode``; after SIGTERM what is there is sealed, and the code is 0.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from tradeplane_api.capture import INDEX_VARIABLE, SPOOL_VARIABLE
from tradeplane_api.run import STORE_VARIABLE, ExitCode
from tradeplane_store.errors import StoreError
from tradeplane_store.objects import open_store

from tradeplane_workloads.capture.running import capture
from tradeplane_workloads.capture.specification import capture_from
from tradeplane_workloads.errors import InvalidSpecification, StoreFailure, WorkloadError
from tradeplane_workloads.runner.logs import start_log
from tradeplane_workloads.runner.termination import failure_message, write_termination

_log = logging.getLogger(__name__)


def main() -> int:
    """Capture what the environment says, and return the exit code."""
    start_log("", "capture")
    try:
        specification = capture_from(os.environ)
        start_log(specification.capture, "capture")
        store, spool = _set(STORE_VARIABLE), Path(_set(SPOOL_VARIABLE))
        open_store(store)
        capture(specification, spool, (store, os.environ.get(INDEX_VARIABLE) or None), lambda *_: None)
    except StoreError as error:
        return _failed(StoreFailure(str(error)))
    except WorkloadError as error:
        return _failed(error)
    return ExitCode.OK


def _set(variable: str) -> str:
    value = os.environ.get(variable, "")
    if not value:
        raise InvalidSpecification(f"the environment variable {variable} is empty or not set; set it: docs/capture.md")
    return value


def _failed(error: WorkloadError) -> int:
    _log.error("%s", error)
    write_termination(failure_message(error.exit_code, str(error)), os.environ)
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
