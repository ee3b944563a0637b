"""What is recorded: an event, the object it happened to, and by whom.

Who did it is one of two things that must never be taken for each other. ``Authenticated`` is a user as the API server's
audit log has them, whom the server itself has identified. ``Claimed`` is what a client said of itself: the name of a
field manager is any text that the client sends. They are two types here, two columns in the database with a check that
exactly one is filled, and two names in the bytes that are hashed.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints
from tradeplane_store.canonical import canonical_json

from tradeplane_evidence.statements.statement import Form

MAX_GROUPS = 256
"""Groups of one user; who is in more is recorded with none of them left out, or not at all."""


def _text(limit: int, least: int = 1) -> StringConstraints:
    """Text as Postgres holds it: any but NUL."""
    return StringConstraints(min_length=least, max_length=limit, pattern=r"^[^\x00]*$")


Name = Annotated[str, _text(253)]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Moment = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$")]
"""A time in UTC, to the microsecond, RFC 3339: one form, so that the same time is the same bytes."""


class Action(StrEnum):
    """What happened to an object."""

    APPLIED = "applied"
    STARTED = "started"
    FINISHED = "finished"
    ATTESTED = "attested"
    APPROVED = "approved"
    ROLLED_BACK = "rolled-back"
    DELETED = "deleted"


APPLIES = frozenset({Action.APPLIED, Action.ROLLED_BACK})
"""What gives an object another version of its specification."""


class ObjectReference(Form):
    """The object it happened to, as Kubernetes names it; ``namespace`` is empty where the kind has none."""

    api_version: Annotated[str, _text(253)]
    kind: Annotated[str, _text(63)]
    namespace: Annotated[str, _text(63, 0)] = ""
    name: Name
    uid: Annotated[str, _text(64)]


class Authenticated(Form):
    """A user whom the API server identified, as its audit log says; ``audit_id`` is that log's entry."""

    user: Annotated[str, _text(1_024)]
    groups: tuple[Annotated[str, _text(1_024)], ...] = Field(default=(), max_length=MAX_GROUPS, strict=False)
    audit_id: Annotated[str, _text(64)]


class Claimed(Form):
    """Who somebody said they are: the name of a field manager, or of a recorder that saw it. Nobody vouches for it."""

    by: Annotated[str, _text(1_024)]


class Event(Form):
    """Something that happened.

    ``occurred``: when, by the word of who tells it; the order of a ledger is that of its sequence and of no clock.
    ``configuration``: the version of the object's specification that it concerns. ``run``: the name of a run.
    ``run_digest``, ``result`` and ``attestation``: digests of what decides it, of what came of it, and of the signed
    statement, where there are such.
    """

    action: Action
    object: ObjectReference
    actor: Authenticated | Claimed
    occurred: Moment
    generation: Annotated[int, Field(ge=0, lt=2**53)] | None = None
    configuration: Digest | None = None
    run: Name | None = None
    run_digest: Digest | None = None
    result: Digest | None = None
    attestation: Digest | None = None
    note: Annotated[str, _text(1_024)] | None = None

    @property
    def key(self) -> str:
        """The event's own identity: recorded twice, by two recorders or again after a lost answer, it is entered once.

        It is the digest of all that is said but the time and the note, since two who saw the same thing differ in
        those. What an audit log says has its audit id in it, so that the same done twice is two events.
        """
        said = self.model_dump(mode="json", by_alias=True, exclude={"occurred", "note"})
        return hashlib.sha256(canonical_json(said)).hexdigest()
