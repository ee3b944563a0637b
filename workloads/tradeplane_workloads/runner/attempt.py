"""One attempt at a task (a run, a replay), told and answered as a pod is.

Environment: ``TRADEPLANE_STORE_URL`` (the namespace's store), ``TRADEPLANE_ATTEMPT`` (names the log file; the pod's
name), and what the task itself reads. Exit codes are ``tradeplane_api.run.ExitCode``.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Protocol

from tradeplane_api.run import STORE_VARIABLE, ExitCode, TerminationMessage
from tradeplane_store.errors import StoreError
from tradeplane_store.objects import ObjectStore, open_store

from tradeplane_workloads.errors import StoreFailure, StrategyFailed, WorkloadError
from tradeplane_workloads.runner.interruption import exit_on_sigterm
from tradeplane_workloads.runner.logs import AttemptLog, start_log
from tradeplane_workloads.runner.termination import failure_message, write_termination

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ATTEMPT_VARIABLE = "TRADEPLANE_ATTEMPT"
"""Environment variable that names this attempt; one log file an attempt."""

FIRST_KEPT_SECONDS = 2.0
"""After how long the log of an attempt that goes on is first put into the store: one that is killed says nothing at its
end. It is put there again after pauses that double, where something was said since."""
MOST_KEPT_SECONDS = 60.0
"""The longest of those pauses, which is how much of a log a kill takes at most."""

_log = logging.getLogger(__name__)


class Task(Protocol):
    """What is attempted."""

    @property
    def name(self) -> str:
        """What it is called in the log."""

    def log_path(self, attempt: str) -> str:
        """Return where in the store the log of an attempt goes."""

    def execute(self, store: ObjectStore, attempt: str) -> TerminationMessage:
        """Do it. Raises WorkloadError for what can be foreseen."""


class Attempt:
    """An attempt, as far as it has come: what is known of it when it ends, however it ends."""

    def __init__(self, environ: Mapping[str, str], read: Callable[[Mapping[str, str]], Task]) -> None:
        self._environ = environ
        self._read = read
        self._name = (environ.get(ATTEMPT_VARIABLE) or "local").replace("/", "-")  # one file, in the task's folder
        self._task: Task | None = None
        self._store: ObjectStore | None = None
        self._lines: AttemptLog = start_log("", self._name)
        self._ended = threading.Event()
        self._keeping = threading.Lock()
        self._kept = 0

    def execute(self) -> ExitCode:
        """Go to the end and say how it ended, in the log, the store and the termination message."""
        meanwhile = threading.Thread(target=self._keep_log_meanwhile, name="log", daemon=True)
        meanwhile.start()
        message = self._outcome()
        self._ended.set()
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
        """Put the log so far into the store; without it, it is still on stderr."""
        with self._keeping:
            self._keep_log()

    def _keep_log_meanwhile(self) -> None:
        pause = FIRST_KEPT_SECONDS
        while not self._ended.wait(pause):
            pause = min(2 * pause, MOST_KEPT_SECONDS)
            with self._keeping:
                if not self._ended.is_set() and self._lines.said > self._kept:
                    self._keep_log()

    def _keep_log(self) -> None:
        if self._store is None or self._task is None:
            return
        said = self._lines.said
        try:
            self._store.put(self._task.log_path(self._name), self._lines.kept())
            self._kept = said
        except StoreError as error:
            _log.warning("the log could not be kept: %s", error)

    def _outcome(self) -> TerminationMessage:
        try:
            return self._do()
        except WorkloadError as error:
            _log.error("%s", error, exc_info=error.__cause__ if isinstance(error, StrategyFailed) else None)
            return failure_message(error.exit_code, str(error))
        except BaseException as error:  # a panic of the core is no Exception
            _log.exception("the attempt failed by a fault of its own")
            return failure_message(
                ExitCode.INTERNAL, f"{type(error).__name__}: {error}; the log has the traceback, please report it"
            )

    def _do(self) -> TerminationMessage:
        self._task = self._read(self._environ)
        self._lines = start_log(self._task.name, self._name)
        self._store = _store_from(self._environ)
        return self._task.execute(self._store, self._name)


def attempt(environ: Mapping[str, str], read: Callable[[Mapping[str, str]], Task]) -> int:
    """Make one attempt at the task that ``read`` finds in the environment, and return its exit code."""
    one = Attempt(environ, read)
    exit_on_sigterm(one.interrupted)
    return one.execute()


def _store_from(environ: Mapping[str, str]) -> ObjectStore:
    url = environ.get(STORE_VARIABLE, "")
    if not url:
        raise StoreFailure(f"the environment variable {STORE_VARIABLE} is empty or not set; set it to a store's URL")
    try:
        return open_store(url)
    except StoreError as error:
        raise StoreFailure(str(error)) from error
