"""``python -m tradeplane_workloads.runner``: one attempt at one run, told and answered as a pod is.

Environment: ``TRADEPLANE_RUN`` (JSON of the specification), ``TRADEPLANE_STORE_URL`` (the namespace's store),
``TRADEPLANE_ATTEMPT`` (names the log file; the pod's name). Exit codes are ``tradeplane_api.run.ExitCode``.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from tradeplane_api.run import STORE_VARIABLE, ExitCode, TerminationMessage
from tradeplane_store import layout
from tradeplane_store.canonical import document_digest
from tradeplane_store.errors import StoreError
from tradeplane_store.objects import ObjectStore, open_store

from tradeplane_workloads.errors import StoreFailure, StrategyFailed, WorkloadError
from tradeplane_workloads.runner.interruption import exit_on_sigterm
from tradeplane_workloads.runner.logs import AttemptLog, start_log
from tradeplane_workloads.runner.specification import specification_from
from tradeplane_workloads.runner.termination import failure_message, write_termination

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.run import RunSpecification

ATTEMPT_VARIABLE = "TRADEPLANE_ATTEMPT"
"""Environment variable that names this attempt; one log file an attempt."""

_log = logging.getLogger(__name__)


class Attempt:
    """One attempt at a run, as far as it has come: what is known of it when it ends, however it ends."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._name = (environ.get(ATTEMPT_VARIABLE) or "local").replace("/", "-")  # one file, in the run's folder
        self._specification: RunSpecification | None = None
        self._store: ObjectStore | None = None
        self._lines: AttemptLog = start_log("", self._name)

    def execute(self) -> ExitCode:
        """Run to the end and say how it ended, in the log, the store and the termination message."""
        message = self._outcome()
        self.keep_log()
        write_termination(message, self._environ)
        return message.exit_code

    def interrupted(self) -> None:
        """Say that the attempt was stopped from outside."""
        words = "stopped by SIGTERM before it had finished; nothing is lost, another attempt can run"
        _log.warning(words)
        write_termination(failure_message(ExitCode.INTERNAL, words), self._environ)
        self.keep_log()

    def keep_log(self) -> None:
        """Put the log so far into the store, beside the results; without it, it is still on stderr."""
        if self._store is None or self._specification is None:
            return
        try:
            self._store.put(layout.results_log(self._specification.run, self._name), self._lines.kept())
        except StoreError as error:
            _log.warning("the log could not be kept: %s", error)

    def _outcome(self) -> TerminationMessage:
        try:
            return self._compute()
        except WorkloadError as error:
            _log.error("%s", error, exc_info=error.__cause__ if isinstance(error, StrategyFailed) else None)
            return failure_message(error.exit_code, str(error))
        except Exception as error:
            _log.exception("the run failed by a fault of its own")
            return failure_message(
                ExitCode.INTERNAL, f"{type(error).__name__}: {error}; the log has the traceback, please report it"
            )

    def _compute(self) -> TerminationMessage:
        self._specification = specification_from(self._environ)
        self._lines = start_log(self._specification.run, self._name)
        self._store = _store_from(self._environ)
        # Only now: an attempt that cannot begin says so without having loaded Arrow.
        from tradeplane_workloads.runner.execution import run

        manifest = run(self._specification, self._store, environment={"attempt": self._name})
        return TerminationMessage(
            exit_code=ExitCode.OK,
            manifest_digest=document_digest(manifest),
            result_digest=manifest.result_digest,
        )


def _store_from(environ: Mapping[str, str]) -> ObjectStore:
    url = environ.get(STORE_VARIABLE, "")
    if not url:
        raise StoreFailure(f"the environment variable {STORE_VARIABLE} is empty or not set; set it to a store's URL")
    try:
        return open_store(url)
    except StoreError as error:
        raise StoreFailure(str(error)) from error


def main() -> int:
    """Run one attempt from the environment and return its exit code."""
    attempt = Attempt(os.environ)
    exit_on_sigterm(attempt.interrupted)
    return attempt.execute()


if __name__ == "__main__":
    sys.exit(main())
