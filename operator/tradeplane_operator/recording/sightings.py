"""What the sight of an object says to the ledger. Pure: the same object says the same, whenever it is seen.

That is what makes recording idempotent: a recorder that starts again sees all there is again, and what it says of it
has the keys that stand in the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradeplane_api.run import Outcome
from tradeplane_evidence.ledger.events import Action, Claimed, Event, ObjectReference
from tradeplane_evidence.ledger.heads import moment_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RECORDER = "tradeplane-recorder"
"""Who says it where nobody else is named."""
MAX_NOTE = 1_024
_ENDED = frozenset({Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED})


@dataclass(frozen=True, slots=True)
class Sighting:
    """An object as a watch or a list showed it; ``at`` is when, by the recorder's clock."""

    body: Mapping[str, Any]
    deleted: bool
    at: datetime

    @property
    def reference(self) -> ObjectReference:
        """The object. Raises ValueError for what is no object of Kubernetes."""
        metadata = self.body["metadata"]
        return ObjectReference(
            api_version=self.body["apiVersion"],
            kind=self.body["kind"],
            namespace=metadata.get("namespace", ""),
            name=metadata["name"],
            uid=metadata["uid"],
        )

    @property
    def generation(self) -> int:
        """The generation of its specification."""
        return int(self.body["metadata"].get("generation", 0))

    @property
    def terminating(self) -> bool:
        """Whether it is being deleted, and there still."""
        return self.body["metadata"].get("deletionTimestamp") is not None


def applied(
    sighting: Sighting, configuration: str | None, earlier: Mapping[int, str | None], note: str | None = None
) -> Event:
    """Return the event of its generation having been applied, or rolled back to what an earlier one had.

    ``configuration``: the digest of its specification. ``earlier``: those that the ledger has, by generation.
    """
    by, at = manager_of(sighting.body, "f:spec")
    return Event(
        action=action_of(sighting.generation, configuration, earlier),
        object=sighting.reference,
        actor=Claimed(by=by),
        occurred=_moment(at, sighting.at),
        generation=sighting.generation,
        configuration=configuration,
        note=note,
    )


def action_of(generation: int, configuration: str | None, earlier: Mapping[int, str | None]) -> Action:
    """Say whether a generation goes back to what an earlier one had, while the one before has another."""
    before = [earlier[one] for one in sorted(earlier) if one < generation]
    back = configuration is not None and configuration in before[:-1] and configuration != before[-1]
    return Action.ROLLED_BACK if back else Action.APPLIED


def only_deleted(generation: int, configuration: str | None, earlier: Mapping[int, str | None]) -> bool:
    """Say of an object that is being deleted whether that alone gave it its generation, and nobody applied anything.

    An API server counts the generation up where it marks an object that has finalizers as deleted. Where the
    specification before was not kept, there is nothing that says that it changed.
    """
    return generation - 1 in earlier and earlier[generation - 1] in (None, configuration)


def deleted(reference: ObjectReference, at: datetime, note: str | None = None) -> Event:
    """Return the event of an object being gone. A watch does not tell by whom."""
    return Event(action=Action.DELETED, object=reference, actor=Claimed(by=RECORDER), occurred=moment_of(at), note=note)


def runs(sighting: Sighting, configurations: Mapping[int, str | None]) -> Iterator[Event]:
    """Yield what the status says of runs, the oldest first: started, finished, attested.

    ``configurations``: the digest of the specification by its generation, as far as the ledger has them.
    """
    status = sighting.body.get("status") or {}
    told = [*reversed(status.get("history") or ()), *([status["latest"]] if status.get("latest") else ())]
    by, _ = manager_of(sighting.body, "f:status")
    for run in told:
        common = {
            "object": sighting.reference,
            "actor": Claimed(by=by),
            "generation": run["generation"],
            "configuration": configurations.get(run["generation"]),
            "run": run["name"],
        }
        if run.get("startTime"):
            yield Event(action=Action.STARTED, occurred=_moment(run["startTime"], sighting.at), **common)
        if run.get("outcome") in _ENDED:
            common |= {"run_digest": run.get("runDigest"), "result": run.get("resultDigest")}
            ended = _moment(run.get("completionTime"), sighting.at)
            yield Event(action=Action.FINISHED, occurred=ended, note=run["outcome"], **common)
            yield from _attested(run.get("attestation"), sighting, common)


def attested(sighting: Sighting) -> Iterator[Event]:
    """Yield that an object itself was attested, as its status says: a Snapshot, or what a Replay found.

    It is of no generation: a later one, of which nothing is attested yet, has the same status for a while.
    """
    found = (sighting.body.get("status") or {}).get("attestation")
    if found:  # of most of what is seen there is none, and nobody asks who wrote its status
        by, _ = manager_of(sighting.body, "f:status")
        yield from _attested(found, sighting, {"object": sighting.reference, "actor": Claimed(by=by)})


def _attested(attestation: Mapping[str, Any] | None, sighting: Sighting, common: Mapping[str, Any]) -> Iterator[Event]:
    if attestation:
        yield Event(
            action=Action.ATTESTED,
            occurred=_moment(attestation.get("time"), sighting.at),
            attestation=attestation["attestation"],
            **common,
        )


def manager_of(body: Mapping[str, Any], fields: str) -> tuple[str, str | None]:
    """Return the field manager that wrote some fields last, and when; the recorder's name where none is told."""
    found = [
        (entry.get("time") or "", entry["manager"])
        for entry in body["metadata"].get("managedFields") or ()
        if entry.get("manager") and fields in (entry.get("fieldsV1") or {})
    ]
    time, manager = max(found, default=("", RECORDER))
    return manager, time or None


def _moment(text: str | None, otherwise: datetime) -> str:
    """Return a time of the API server's as the ledger has it."""
    try:
        found = otherwise if text is None else datetime.fromisoformat(text)
    except ValueError:
        found = otherwise
    return moment_of(found if found.tzinfo is not None else found.replace(tzinfo=UTC))
