"""Replays as the command shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_cli.differences import NONE
from tradeplane_cli.printing import columns, pairs
from tradeplane_cli.progress import stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.parity import FirstDivergence, ReplayRecord


@dataclass(frozen=True, slots=True)
class Replay:
    """A run that was run again: what was found, and where it first ran."""

    record: ReplayRecord
    recorded_on: Mapping[str, str]

    @property
    def exact(self) -> bool:
        """Whether nothing differs."""
        return self.record.verdict.exact

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {
            "run": self.record.specification.baseline.run,
            "baselineDigest": self.record.baseline_digest,
            "resultDigest": self.record.result_digest,
            "verdict": self.record.verdict.model_dump(mode="json"),
            "recorded": dict(self.recorded_on),
            "replayed": dict(self.record.environment),
        }

    def as_text(self) -> str:
        """Lines for people: the verdicts as ``kubectl get replays`` has them, then where it ran."""
        verdict = self.record.verdict
        cells = [
            self.record.specification.baseline.run,
            verdict.decisions.value,
            verdict.execution.value,
            f"{verdict.fills_matched}/{verdict.fills}",
            verdict.pnl_difference,
            _place(verdict.divergence),
        ]
        table = columns(["Run", "Decisions", "Execution", "Fills", "PnL", "Divergence"], [cells])
        where = [("Recorded on", _where(self.recorded_on)), ("Replayed on", _where(self.record.environment))]
        return "\n\n".join([table, pairs([*_told(verdict.divergence), *where])])


def replay_run(run: str, url: str) -> Replay:
    """Run again a finished run of the store at ``url``. Raises what the runner raises."""
    from tradeplane_store.objects import open_store
    from tradeplane_workloads.replay.again import replay_of, run_again
    from tradeplane_workloads.results import read_results_manifest

    store = open_store(url)
    with stage(f"Replaying {run}") as say:
        baseline = read_results_manifest(store, run)
        record = run_again(replay_of(store, run, "local"), store, say=say)
    return Replay(record, baseline.environment)


def _place(divergence: FirstDivergence | None) -> str:
    return NONE if divergence is None else f"{divergence.part}[{divergence.sequence}].{divergence.field}"


def _told(divergence: FirstDivergence | None) -> list[tuple[str, str]]:
    if divergence is None:
        return []
    return [("Expected", divergence.expected or NONE), ("Got", divergence.got or NONE)]


def _where(environment: Mapping[str, str]) -> str:
    named = [environment.get("architecture", ""), environment.get("simd", "")]
    return ", ".join(one for one in named if one) or "unknown"
