"""What the ledger says of the runs of an export: by whom what they ran was applied and approved, and whether it agrees.

Pure. Who did something is told as the ledger has it, authenticated or claimed, and never as one where it is the other.
Nothing that the ledger says makes a run verified; where it says another result than was signed, that is told.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tradeplane_store.canonical import sha256_digest

from tradeplane_evidence.errors import EvidenceError
from tradeplane_evidence.export import commands
from tradeplane_evidence.export.signatory import Signatory
from tradeplane_evidence.ledger.events import APPLIES, Action, Authenticated
from tradeplane_evidence.signing.bundle import parse_bundle
from tradeplane_evidence.statements.statement import hexadecimal
from tradeplane_evidence.verification.approvals import read_approval

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradeplane_evidence.export.commands import Command
    from tradeplane_evidence.export.ledger_copy import LedgerCopy
    from tradeplane_evidence.export.records import Record
    from tradeplane_evidence.ledger.entries import Entry
    from tradeplane_evidence.ledger.events import Claimed
    from tradeplane_evidence.signing.keyring import Keyring


@dataclass(frozen=True, slots=True)
class Told:
    """An entry of the ledger: that somebody did something, and who says who it was."""

    sequence: int
    action: str
    occurred: str
    recorded: str
    actor: Authenticated | Claimed

    @property
    def authenticated(self) -> bool:
        """Whether the API server identified who did it."""
        return isinstance(self.actor, Authenticated)

    @property
    def who(self) -> str:
        """Who it was, or who somebody said they were."""
        return self.actor.user if isinstance(self.actor, Authenticated) else self.actor.by

    def as_json(self) -> dict[str, Any]:
        """Return its fields as docs/evidence/export.md states them."""
        known = self.actor if isinstance(self.actor, Authenticated) else None
        return {
            "sequence": self.sequence,
            "action": self.action,
            "occurred": self.occurred,
            "recorded": self.recorded,
            "authenticated": None
            if known is None
            else {"user": known.user, "groups": list(known.groups), "auditId": known.audit_id},
            "claimedBy": None if known is not None else self.who,
        }


@dataclass(frozen=True, slots=True)
class ApprovalTold:
    """That a configuration of a Strategy was approved.

    ``user``: of whom the approval is, by what the entry says. ``statement``: SHA-256 of what was signed. ``bundle``:
    the Sigstore bundle of that, where the ledger has it; ``key`` is the fingerprint of the key that signed it, where
    that is one that was given and what it signed is an approval of the configuration by that user.
    """

    entry: Told
    namespace: str
    strategy: str
    configuration: str
    user: str | None
    statement: str | None
    bundle: bytes | None = field(default=None, repr=False)
    key: str | None = None

    @property
    def path(self) -> str | None:
        """Where its bundle is in the export."""
        if self.bundle is None:
            return None
        return f"approvals/{self.entry.sequence}-{hexadecimal(sha256_digest(self.bundle))[:16]}.sigstore.json"

    @property
    def command(self) -> Command | None:
        """The command that verifies its bundle; None where that is not here, or of a key that was not given."""
        if self.path is None or self.key is None:
            return None
        return commands.of_approval(Signatory(self.key), self.path, self.configuration)

    def as_json(self) -> dict[str, Any]:
        """Return its fields as docs/evidence/export.md states them."""
        return {
            **self.entry.as_json(),
            "namespace": self.namespace,
            "strategy": self.strategy,
            "configuration": self.configuration,
            "user": self.user,
            "statement": self.statement,
            "bundle": self.path,
            "key": self.key,
            "verify": None if self.command is None else self.command.line,
        }


@dataclass(frozen=True, slots=True)
class RunLedger:
    """What the ledger says of a run.

    ``configuration``: digest of what it ran by. ``finished``: sequence of the entry that it ended, with ``result``.
    ``agrees``: whether that is the result that was signed; None where it says none. ``stated``: digests of the
    approvals by which it was started, by what was signed of it.
    """

    uid: str
    generation: int | None
    configuration: str | None
    started: int | None
    finished: int | None
    result: str | None
    agrees: bool | None
    applied: tuple[Told, ...]
    approvals: tuple[ApprovalTold, ...]
    path: str | None = None
    """Where what it ran by is in the export, as it was applied; None where the ledger's database does not have it."""
    as_signed: bool | None = None
    """Whether ``configuration`` is the one that was signed; None where either is not told."""
    stated: frozenset[str] = frozenset()

    def before(self, approval: ApprovalTold) -> bool:
        """Say whether an approval stands in the ledger before the run does; one that follows let nothing be run."""
        first = min((one for one in (self.started, self.finished) if one is not None), default=0)
        return approval.entry.sequence < first

    def states(self, approval: ApprovalTold) -> bool:
        """Say whether what was signed of the run names an approval as one by which it was started."""
        return approval.statement in self.stated

    def as_json(self) -> dict[str, Any]:
        """Return its fields as docs/evidence/export.md states them."""
        return {
            "uid": self.uid,
            "generation": self.generation,
            "configuration": self.configuration,
            "asSigned": self.as_signed,
            "path": self.path,
            "started": self.started,
            "finished": self.finished,
            "result": self.result,
            "agrees": self.agrees,
            "applied": [one.as_json() for one in self.applied],
            "approvals": [
                {"sequence": one.entry.sequence, "beforeRun": self.before(one), "stated": self.states(one)}
                for one in self.approvals
            ],
        }


