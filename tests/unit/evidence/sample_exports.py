"""An export made by hand of the sample run: verified, refused, and with texts that try to be more than text."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tradeplane_evidence.export import commands
from tradeplane_evidence.export.contents import Export
from tradeplane_evidence.export.discovery import PassedOver
from tradeplane_evidence.export.exported_ledger import ExportedHead, ExportedLedger
from tradeplane_evidence.export.folder import ExportedFile
from tradeplane_evidence.export.images import AttestedBy
from tradeplane_evidence.export.ledger_records import ApprovalTold, RunLedger, Told
from tradeplane_evidence.export.period import read_period
from tradeplane_evidence.export.published_keys import published
from tradeplane_evidence.export.published_trust import PublishedIdentity
from tradeplane_evidence.export.records import AttestedData, Dependency, Record, Signed, signed_of
from tradeplane_evidence.export.signatory import Signatory
from tradeplane_evidence.export.strategies import StatedRun
from tradeplane_evidence.ledger.events import Authenticated, Claimed
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.verification.bundles import verify_bundle
from tradeplane_evidence.verification.checks import Check
from tradeplane_evidence.verification.images import image_policy
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.snapshots import SnapshotClaim, snapshot_policy

from tests.unit.evidence import sample_images, sample_runs, sample_snapshots

if TYPE_CHECKING:
    from tradeplane_evidence.signing.file_signer import FileSigner

NOW = datetime(2026, 4, 1, tzinfo=UTC)
HOSTILE = (
    "</title><script>fetch('http://127.0.0.1:9/')</script><img src=x onerror=alert(1)>\u202egnp.exe\u0000'\"{{ 7 * 7 }}"
)


def signed(signer: FileSigner) -> Signed:
    """Return what was signed of the sample run."""
    digest = sample_runs.artifact().digest
    claim = verify_bundle(sample_runs.bundle(signer), digest, sample_runs.keyring(signer), Policy(), NOW)
    return signed_of(claim, digest, sample_runs.bundle(signer))


def verified(signer: FileSigner) -> Record:
    """Return the sample run, verified."""
    reference = f"registry.example.com/runs/trading/sp500-macd@{sample_runs.artifact().digest}"
    known = signed(signer)
    place = "runs/6593ec4ab1cbd48f-0000000000000000"
    paths = (f"{place}/bundle.sigstore.json", f"{place}/artifact.json")
    return Record(
        folder=place,
        reference=reference,
        namespace="trading",
        strategy="sp500-macd",
        found_by="tag v1",
        verified=True,
        checks=(Check("artifact", "5 files"), Check("time", "2026-01-05T09:00:07Z by the signer's own word")),
        signed=known,
        summary=sample_runs.results().summary,
        files=(ExportedFile(f"{place}/artifact.json", "ab" * 32, 1_300),),
        left_out={"equity.arrow": "files were not asked for (--with-files)"},
        commands=(
            commands.by_cosign(known.who, *paths),
            commands.by_tradeplane(reference, commands.Asked(Policy(), image_policy())),
        ),
    )


def attested_data(signer: FileSigner, attestation: str) -> AttestedData:
    """Return how the data of the sample run came to be, by an attestation of that digest."""
    bundle, snapshot = sign_statement(sample_snapshots.statement(), signer), sample_snapshots.stored().snapshot
    digest = sample_snapshots.artifact()
    claim = verify_bundle(bundle, digest, sample_runs.keyring(signer), snapshot_policy(), NOW)
    place = Reference("registry.example.com", "data/snapshots", digest=digest)
    return AttestedData(SnapshotClaim(place, snapshot, claim, attestation, bundle), "runs/x/data/001.sigstore.json")


def attested_image(signer: FileSigner) -> AttestedBy:
    """Return who attested an image."""
    who = Signatory(signer.public_key.fingerprint)
    place = "images/ee6b8af10c9b6893-0000000000000000"
    return AttestedBy(
        folder=place,
        reference=sample_runs.IMAGE,
        attestation="sha256:" + "ef" * 32,
        who=who,
        builder=sample_images.EXECUTION.builder,
        commit=sample_images.COMMIT,
        source=f"commit {sample_images.COMMIT}",
        command=commands.of_image(who, f"{place}/bundle.sigstore.json", f"{place}/index.json"),
    )


def refused(signer: FileSigner, error: str = "KeyRefused", step: str = "attestation") -> Record:
    """Return a run of which nothing is known but that it is there."""
    whole = verified(signer)
    return replace(
        whole,
        folder="runs/1111111111111111-0000000000000000",
        verified=False,
        checks=(Check("artifact", "5 files"), Check(step, "none of the keys made the signature", error)),
        signed=None,
        summary=None,
        left_out={},
        commands=whole.commands[1:],
    )


def hostile(signer: FileSigner) -> Record:
    """Return a run whose every text that others choose is hostile."""
    whole = verified(signer)
    known = signed(signer)
    return replace(
        whole,
        folder="runs/2222222222222222-0000000000000000",
        namespace=HOSTILE,
        strategy=HOSTILE,
        found_by=HOSTILE,
        verified=False,
        checks=(Check(HOSTILE, HOSTILE), Check("files", HOSTILE * 1_000, "PolicyRefused")),
        signed=replace(
            known,
            who=Signatory(None, HOSTILE, HOSTILE, "trusted-roots/0.json"),
            run=HOSTILE,
            builder=HOSTILE,
            build_type=HOSTILE,
            invocation=HOSTILE,
            started=HOSTILE,
            dependencies=(
                Dependency("approval", f"approval/{HOSTILE}", None, HOSTILE),
                *(
                    Dependency(kind, f"{prefix}{HOSTILE}{number}", HOSTILE, HOSTILE)
                    for number in range(50)
                    for kind, prefix in (
                        ("image", ""),
                        ("snapshot", "snapshots/"),
                        ("source", "source/"),
                        ("other", ""),
                    )
                ),
            ),
        ),
        summary=None,
        left_out={HOSTILE: HOSTILE},
    )


def export(signer: FileSigner, *records: Record) -> Export:
    """Return an export of runs."""
    return Export(
        period=read_period("2026-01-01", "2026-03-31"),
        targets=("registry.example.com/runs",),
        from_cluster=False,
        with_files=False,
        builders=None,
        timestamped=False,
        images=True,
        image_builders=None,
        keys=published(sample_runs.keyring(signer)),
        authorities=(),
        records=records,
        unattested=(),
        passed_over=(),
        whole=commands.whole(),
    )


def hostile_ledger() -> RunLedger:
    """Return what a ledger says of a run, every text of which others chose."""
    by: list[Authenticated | Claimed] = [
        Claimed(by=HOSTILE.replace("\0", "")),
        Authenticated(user=HOSTILE.replace("\0", ""), groups=(), audit_id="a"),
    ]
    told = tuple(
        Told(number, "applied", "2026-01-05T09:00:00.000000Z", "2026-01-05T09:00:00.000000Z", by[number % 2])
        for number in range(500)
    )
    approvals = tuple(
        ApprovalTold(one, HOSTILE, HOSTILE, "sha256:" + "ab" * 32, HOSTILE, None, b"{}", None) for one in told
    )
    digest = "sha256:" + "cd" * 32
    return RunLedger("uid", 1, digest, 1, 2, digest, False, told, approvals)


def everything(signer: FileSigner) -> Export:
    """Return an export with something of each kind, the hostile among it."""
    ledger = hostile_ledger()
    head = ExportedHead(
        "heads/5-0.sigstore.json",
        5,
        "sha256:" + "ef" * 32,
        "2026-01-05T09:00:00.000000Z",
        signer.public_key.fingerprint,
    )
    return replace(
        export(signer, hostile(signer), refused(signer), replace(verified(signer), ledger=ledger)),
        ledger=ExportedLedger(500, "sha256:" + "cd" * 32, (head,)),
        approvals=ledger.approvals,
        from_cluster=True,
        unattested=(StatedRun(HOSTILE, HOSTILE, HOSTILE, HOSTILE, None),),
        passed_over=tuple(PassedOver(f"registry.example.com/{number}", HOSTILE) for number in range(300)),
        builders=(HOSTILE,),
        parameters=((HOSTILE, HOSTILE),),
        identities=(PublishedIdentity(HOSTILE, HOSTILE, "trusted-roots/0.json", (HOSTILE,), ("runs", "images")),),
        authorities=(HOSTILE,),
    )
