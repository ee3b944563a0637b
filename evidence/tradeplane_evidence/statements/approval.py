"""The statement of an approval; docs/evidence/approval-v1.md is what its predicate type resolves to.

It is about a specification, by the digest that the registry of configurations has it under, and names the one object it
is for, with its UID: what was approved here is not approved there, nor of an object that was deleted and made anew.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tradeplane_evidence.errors import Malformed, PolicyRefused
from tradeplane_evidence.statements.statement import Form, Statement, Subject, hexadecimal, parsed

APPROVAL_TYPE = "https://tradeplane.dev/evidence/approval-v1"
MAX_COMMENT = 1_024
_HEX_DIGITS = 64
Moment = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")]
"""A time in UTC, to the second, RFC 3339."""


class ApprovedObject(Form):
    """The object whose specification is approved."""

    api_version: str = Field(min_length=1, max_length=253)
    kind: str = Field(min_length=1, max_length=63)
    namespace: str = Field(min_length=1, max_length=63)
    name: str = Field(min_length=1, max_length=253)
    uid: str = Field(min_length=1, max_length=64)


class Approval(Form):
    """The predicate. ``user``: who approves, as the API server authenticates them."""

    schema_version: Literal[1] = 1
    object: ApprovedObject
    user: Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[^\x00-\x1f\x7f]+$")]
    time: Moment
    not_after: Moment | None = None
    comment: str | None = Field(default=None, min_length=1, max_length=MAX_COMMENT)


def approval_statement(approval: Approval, configuration: str) -> Statement:
    """Return what is signed; ``configuration``: digest of the specification, as ``configurations.documents`` has it."""
    subject = Subject(name=subject_name(approval.object), digest={"sha256": hexadecimal(configuration)})
    return Statement(subject=(subject,), predicate_type=APPROVAL_TYPE, predicate=approval.plain())


def subject_name(approved: ApprovedObject) -> str:
    """Return what the subject of an approval is called."""
    return f"{approved.kind.lower()}/{approved.namespace}/{approved.name}"


def approval_of(statement: Statement) -> tuple[Approval, str]:
    """Return what a statement approves: the predicate, and the digest of the specification.

    Raises PolicyRefused where it states something else, and Malformed where it is of more than one thing.
    """
    if statement.predicate_type != APPROVAL_TYPE:
        raise PolicyRefused(f"the statement is a {statement.predicate_type}, and no approval")
    approval = parsed(Approval, statement.predicate, "the approval")
    (subject, *others) = statement.subject
    digest = subject.digest.get("sha256", "")
    if others or list(subject.digest) != ["sha256"] or len(digest) != _HEX_DIGITS:
        raise Malformed("the approval is not about the sha256 of one specification, and an approval is about one")
    if subject.name != subject_name(approval.object):
        raise Malformed(f"the approval is of {subject_name(approval.object)}, and calls its subject something else")
    return approval, f"sha256:{digest}"