def with_ledger(records: Iterable[Record], copy: LedgerCopy, keyring: Keyring) -> tuple[Record, ...]:
    """Return the runs of an export with what the ledger says of each. Raises Malformed."""
    return tuple(replace(record, ledger=_of(record, copy, keyring)) for record in records)


def approvals_of(records: Iterable[Record]) -> tuple[ApprovalTold, ...]:
    """Return the approvals of all runs, each once, in the order of the ledger."""
    found = {
        one.entry.sequence: one for record in records if record.ledger is not None for one in record.ledger.approvals
    }
    return tuple(found[sequence] for sequence in sorted(found))


def _of(record: Record, copy: LedgerCopy, keyring: Keyring) -> RunLedger | None:
    """Return what the ledger says of a run, by the name that a trusted key signed; None where that is nothing."""
    if record.signed is None or copy.broken is not None:
        return None
    entries = copy.entries_of(record.namespace, record.strategy)
    own = [entry for entry in entries if entry.event.run == record.signed.run]
    if not own:
        return None
    ended = [entry for entry in own if entry.event.action is Action.FINISHED]
    fits = next((entry for entry in ended if entry.event.result == record.signed.result_digest), None)
    last = fits or (ended[-1] if ended else None)
    uid = (last or own[0]).event.object.uid
    own = [entry for entry in own if entry.event.object.uid == uid]
    generation = _first(entry.event.generation for entry in own)
    applied = [
        entry
        for entry in entries
        if entry.event.action in APPLIES and entry.event.object.uid == uid and entry.event.generation == generation
    ]
    configuration = _first(entry.event.configuration for entry in (*own, *applied))
    applied = [entry for entry in applied if entry.event.configuration == configuration]
    approved = [] if configuration is None else _approved(entries, uid, configuration)
    result = None if last is None else last.event.result
    signed = None if record.signed.strategy is None else record.signed.strategy.configuration
    return RunLedger(
        uid=uid,
        generation=generation,
        configuration=configuration,
        started=_first(entry.sequence for entry in own if entry.event.action is Action.STARTED),
        finished=None if last is None else last.sequence,
        result=result,
        agrees=None if result is None else fits is not None,
        applied=tuple(map(_told, applied)),
        approvals=tuple(_approval(entry, record, copy, keyring) for entry in approved),
        as_signed=None if configuration is None or signed is None else configuration == signed,
        stated=frozenset(one.digest for one in record.signed.approvals if one.digest is not None),
    )


def _approved(entries: Iterable[Entry], uid: str, configuration: str) -> list[Entry]:
    """Return the approvals of a configuration: those of the very object, and of no other that had its name."""
    return [
        entry
        for entry in entries
        if entry.event.action is Action.APPROVED
        and (entry.event.object.uid, entry.event.configuration) == (uid, configuration)
    ]


def _first(values: Iterable[Any]) -> Any:
    return next((value for value in values if value is not None), None)


def _told(entry: Entry) -> Told:
    event = entry.event
    return Told(entry.sequence, event.action.value, event.occurred, entry.recorded, event.actor)


def _approval(entry: Entry, record: Record, copy: LedgerCopy, keyring: Keyring) -> ApprovalTold:
    event = entry.event
    told = ApprovalTold(
        entry=_told(entry),
        namespace=record.namespace,
        strategy=record.strategy,
        configuration=event.configuration or "",
        user=event.note,
        statement=event.attestation,
    )
    if event.attestation is None:
        return told
    for _, payload in copy.approvals.get(record.namespace, ()):
        bundle = _bundle(payload, record.strategy, told.configuration)
        if bundle is not None and _statement(bundle) == event.attestation:
            return replace(told, bundle=bundle, key=_signed_by(bundle, told, event.object.uid, keyring))
    return told


def _bundle(payload: bytes, strategy: str, configuration: str) -> bytes | None:
    """Return the bundle in the specification of an Approval, None where it is of something else or has none."""
    try:
        spec = json.loads(payload)["spec"]
        of_it = spec["strategyRef"]["name"] == strategy and spec["configuration"] == configuration
        bundle: bytes | None = spec["bundle"].encode() if of_it else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return bundle


def _statement(bundle: bytes) -> str | None:
    """Return the digest of what a bundle signs."""
    try:
        payload = parse_bundle(bundle).dsse_envelope.payload_bytes()
    except EvidenceError:
        return None
    return sha256_digest(payload)


def _signed_by(bundle: bytes, told: ApprovalTold, uid: str, keyring: Keyring) -> str | None:
    """Return the key that signed an approval, where it approves for the user and says what the ledger says."""
    try:
        signed = read_approval(bundle, keyring)
        signed.check_claimed(told.namespace, told.strategy, told.configuration, told.user or "")
    except EvidenceError:
        return None
    return signed.key if signed.approval.object.uid == uid else None
