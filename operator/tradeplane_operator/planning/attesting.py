"""Which runs are still to be attested, and what is said of that.

The record in the status is what makes a run attested, and it is written once its attestation was seen in the registry.
Until then it is wanted again by every pass; attesting the same again takes what was pushed before, so that what is cut
short comes to one attestation, and what two operators do at once to one statement. What is owed is never trimmed from
the history: where that can hold no more of it, no other run starts until some of it is attested.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from tradeplane_api.conditions import ConditionStatus
from tradeplane_api.run import Outcome

from tradeplane_operator.planning.conditions import Standing, Verdict
from tradeplane_operator.planning.history import MOST_OUTSTANDING, outstanding
from tradeplane_operator.planning.names import ATTESTATION_FINALIZER
from tradeplane_operator.planning.times import doubled_pause

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tradeplane_api.attestation import AttestationStatus
    from tradeplane_api.strategy import RunStatus

    from tradeplane_operator.settings import Evidence


RESULTS_CHANGED = "ResultsChanged"
"""Reason of ``Attested`` where files of a run are not those it left; what the record of such a run says first."""


ATTESTING = "Attesting"
"""Reason of ``Attested`` while the first attempt goes on."""


class AttestationEnd(StrEnum):
    """How an attempt at an attestation ended."""

    DONE = "Done"
    UNAVAILABLE = "Unavailable"
    """Registry, signer or store was not reached: it may be later."""
    REFUSED = "Refused"
    """It will not be until somebody changes something, and is tried again only seldom."""
    GOING = "Going"
    """It has not ended, and takes longer than most."""


@dataclass(frozen=True, slots=True)
class AttestationFacts:
    """The newest attempt at a run's attestation. ``tries``: attempts in a row that came to nothing.

    ``changed``: it was refused because the run's files are not those it left, and is given up.
    """

    end: AttestationEnd
    at: datetime
    tries: int = 0
    reason: str = ""
    message: str = ""
    attestation: AttestationStatus | None = None
    changed: bool = False


@dataclass(slots=True)
class Attesting:
    """What a pass has to do about attestations."""

    runs: list[RunStatus]
    ask: list[RunStatus] = field(default_factory=list)
    look: list[datetime] = field(default_factory=list)

    @property
    def owed(self) -> frozenset[str]:
        """Names of the runs that are still to be attested."""
        return frozenset(run.name for run in self.runs if is_owed(run))


def is_owed(run: RunStatus) -> bool:
    """Return whether a run is one that is attested, and is not yet, nor was given up."""
    done = run.attestation is not None or was_changed(run)
    return run.outcome is Outcome.SUCCEEDED and run.manifest_digest is not None and not done


def was_changed(run: RunStatus) -> bool:
    """Return whether the record of a run that succeeded says that its files were changed since."""
    return run.outcome is Outcome.SUCCEEDED and (run.message or "").startswith(f"{RESULTS_CHANGED}: ")


def attest(
    runs: Sequence[RunStatus], facts: Mapping[str, AttestationFacts], evidence: Evidence, now: datetime
) -> Attesting:
    """Return runs with what was found of their attestations, and which are to be attempted once the status is written.

    The record there of a run's success is what says that the operator itself took the results for those of the run.
    """
    attesting = Attesting(list(runs))
    for index, run in enumerate(attesting.runs):
        if not is_owed(run):
            continue
        found = facts.get(run.name)
        if found is None:
            attesting.ask.append(run)
        elif found.end is AttestationEnd.DONE:
            attesting.runs[index] = run.model_copy(update={"attestation": found.attestation})
        elif found.changed:
            attesting.runs[index] = run.model_copy(update={"message": f"{RESULTS_CHANGED}: {found.message}"})
        elif found.end is AttestationEnd.GOING:
            continue  # its end wakes the Strategy
        elif now >= (again := next_attempt(found, evidence)):
            attesting.ask.append(run)
        else:
            attesting.look.append(again)
    return attesting


def next_attempt(found: AttestationFacts, evidence: Evidence) -> datetime:
    """Return when the next attempt is made."""
    return found.at + pause(found, evidence)


def pause(found: AttestationFacts, evidence: Evidence) -> timedelta:
    """Return how long after an attempt the next is made: doubled each time, and at once the longest after a refusal."""
    if found.end is AttestationEnd.REFUSED:
        return timedelta(seconds=evidence.most_seconds)
    return doubled_pause(evidence.again_seconds, found.tries, evidence.most_seconds)


def no_room(runs: Sequence[RunStatus], owed: Collection[str], facts: Mapping[str, AttestationFacts]) -> Verdict | None:
    """Return why no other run can be started, where the status can keep no more of those that must stay in it.

    ``runs`` are newest first. What is owed goes on being attested, and what goes on ends, so that nobody has to ask
    again; the words are those of the oldest that is owed, which has waited longest.
    """
    staying = outstanding(runs, owed)
    if len(staying) < MOST_OUTSTANDING:
        return None
    waiting = [run for run in staying if run.name in owed]
    message = (
        f"{len(waiting)} runs are still to be attested and {len(staying) - len(waiting)} have not ended; the status "
        f"keeps {MOST_OUTSTANDING} of these and loses none, so that another starts once there are fewer"
    )
    if waiting:
        found = facts.get(waiting[-1].name)
        why = "" if found is None or not found.message else f": {found.message}"
        message += (
            f". The oldest, run {waiting[-1].name}, is not attested{why}. See to what is said there; to give up what "
            f"is owed, delete the Strategy, take {ATTESTATION_FINALIZER} off its finalizers, and create it anew"
        )
    return Verdict(Standing.WORKING, "RunsOutstanding", message)


def said_of(
    newest: RunStatus, facts: Mapping[str, AttestationFacts], completed: Verdict
) -> tuple[ConditionStatus, Verdict]:
    """Return the condition Attested of a Strategy, by its newest run."""
    if newest.attestation is not None:
        message = f"run {newest.name} is attested at {newest.attestation.reference}"
        return ConditionStatus.TRUE, Verdict(Standing.READY, "Attested", message)
    if newest.outcome is not Outcome.SUCCEEDED:
        return ConditionStatus.FALSE, completed
    if was_changed(newest):
        words = (newest.message or "").partition(": ")[2]
        message = f"run {newest.name} is not attested: {words} (raise spec.rerun to run the same again)"
        return ConditionStatus.FALSE, Verdict(Standing.STALLED, RESULTS_CHANGED, message)
    found = facts.get(newest.name)
    if found is None or found.end is AttestationEnd.DONE:
        message = f"run {newest.name} is being attested"
        return ConditionStatus.FALSE, Verdict(Standing.WORKING, ATTESTING, message)
    message = f"run {newest.name} is not attested yet: {found.message}; tried again, and its results stay as they are"
    return ConditionStatus.FALSE, Verdict(Standing.WORKING, found.reason, message)
