"""What can go wrong in a run, by who must act on it.

Each class carries the exit code a runner ends with, so that the operator can tell a fault that another attempt may
cure (the store, the machine) from one that it cannot (the specification, the data).
"""

from __future__ import annotations

from typing import ClassVar

from tradeplane_api.run import ExitCode


class WorkloadError(Exception):
    """Base of the errors of a run; the message names the thing, what is wrong with it and what to do."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL


class InvalidSpecification(WorkloadError):
    """The specification cannot be run: an unknown algorithm, a parameter out of range. Final."""

    exit_code = ExitCode.INVALID


class StrategyFailed(InvalidSpecification):
    """The strategy's own code raised, which its cause is; the log has the traceback, for whoever wrote it. Final."""


class DataRefused(WorkloadError):
    """The data are not what their digest says, or cannot be used. Final."""

    exit_code = ExitCode.REFUSED


class StoreFailure(WorkloadError):
    """The store is full or cannot be reached; another attempt may succeed."""

    exit_code = ExitCode.STORE


class ResultConflict(WorkloadError):
    """This run has left another result before: it is not deterministic, or its name was used twice. Final."""

    exit_code = ExitCode.REFUSED


class FeedFailure(WorkloadError):
    """A venue cannot be reached, or gives nothing; another attempt may succeed."""

    exit_code = ExitCode.INTERNAL
