"""Approving a Strategy and verifying an Approval, as the commands do it and show it.

What is approved is an object as the API server has it. A file that somebody wrote has no defaults filled in, so that
its digest is another, and no UID, so that it is of no object.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradeplane_api import approval as api
from tradeplane_api.base import API_VERSION
from tradeplane_api.replay import StrategyReference
from tradeplane_api.strategy import Strategy
from tradeplane_evidence.configurations.documents import Configuration, payload_of
from tradeplane_evidence.errors import EvidenceError, Malformed
from tradeplane_evidence.signing.keyring import read_keyring_file
from tradeplane_evidence.signing.opening import open_signer
from tradeplane_evidence.signing.signer import sign_and_stamp
from tradeplane_evidence.statements.approval import Approval, ApprovedObject, approval_statement
from tradeplane_evidence.statements.statement import parsed
from tradeplane_evidence.verification.approvals import SignedApproval, read_approval
from tradeplane_evidence.verification.checks import Check
from tradeplane_store.canonical import sha256_digest

from tradeplane_cli.documents.locating import validate
from tradeplane_cli.documents.objects import as_asked, document_of
from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.printing import pairs, printable
from tradeplane_cli.signing_passphrase import passphrase
from tradeplane_cli.told_checks import checks_as_text, said_of

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_cli.documents.yaml_text import Source

_READABLE = 50
_HASHED = 12
_LINES_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who approves, until when, and what they say of it."""

    user: str
    not_after: str | None
    comment: str | None


@dataclass(frozen=True, slots=True)
class Signed:
    """An approval that was signed: what was approved, and the object to be applied."""

    approval: Approval
    configuration: str
    spec: dict[str, Any]
    manifest: dict[str, Any]

    def told(self) -> str:
        """Lines for who approves: what they put their name to."""
        import yaml

        approved, algorithm = self.approval.object, self.spec.get("algorithm") or {}
        rows = [
            ("Strategy", f"{approved.namespace}/{approved.name}"),
            ("UID", approved.uid),
            ("Digest", self.configuration),
            ("Mode", str(self.spec.get("mode"))),
            ("Algorithm", str(algorithm.get("name"))),
            ("User", self.approval.user),
            ("Until", self.approval.not_after or "no end"),
        ]
        lines = yaml.safe_dump({"spec": self.spec}, sort_keys=False).splitlines()
        more = len(lines) - _LINES_SHOWN
        shown = [*lines[:_LINES_SHOWN], *([f"  ... and {more} lines more"] if more > 0 else [])]
        return "\n".join([pairs([(name, printable(value)) for name, value in rows]), "", *shown])


