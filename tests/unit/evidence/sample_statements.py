"""A statement of every kind that is signed: of runs, batches, snapshots, images and what else there is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradeplane_evidence.ledger.entries import GENESIS
from tradeplane_evidence.ledger.heads import Head, head_statement
from tradeplane_evidence.statements.approval import approval_statement
from tradeplane_evidence.statements.batch import batch_statement
from tradeplane_evidence.statements.image import sbom_statement
from tradeplane_evidence.statements.release import release_statement
from tradeplane_evidence.statements.verification_summary import (
    PolicyReference,
    VerificationSummary,
    Verifier,
    summary_statement,
)
from tradeplane_store.canonical import sha256_digest

from tests.unit.evidence import (
    sample_approvals,
    sample_images,
    sample_releases,
    sample_replays,
    sample_runs,
    sample_sessions,
    sample_snapshots,
)
from tests.unit.evidence.test_ledger_heads import HEAD

if TYPE_CHECKING:
    from tradeplane_evidence.statements.statement import Statement

DIGESTS = [sha256_digest(f"artifact {number}".encode()) for number in range(3)]
SUMMARY = VerificationSummary(
    verifier=Verifier(id="https://example.com/verifier", version={"tradeplane": "0.1.0"}),
    time_verified="2026-01-06T00:00:00Z",
    resource_uri=f"registry.example.com/runs/x@{DIGESTS[0]}",
    policy=PolicyReference(uri="https://example.com/policy", digest={"sha256": "ee" * 32}),
    verification_result="PASSED",
    verified_levels=("SLSA_BUILD_LEVEL_1",),
)
STATEMENTS: dict[str, Statement] = {
    "run": sample_runs.statement(),
    "approved run": sample_runs.statement(
        replace(sample_runs.ATTESTED_IMAGE, approvals=(("alice@example.com", DIGESTS[1]),))
    ),
    "run without image": sample_runs.statement_of_run(sample_runs.stored(image=None)),
    "batch": batch_statement(DIGESTS, sample_runs.EXECUTION.builder, "2026-01-05T09:00:07Z"),
    "replays": sample_replays.statement(),
    "replay that differs": sample_replays.statement(sample_replays.replay(verdict=sample_replays.DIVERGED)),
    "replays of a session": sample_sessions.statement(),
    "run on attested data": sample_runs.statement(sample_snapshots.on_attested_data()),
    "snapshot that was imported": sample_snapshots.statement(),
    "snapshot that was captured": sample_snapshots.statement(sample_snapshots.captured()),
    "image": sample_images.statement(),
    "bill of materials": sbom_statement(sample_images.evidence(), sample_images.PLATFORMS[0]),
    "release": release_statement(sample_releases.evidence()),
    "approval": approval_statement(sample_approvals.APPROVAL, sample_approvals.CONFIGURATION),
    "summary": summary_statement(SUMMARY, DIGESTS[0]),
    "head of the ledger": head_statement(HEAD),
    "head of an empty ledger": head_statement(Head(sequence=0, hash=GENESIS, time="2026-01-05T09:00:00.000000Z")),
}
