"""An entry of the ledger: the columns of its row, and the hash over them.

The row *is* the entry: what is hashed is made of the columns each time, so that there are no second bytes beside them
that could say something else. Hashed is the canonical JSON (RFC 8785) of one object with all of ``FIELDS``, nulls
written out; ``previous``, the hash of the entry before, is one of them, which makes the chain. docs/evidence/ledger.md
states it for who checks it with tools of their own.

orjson writes it, at forty times the speed of the canonical writer of the store. With these fields that is the same:
names that are ASCII and stand in their order here, texts, and integers below 2**53 (tests/unit/evidence compares them).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.ledger.events import Action, Authenticated, Claimed, Event, ObjectReference

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMA_VERSION = 1
"""Which fields an entry has, and what they mean."""
GENESIS = "sha256:" + "0" * 64
"""What the first entry has in the place of the hash before it, and the hash of a ledger without entries."""

COLUMNS = {
    "action": "action",
    "apiVersion": "api_version",
    "attestation": "attestation",
    "auditId": "audit_id",
    "claimedBy": "claimed_by",
    "configuration": "configuration",
    "generation": "generation",
    "groups": "user_groups",
    "key": "key",
    "kind": "kind",
    "name": "name",
    "namespace": "namespace",
    "note": "note",
    "occurred": "occurred",
    "previous": "previous",
    "recorded": "recorded",
    "result": "result",
    "run": "run",
    "runDigest": "run_digest",
    "schemaVersion": "schema_version",
    "sequence": "sequence",
    "uid": "uid",
    "user": "user_name",
}
"""The column of each field that is hashed, in the order of the canonical form."""
FIELDS = tuple(COLUMNS)
ROW = (*COLUMNS.values(), "hash")
"""Columns of a row as they are read and written: those that are hashed, and then the hash."""
SEQUENCE, PREVIOUS, VERSION, HASH = (ROW.index(name) for name in ("sequence", "previous", "schema_version", "hash"))

Row = tuple[Any, ...]


def hash_of(row: Sequence[Any]) -> str:
    """Return the hash of a row by its columns, whatever it states; TypeError for values that no row has."""
    return "sha256:" + hashlib.sha256(orjson.dumps(dict(zip(FIELDS, row, strict=False)))).hexdigest()


def row_of(event: Event, key: str, sequence: int, previous: str, recorded: str) -> Row:
    """Return the row of an event. Raises Malformed where it cannot be written in one form."""
    done_to = event.object
    known = event.actor if isinstance(event.actor, Authenticated) else None
    claimed = event.actor if isinstance(event.actor, Claimed) else None
    values = {
        "action": event.action.value,
        "apiVersion": done_to.api_version,
        "attestation": event.attestation,
        "auditId": None if known is None else known.audit_id,
        "claimedBy": None if claimed is None else claimed.by,
        "configuration": event.configuration,
        "generation": event.generation,
        "groups": None if known is None else list(known.groups),
        "key": key,
        "kind": done_to.kind,
        "name": done_to.name,
        "namespace": done_to.namespace,
        "note": event.note,
        "occurred": event.occurred,
        "previous": previous,
        "recorded": recorded,
        "result": event.result,
        "run": event.run,
        "runDigest": event.run_digest,
        "schemaVersion": SCHEMA_VERSION,
        "sequence": sequence,
        "uid": done_to.uid,
        "user": None if known is None else known.user,
    }
    fields = tuple(values[name] for name in FIELDS)
    try:
        return (*fields, hash_of(fields))
    except TypeError as error:  # orjson's error for a text that is no Unicode
        raise Malformed(f"the event of {done_to.kind} {done_to.name} has no canonical form: {error}") from error


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it was read."""

    sequence: int
    event: Event
    recorded: str
    previous: str
    hash: str


def entry_of(row: Sequence[Any]) -> Entry:
    """Return the entry of a row; whether it is as it was appended is for the chain to say. Raises Malformed."""
    values = dict(zip(FIELDS, row, strict=False))
    try:
        event = Event(
            action=Action(values["action"]),
            object=ObjectReference(
                api_version=values["apiVersion"],
                kind=values["kind"],
                namespace=values["namespace"],
                name=values["name"],
                uid=values["uid"],
            ),
            actor=_actor(values),
            **{name: values[name] for name in ("occurred", "generation", "configuration", "run", "result")},
            run_digest=values["runDigest"],
            attestation=values["attestation"],
            note=values["note"],
        )
    except ValueError as error:
        raise Malformed(f"entry {row[SEQUENCE]} of the ledger is no event: {error}; verify the ledger") from error
    return Entry(row[SEQUENCE], event, values["recorded"], row[PREVIOUS], row[HASH])


def _actor(values: dict[str, Any]) -> Authenticated | Claimed:
    if values["claimedBy"] is not None and values["user"] is not None:
        raise ValueError("it is authenticated and claimed at once")
    if values["claimedBy"] is not None:
        return Claimed(by=values["claimedBy"])
    return Authenticated(user=values["user"], groups=tuple(values["groups"] or ()), audit_id=values["auditId"])
