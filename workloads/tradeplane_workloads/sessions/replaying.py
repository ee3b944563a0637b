"""The verdict of decision parity: whether a strategy fed a recording decides what was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_native import first_difference, read_journal, replay_session

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.sessions.conduct import conduct_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tradeplane_native import EventRun, JournalSummary

    from tradeplane_workloads.sessions.specification import SessionSpecification


@dataclass(frozen=True, slots=True)
class Difference:
    """The first thing that is not as recorded: which field of which record, and of which input, counted from 1.

    Record 0 is the header: what decides beside the inputs.
    """

    record: int
    input: int
    field: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a replay found; ``run`` has the log as far as it was the recorded one."""

    difference: Difference | None
    inputs: int
    torn: bool
    run: EventRun | None

    @property
    def exact(self) -> bool:
        """Whether every decision was the recorded one."""
        return self.difference is None


def replay(recording: NDArray[np.uint8], specification: SessionSpecification, *, another: bool = False) -> Verdict:
    """Feed a recording to the strategy of a specification.

    ``another``: that it is not the recorded specification is no difference; what it decides otherwise is.

    Raises DataRefused where the recording was altered in transit or store (a bit of a record turned over), and as
    ``conduct_of`` does. One that was altered with its checksums gives a difference.
    """
    summary = _summary(recording)
    stated = None if another else _stated(summary, specification)
    if stated is not None:
        return Verdict(stated, summary.inputs, summary.torn, None)
    conduct = conduct_of(specification)
    try:
        session, _, torn, found = replay_session(
            recording, conduct.terms, conduct.strategy, rate=conduct.rate, generator=conduct.generator
        )
    except ValueError as error:
        raise DataRefused(str(error)) from error
    difference = None
    if found is not None:
        failed = f"{found.got} ({type(session.failure).__name__}: {session.failure})" if session.failure else found.got
        difference = Difference(found.record, found.input, found.field, found.expected, failed)
    return Verdict(difference, summary.inputs, torn, session.run())


def compare(expected: NDArray[np.uint8], got: NDArray[np.uint8]) -> Difference | None:
    """Find where two recordings first differ, running nothing. Raises DataRefused where one was altered."""
    try:
        found = first_difference(expected, got)
    except ValueError as error:
        raise DataRefused(str(error)) from error
    return None if found is None else Difference(found.record, found.input, found.field, found.expected, found.got)


def _summary(recording: NDArray[np.uint8]) -> JournalSummary:
    try:
        return read_journal(recording)
    except ValueError as error:
        raise DataRefused(str(error)) from error


def _stated(summary: JournalSummary, specification: SessionSpecification) -> Difference | None:
    """Compare what decides beside the inputs."""
    recorded, given = summary.specification.hex(), specification.digest().hex()
    if recorded != given:
        return Difference(0, 0, "specification", recorded, given)
    if summary.seed != specification.simulation.seed:
        return Difference(0, 0, "seed", str(summary.seed), str(specification.simulation.seed))
    return None
