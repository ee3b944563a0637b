"""What the export says of a run: plain values, from what verification found; the page and ``runs.json`` are made of it.

Pure. A run that was refused says no more than what a trusted key signed of it: figures and times of others' words are
left out rather than shown beside those that may be relied on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.export.signatory import signatory_of
from tradeplane_evidence.signing.keyring import told
from tradeplane_evidence.statements.run import APPROVAL, ATTESTATION, IMAGE, RESULT, SPECIFICATION, asking_strategy
from tradeplane_evidence.statements.statement import hexadecimal
from tradeplane_evidence.verification.snapshots import origin_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.run import Summary

    from tradeplane_evidence.export.commands import Command
    from tradeplane_evidence.export.examination import Examined
    from tradeplane_evidence.export.folder import ExportedFile
    from tradeplane_evidence.export.images import AttestedBy
    from tradeplane_evidence.export.ledger_records import RunLedger
    from tradeplane_evidence.export.signatory import Signatory
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.statements.run import AskingStrategy
    from tradeplane_evidence.statements.statement import ResourceDescriptor
    from tradeplane_evidence.verification.bundles import Claim
    from tradeplane_evidence.verification.checks import Check
    from tradeplane_evidence.verification.replays import ReplayClaim
    from tradeplane_evidence.verification.snapshots import SnapshotClaim


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something a run was made from, as the statement names it.

    ``kind``: image, manifest, approval, snapshot, part, source or other.
    """

    kind: str
    name: str
    uri: str | None
    digest: str | None
    """``algorithm:hex``; of several, that of SHA-256 where there is one, else the first by name."""
    attestation: str | None = None
    """Digest of its own attestation, where the statement names one."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What somebody signed of a run who is relied on."""

    who: Signatory
    run: str
    builder: str
    build_type: str
    invocation: str | None
    started: str | None
    finished: str | None
    stamped: str | None
    """Since when the signature is there, by the word of ``stamped_by``."""
    stamped_by: str | None
    result_digest: str | None
    dependencies: tuple[Dependency, ...]
    strategy: AskingStrategy | None = None
    """Who asked for it, where that is stated as it must be."""

    @property
    def approvals(self) -> tuple[Dependency, ...]:
        """The approvals by which it was started: each by the digest of the statement that its user signed."""
        return tuple(one for one in self.dependencies if one.kind == APPROVAL)


@dataclass(frozen=True, slots=True)
class ReplayFile:
    """What replays of a run found, as a trusted key signed it, and where its bundle is in the export."""

    claim: ReplayClaim
    path: str

    @property
    def who(self) -> Signatory:
        """Who signed it."""
        return signatory_of(self.claim.key, self.claim.trusted, self.claim.bundle)


@dataclass(frozen=True, slots=True)
class AttestedData:
    """How a snapshot of a run came to be, as a trusted key signed it, and where its bundle is in the export."""

    claim: SnapshotClaim
    path: str

    @property
    def who(self) -> Signatory:
        """Who signed it."""
        return signatory_of(self.claim.claim.key.key.fingerprint, self.claim.claim.trusted, self.claim.bundle)

    @property
    def builder(self) -> str:
        """Who is said to have made it."""
        return self.claim.claim.provenance.run_details.builder.id

    @property
    def origin(self) -> str:
        """How it came to be, in words."""
        return origin_in_words(self.claim.claim.provenance)

    def as_json(self) -> dict[str, Any]:
        """Return its fields as docs/evidence/export.md states them."""
        return {
            "snapshot": self.claim.snapshot,
            "reference": str(self.claim.reference),
            "attestation": self.claim.attestation,
            **self.who.as_json(),
            "builder": self.builder,
            "origin": self.origin,
            "path": self.path,
        }


@dataclass(frozen=True, slots=True)
class Record:
    """One run of the export.

    ``namespace`` and ``strategy`` are those that were signed (``signed.strategy``); where none were, the last two parts
    of the repository's name, where the operator puts its runs. ``signed`` is None where no trusted key signed anything
    of it, ``summary`` where it is refused.
    """

    folder: str
    reference: str
    namespace: str
    strategy: str
    found_by: str
    verified: bool
    checks: tuple[Check, ...]
    signed: Signed | None
    summary: Summary | None
    files: tuple[ExportedFile, ...]
    left_out: Mapping[str, str]
    commands: tuple[Command, ...]
    image: AttestedBy | None = None
    """Who attested the image that made it, where its statement names that and it was followed."""
    replays: tuple[ReplayFile, ...] = ()
    """What attested replays of it found."""
    snapshots: tuple[AttestedData, ...] = ()
    """How its data came to be, where its statement names attestations of them and these were followed."""
    ledger: RunLedger | None = None
    """What the ledger says of it, where one was exported and says anything."""

    @property
    def refusal(self) -> Check | None:
        """The check that failed."""
        return next((check for check in self.checks if not check.passed), None)

    def as_json(self) -> dict[str, Any]:
        """Return its fields as docs/evidence/export.md states them."""
        return {
            "reference": self.reference,
            "namespace": self.namespace,
            "strategy": self.strategy,
            "foundBy": self.found_by,
            "folder": self.folder,
            "verified": self.verified,
            "checks": [
                {"name": one.name, "passed": one.passed, "message": one.words, "error": one.error}
                for one in self.checks
            ],
            "signed": None if self.signed is None else _signed_json(self.signed),
            "summary": None if self.summary is None else self.summary.model_dump(mode="json", by_alias=True),
            "files": [{"path": one.path, "sha256": one.sha256, "bytes": one.size} for one in self.files],
            "leftOut": dict(sorted(self.left_out.items())),
            "image": None if self.image is None else self.image.as_json(),
            "replays": [{**one.claim.as_json(), "path": one.path} for one in self.replays],
            "snapshots": [one.as_json() for one in self.snapshots],
            "ledger": None if self.ledger is None else self.ledger.as_json(),
            "verify": [one.line for one in self.commands],
        }