@dataclass(slots=True)
class Verified:
    """What was found of an Approval."""

    name: str
    checks: list[Check] = field(default_factory=list)
    found: SignedApproval | None = None

    @property
    def passed(self) -> bool:
        """Whether each check passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        found = self.found
        return {
            "approval": self.name,
            "verified": self.passed,
            "checks": said_of(self.checks),
            "configuration": None if found is None else found.configuration,
            "key": None if found is None else found.key,
            "attestation": None if found is None else found.attestation,
            "statement": None if found is None else found.approval.plain(),
        }

    def as_text(self) -> str:
        """Lines for people: one a check."""
        return checks_as_text(self.checks)


def approve(file: str, wanted: Wanted, signer: str, authority: str | None) -> Signed:
    """Sign the approval of a Strategy. Raises CommandFailure, and what the signer and the authority raise."""
    source = document_of(file, "Strategy")
    approved, configuration = _approved(source)
    approval = _approval(approved, wanted)
    bundle = asyncio.run(
        sign_and_stamp(approval_statement(approval, configuration), open_signer(signer, passphrase()), authority)
    )
    if len(bundle) > api.MAX_BUNDLE_TEXT:
        raise CommandFailure(
            f"the signed approval has {len(bundle):,} bytes, and an Approval holds {api.MAX_BUNDLE_TEXT:,}",
            remedy="use a timestamp authority whose answers are shorter",
        )
    spec = {
        "strategyRef": {"name": approved.name},
        "configuration": configuration,
        "user": wanted.user,
        "bundle": bundle.decode(),
    }
    metadata = {"name": approval_name(approved, wanted.user, configuration), "namespace": approved.namespace}
    manifest = {"apiVersion": API_VERSION, "kind": "Approval", "metadata": metadata, "spec": spec}
    return Signed(approval, configuration, source.value["spec"], manifest)


def approval_name(approved: ApprovedObject, user: str, configuration: str) -> str:
    """Return the name of an Approval: readable in front, the same for who approves the same again, a DNS label."""
    said = "\n".join((approved.uid, configuration, user))
    readable = approved.name.replace(".", "-")[:_READABLE].rstrip("-")
    return f"{readable}-{hashlib.sha256(said.encode()).hexdigest()[:_HASHED]}"


def verify(file: str, keyring: Path) -> Verified:
    """Verify an Approval by a keyring. Raises CommandFailure and InvalidKey for what cannot be read."""
    trusted = read_keyring_file(keyring)
    source = document_of(file, "Approval")
    document = source.value
    spec = validate(api.Approval, as_asked(source)).spec
    metadata = document.get("metadata") or {}
    found = Verified(str(metadata.get("name")))
    try:
        signed = found.found = read_approval(spec.bundle.encode(), trusted)
    except EvidenceError as error:
        found.checks.append(Check("signature", str(error), type(error).__name__))
        return found
    since = f" at {signed.signed:%Y-%m-%dT%H:%M:%SZ}" + (f", by {signed.stamped}" if signed.stamped else "")
    found.checks.append(Check("signature", f"key {signed.key}, which approves for {signed.user}{since}"))
    namespace = str(metadata.get("namespace") or signed.approval.object.namespace)
    try:
        signed.check_claimed(namespace, spec.strategy_ref.name, spec.configuration, spec.user)
    except EvidenceError as error:
        found.checks.append(Check("object", str(error), type(error).__name__))
        return found
    approved = signed.approval.object
    words = f"{signed.configuration} of {approved.kind} {approved.namespace}/{approved.name}, UID {approved.uid}"
    found.checks.append(Check("object", words))
    try:
        signed.check_time(datetime.now(UTC))
    except EvidenceError as error:
        found.checks.append(Check("time", str(error), type(error).__name__))
    else:
        found.checks.append(Check("time", f"good until {signed.approval.not_after or 'somebody withdraws it'}"))
    return found


def _approved(source: Source) -> tuple[ApprovedObject, str]:
    """Return which object a document is, and the digest of its specification. Raises CommandFailure, Malformed."""
    document = source.value
    validate(Strategy, as_asked(source))
    metadata = document.get("metadata") or {}
    missing = [name for name in ("uid", "generation", "namespace", "name") if not metadata.get(name)]
    if missing:
        raise CommandFailure(
            f"{source.file} has no metadata.{missing[0]}: it is not the object as the API server has it",
            remedy="read it from there: kubectl get strategy NAME -n NAMESPACE -o json | tradeplane approve - ...",
        )
    approved = parsed(
        ApprovedObject,
        {"apiVersion": document["apiVersion"], "kind": document["kind"]}
        | {name: metadata[name] for name in ("namespace", "name", "uid")},
        f"metadata of {source.file}",
    )
    configuration = Configuration(api_version=document["apiVersion"], kind=document["kind"], spec=document["spec"])
    return approved, sha256_digest(payload_of(configuration))


def _approval(approved: ApprovedObject, wanted: Wanted) -> Approval:
    now = datetime.now(UTC)
    not_after = None if wanted.not_after is None else _moment(wanted.not_after)
    if not_after is not None and not_after <= now:
        raise CommandFailure(f"--not-after {wanted.not_after} is over", remedy="give a time that is yet to come")
    try:
        api.ApprovalSpec(
            strategy_ref=StrategyReference(name=approved.name),
            configuration="sha256:" + "0" * 64,
            user=wanted.user,
            bundle="{}",
        )
    except ValueError as error:
        raise CommandFailure(f"--user {wanted.user!r} is no user of an API server: {error}") from error
    said = {"object": approved.plain(), "user": wanted.user, "time": _told(now)}
    if not_after is not None:
        said["notAfter"] = _told(not_after)
    if wanted.comment is not None:
        said["comment"] = wanted.comment
    try:
        return parsed(Approval, said, "the approval")
    except Malformed as error:
        raise CommandFailure(str(error)) from error


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandFailure(
            f"--not-after {text!r} is no time", remedy="write it as RFC 3339 has it: 2026-12-31T23:59:59Z"
        ) from error
    if found.tzinfo is None:
        raise CommandFailure(f"--not-after {text!r} has no offset", remedy="write it in UTC: 2026-12-31T23:59:59Z")
    return found.astimezone(UTC)


def _told(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
