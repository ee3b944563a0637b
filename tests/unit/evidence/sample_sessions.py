"""A recorded session as a store has it, and what replays of it found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_api.run import Part
from tradeplane_api.snapshot_manifest import Holding, SessionDescription, SnapshotInstrument, SnapshotManifest
from tradeplane_evidence.snapshot_artifact import snapshot_artifact
from tradeplane_evidence.statements.test_result import SessionReplayEvidence, replay_statement
from tradeplane_evidence.stored_sessions import StoredSession
from tradeplane_store.canonical import canonical_json, sha256_digest

from tests.unit.evidence import sample_runs
from tests.unit.evidence.sample_replays import AMD64, ARM64, replay

if TYPE_CHECKING:
    from tradeplane_api.replay import ReplayRun
    from tradeplane_evidence.statements.statement import Statement

OTHER_IMAGE = sample_runs.IMAGE.replace("ab" * 32, "cd" * 32)


def manifest(**changes: Any) -> bytes:
    """Return the bytes of the manifest of a session's snapshot, such as one of other ``inputs``."""
    known: dict[str, Any] = {"name": "5e" * 16, "over": True, "inputs": 7, "orders": 2, "fills": 1, "seed": "0"}
    return canonical_json(
        SnapshotManifest(
            schema_version=3,
            instruments=(SnapshotInstrument(symbol="SYNUSDT", price_exponent=-2, quantity_exponent=-3),),
            start="2026-01-05T09:00:00Z",
            end="2026-01-05T09:10:00Z",
            records=7,
            sources=(),
            session=SessionDescription(**(known | changes)),
            parts=(
                Part(name="specification.json", rows=1, digest=sha256_digest(b"specification")),
                Part(name="journal-0.bin", rows=7, digest=sha256_digest(b"journal")),
            ),
        )
    )


def stored(traded_by: str | None = sample_runs.IMAGE, **changes: Any) -> StoredSession:
    """Return a session as it is read from a store."""
    data = manifest(**changes)
    return StoredSession(sha256_digest(data), data, traded_by)


def session_artifact(data: bytes) -> bytes:
    """Return the artifact of a session, from the bytes of its snapshot's manifest."""
    return snapshot_artifact(data, Holding.SESSION)


@dataclass(frozen=True)
class Judged:
    """A session as a store has it, the image that replayed it, and how each of its replays ended."""

    session: StoredSession
    image: str
    replays: tuple[ReplayRun, ...]


def replayed(*replays: ReplayRun, image: str = sample_runs.IMAGE, session: StoredSession | None = None) -> Judged:
    """Return what is attested of replays of a session; of one on each processor where none are given."""
    return Judged(session or stored(), image, replays or (replay(AMD64), replay(ARM64)))


def statement(*replays: ReplayRun, artifact: str | None = None, **changes: Any) -> Statement:
    """Return the statement of replays of a session."""
    session = stored()
    known: dict[str, Any] = {
        "snapshot": session.snapshot,
        "image": sample_runs.IMAGE,
        "traded_by": session.traded_by,
        "replays": replays or (replay(AMD64), replay(ARM64)),
        "builder": sample_runs.REPLAYER,
    }
    about = artifact or sha256_digest(session_artifact(session.manifest))
    return replay_statement(SessionReplayEvidence(**(known | changes)), about)