def owner(repository: str) -> tuple[str, str]:
    """Return namespace and Strategy as the name of a repository has them; empty where it has no namespace."""
    parts = repository.split("/")
    return (parts[-2] if len(parts) > 1 else "", parts[-1])


def of_whom(reference: Reference, claim: Claim | None) -> tuple[str, str]:
    """Return namespace and Strategy of a run: as they were signed, and by where it lies where they were not."""
    strategy = None if claim is None else _asking(claim)
    return owner(reference.repository) if strategy is None else (strategy.namespace, strategy.name)


def signed_of(claim: Claim, digest: str, bundle: bytes) -> Signed:
    """Return what the claim of a bundle says of the artifact of a digest."""
    details, definition = claim.provenance.run_details, claim.provenance.build_definition
    metadata = details.metadata
    results = [one.digest or {} for one in details.byproducts if one.name == "result"]
    result = results[0].get(RESULT) if results else None
    subjects = [one.name for one in claim.statement.subject if one.digest.get("sha256") == hexadecimal(digest)]
    specification = definition.external_parameters.get(SPECIFICATION)
    stated = specification.get("run") if isinstance(specification, dict) else None
    return Signed(
        who=signatory_of(claim.key.key.fingerprint, claim.trusted, bundle),
        run=next((name for name in (*subjects, stated) if isinstance(name, str) and name), ""),
        builder=details.builder.id,
        build_type=definition.build_type,
        invocation=None if metadata is None else metadata.invocation_id,
        started=None if metadata is None else metadata.started_on,
        finished=None if claim.made is None else told(claim.made),
        stamped=None if claim.stamped is None else told(claim.stamped[0]),
        stamped_by=None if claim.stamped is None else claim.stamped[1],
        result_digest=None if result is None else f"sha256:{result}",
        dependencies=tuple(_dependency(one) for one in definition.resolved_dependencies),
        strategy=_asking(claim),
    )


def _asking(claim: Claim) -> AskingStrategy | None:
    """Return who asked for a run; None also where what is stated of that is not as it must be: that is refused."""
    try:
        return asking_strategy(claim.provenance)
    except Malformed:
        return None


def order(examined: Examined) -> tuple[str, str, str, str]:
    """Return by what runs are put in order: namespace, Strategy, time, and the reference that no two share."""
    reference = examined.verification.reference
    finished = "" if examined.finished is None else told(examined.finished)
    return (*of_whom(reference, examined.verification.claim), finished, str(reference))


def _dependency(one: ResourceDescriptor) -> Dependency:
    name, digests = one.name or "", one.digest or {}
    algorithm = "sha256" if "sha256" in digests else min(digests, default=None)
    digest = None if algorithm is None else f"{algorithm}:{digests[algorithm]}"
    attestation = (one.annotations or {}).get(ATTESTATION)
    return Dependency(_kind(name), name, one.uri, digest, attestation if isinstance(attestation, str) else None)


def _kind(name: str) -> str:
    if name == IMAGE:
        return "image"
    if name.startswith(f"{IMAGE}/"):
        return "manifest"
    if name.startswith(f"{APPROVAL}/"):
        return APPROVAL
    if name.startswith("source/"):
        return "source"
    if name.startswith("snapshots/"):
        return "snapshot" if name.endswith("/manifest.json") else "part"
    return "other"


def _signed_json(signed: Signed) -> dict[str, Any]:
    return {
        **signed.who.as_json(),
        "run": signed.run,
        "builder": signed.builder,
        "buildType": signed.build_type,
        "invocationId": signed.invocation,
        "startedOn": signed.started,
        "finishedOn": signed.finished,
        "timestamp": signed.stamped,
        "timestampAuthority": signed.stamped_by,
        "resultDigest": signed.result_digest,
        "strategy": None if signed.strategy is None else signed.strategy.plain(),
        "resolvedDependencies": [
            {
                "kind": one.kind,
                "name": one.name,
                "uri": one.uri,
                "digest": one.digest,
                "attestation": one.attestation,
            }
            for one in signed.dependencies
        ],
    }
