"""Replays of the sample run: one on each processor, as a status has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_api.parity import Baseline, FirstDivergence, Parity, Verdict
from tradeplane_api.replay import ReplayArchitecture, ReplayRun
from tradeplane_api.run import Outcome
from tradeplane_evidence.replay_attestation import Replayed
from tradeplane_evidence.statements.test_result import ReplayEvidence, replay_statement
from tradeplane_store.canonical import sha256_digest

from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from tradeplane_evidence.statements.statement import Statement

EXACT = Verdict(
    decisions=Parity.EXACT, execution=Parity.EXACT, fills=420, fills_matched=420, pnl_difference="0.000000000"
)
WITHIN = EXACT.model_copy(update={"execution": Parity.WITHIN, "pnl_difference": "-0.250000000"})
DIVERGED = EXACT.model_copy(
    update={
        "execution": Parity.DIVERGED,
        "fills_matched": 417,
        "pnl_difference": "-1.500000000",
        "divergence": FirstDivergence(part="trades", sequence=417, field="price", expected="5", got="6"),
    }
)
BOTH_DIVERGED = DIVERGED.model_copy(update={"decisions": Parity.DIVERGED})
UNJUDGED = EXACT.model_copy(update={"execution": Parity.UNJUDGED})
AMD64, ARM64 = ReplayArchitecture.AMD64, ReplayArchitecture.ARM64


def replay(architecture: ReplayArchitecture = AMD64, verdict: Verdict | None = EXACT, repeat: int = 1) -> ReplayRun:
    """Return a replay that has ended."""
    name = f"again-{architecture.value}-{repeat}"
    return ReplayRun(
        name=name,
        architecture=architecture,
        repeat=repeat,
        outcome=Outcome.SUCCEEDED,
        start_time="2026-01-05T10:00:00Z",
        completion_time=f"2026-01-05T10:00:{10 + repeat}Z",
        result_digest=sample_runs.results().result_digest,
        record_digest=sha256_digest(f"record of {name}".encode()),
        verdict=verdict,
    )


def evidence(*replays: ReplayRun, **changes: Any) -> ReplayEvidence:
    """Return what is stated of replays; of one on each processor where none are given."""
    known: dict[str, Any] = {
        "run": sample_runs.RUN,
        "image": sample_runs.IMAGE,
        "results": sha256_digest(sample_runs.files()["manifest.json"]),
        "run_digest": sample_runs.results().run_digest,
        "replays": replays or (replay(AMD64), replay(ARM64)),
        "builder": sample_runs.REPLAYER,
    }
    return ReplayEvidence(**(known | changes))


def statement(*replays: ReplayRun, **changes: Any) -> Statement:
    """Return the statement of them."""
    return replay_statement(evidence(*replays, **changes), sample_runs.artifact().digest)


def replayed(*replays: ReplayRun, image: str = sample_runs.IMAGE) -> Replayed:
    """Return what is attested of them."""
    manifest = sha256_digest(sample_runs.files()["manifest.json"])
    baseline = Baseline(run=sample_runs.RUN, manifest=manifest)
    return Replayed(baseline, image, replays or (replay(AMD64), replay(ARM64)))
