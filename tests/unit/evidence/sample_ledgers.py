"""A ledger made by hand that tells of the sample run: applied, approved, started, finished."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tradeplane_evidence.export.ledger_copy import LedgerCopy
from tradeplane_evidence.ledger.entries import HASH, ROW, entry_of
from tradeplane_evidence.ledger.events import Action, Claimed, ObjectReference
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.statements.approval import APPROVAL_TYPE, Approval, ApprovedObject
from tradeplane_evidence.statements.approval import approval_statement as approved_of
from tradeplane_evidence.statements.statement import serialise
from tradeplane_store.canonical import canonical_json, sha256_digest

from tests.unit.evidence import sample_runs
from tests.unit.evidence.sample_events import ALICE, OBJECT, chain, event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_evidence.ledger.entries import Row
    from tradeplane_evidence.ledger.events import Event
    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.statements.statement import Statement

SPECIFICATION = b"the specification of the sample run"
CONFIGURATION = sha256_digest(SPECIFICATION)
RESULT = sample_runs.results().result_digest
BOB = "bob@example.com"
RECORDER = Claimed(by="tradeplane-operator")
APPROVAL = ObjectReference(
    api_version=OBJECT.api_version, kind="Approval", namespace=OBJECT.namespace, name="go", uid="approval-1"
)


def approval_statement(configuration: str = CONFIGURATION, kind: str = APPROVAL_TYPE, **changes: Any) -> Statement:
    """Return what is signed of an approval."""
    said = Approval(object=ApprovedObject(**OBJECT.model_dump()), user=BOB, time="2026-01-05T08:00:00Z")
    statement = approved_of(said, configuration)
    predicate = statement.predicate | changes
    return statement.model_copy(update={"predicate_type": kind, "predicate": predicate})


def approval_payload(signer: FileSigner, statement: Statement | None = None, **changes: Any) -> bytes:
    """Return what is applied as an Approval."""
    spec = {
        "strategyRef": {"name": OBJECT.name},
        "configuration": CONFIGURATION,
        "user": BOB,
        "bundle": sign_statement(statement or approval_statement(), signer).decode(),
    }
    return canonical_json({"apiVersion": OBJECT.api_version, "kind": "Approval", "spec": spec | changes})


def applied(**changes: Any) -> Event:
    return event(3, **({"configuration": CONFIGURATION, "actor": ALICE} | changes))


def approved(**changes: Any) -> Event:
    """Return that bob approved what alice applied."""
    values = {
        "action": Action.APPROVED,
        "configuration": CONFIGURATION,
        "attestation": sha256_digest(serialise(approval_statement())),
        "note": BOB,
        "actor": RECORDER,
    }
    return event(3, **(values | changes))


def started(**changes: Any) -> Event:
    values = {"action": Action.STARTED, "configuration": CONFIGURATION, "run": sample_runs.RUN, "actor": RECORDER}
    return event(3, **(values | changes))


def finished(**changes: Any) -> Event:
    return started(**({"action": Action.FINISHED, "result": RESULT, "note": "Succeeded"} | changes))


def approval_applied(payload: bytes) -> Event:
    return event(1, object=APPROVAL, configuration=sha256_digest(payload), actor=ALICE)


def copied(events: Sequence[Event], payloads: Sequence[bytes] = ()) -> LedgerCopy:
    """Return a ledger as it was copied."""
    rows = chain(events)
    by_digest = {sha256_digest(data): data for data in payloads}
    strategies: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    approvals = defaultdict(list)
    for row in rows:
        entry = entry_of(row)
        one = entry.event.object
        if one.kind == "Strategy":
            strategies[one.namespace, one.name].append(row)
        elif entry.event.configuration in by_digest:
            approvals[one.namespace].append((entry, by_digest[entry.event.configuration]))
    lines = b"".join(canonical_json(dict(zip(ROW, row, strict=True))) + b"\n" for row in rows)
    last = rows[-1] if rows else None
    return LedgerCopy(
        sequence=len(rows),
        hash="" if last is None else last[HASH],
        lines=lines,
        strategies=dict(strategies),
        approvals=dict(approvals),
    )
