"""The data of the sample run as a snapshot that is attested, and what is stated of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradeplane_evidence.snapshot_artifact import snapshot_artifact
from tradeplane_evidence.statements.run import Execution, SnapshotAttestation
from tradeplane_evidence.statements.snapshot import Captured, Imported, SnapshotEvidence, snapshot_statement
from tradeplane_evidence.stored_snapshots import StoredSnapshot
from tradeplane_store.canonical import canonical_json, sha256_digest

from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from tradeplane_api.snapshot_manifest import SnapshotManifest
    from tradeplane_evidence.statements.statement import Statement

PLACE = "https://data.example.com/2026/sp500.csv.gz"
IMPORTED = Imported({"sp500.csv.gz": PLACE})
CAPTURED = Captured(
    namespace="research",
    name="btcusdt",
    bundle=3,
    specification={
        "source": {"connectionRef": {"name": "binance"}, "instruments": ["BTCUSDT"], "channels": ["trade"]},
        "store": "default",
    },
)
SEALED = Execution(
    builder="https://tradeplane.dev/evidence/builders/operator-v1/capture/file",
    invocation="9b2f8c9e-0000-4000-8000-000000000002",
    finished="2026-01-05T08:00:00Z",
)


def stored(manifest: SnapshotManifest | None = None) -> StoredSnapshot:
    """Return a snapshot as it is read from a store: that of the sample run, where no other is given."""
    known = manifest or sample_runs.snapshot()
    data = canonical_json(known)
    return StoredSnapshot(sha256_digest(data), data, known)


def other() -> StoredSnapshot:
    """Return another one, of other records."""
    return stored(sample_runs.snapshot().model_copy(update={"records": 5_032}))


def artifact(snapshot: StoredSnapshot | None = None) -> str:
    """Return the digest of the artifact of a snapshot."""
    known = snapshot or stored()
    return sha256_digest(snapshot_artifact(known.data, known.manifest.holds))


def imported(snapshot: StoredSnapshot | None = None, origin: Imported = IMPORTED) -> SnapshotEvidence:
    """Return what is stated of one that somebody imported."""
    known = snapshot or stored()
    return SnapshotEvidence(known.snapshot, known.manifest, origin)


def captured(snapshot: StoredSnapshot | None = None) -> SnapshotEvidence:
    """Return what is stated of one that a capture sealed, which goes on with another."""
    known = snapshot or stored(sample_runs.snapshot().model_copy(update={"previous": f"sha256:{'33' * 32}"}))
    return SnapshotEvidence(known.snapshot, known.manifest, CAPTURED, SEALED)


def statement(evidence: SnapshotEvidence | None = None) -> Statement:
    """Return what is stated of a snapshot; of one that was imported where nothing else is given."""
    known = evidence or imported()
    return snapshot_statement(known, artifact(stored(known.manifest)))


def on_attested_data(attestation: str = f"sha256:{'d0' * 32}", repository: str | None = None) -> Execution:
    """Return the sample execution, of a run whose snapshot is attested."""
    place = f"{repository or 'registry.example.com:5000/tradeplane/runs/research/snapshots'}@{artifact()}"
    found = SnapshotAttestation(stored().snapshot, place, attestation)
    return replace(sample_runs.ATTESTED_IMAGE, snapshots=(found,))
