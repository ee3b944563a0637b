"""Replays as the command shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_cli.differences import NONE
from tradeplane_cli.printing import columns, pairs
from tradeplane_cli.progress import stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.replay import FirstDivergence, Verdict
    from tradeplane_api.run import ResultsManifest


@dataclass(frozen=True, slots=True)
class Replay:
    """A run that was run again: where it first ran, where it did now, and how the two compare."""

    baseline: ResultsManifest
    environment: Mapping[str, str]
    verdict: Verdict

    @property
    def exact(self) -> bool:
        """Whether nothing differs."""
        return self.verdict.exact

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {
            "run": self.baseline.specification.run,
            "resultDigest": self.baseline.result_digest,
            "verdict": self.verdict.model_dump(mode="json"),
            "recorded": dict(self.baseline.environment),
            "replayed": dict(self.environment),
        }

    def as_text(self) -> str:
        """Lines for people: the verdicts as ``kubectl get replays`` has them, then where it ran."""
        verdict = self.verdict
        cells = [
            self.baseline.specification.run,
            verdict.decisions.value,
            verdict.execution.value,
            f"{verdict.fills_matched}/{verdict.fills}",
            verdict.pnl_difference,
            _place(verdict.divergence),
        ]
        table = columns(["Run", "Decisions", "Execution", "Fills", "PnL", "Divergence"], [cells])
        where = [("Recorded", _where(self.baseline.environment)), ("Replayed", _where(self.environment))]
        return "\n\n".join([table, pairs([*_told(verdict.divergence), *where])])


def replay_run(run: str, url: str) -> Replay:
    """Run again a finished run of the store at ``url``. Raises what the runner raises."""
    from tradeplane_store.objects import open_store
    from tradeplane_workloads.replay.again import replay_run as run_again

    with stage(f"Replaying {run}") as say:
        replayed = run_again(open_store(url), run, say)
    return Replay(replayed.baseline, replayed.environment, replayed.verdict)


def _place(divergence: FirstDivergence | None) -> str:
    return NONE if divergence is None else f"{divergence.part}[{divergence.sequence}].{divergence.field}"


def _told(divergence: FirstDivergence | None) -> list[tuple[str, str]]:
    if divergence is None:
        return []
    return [("Expected", divergence.expected or NONE), ("Got", divergence.got or NONE)]


def _where(environment: Mapping[str, str]) -> str:
    named = [environment.get("architecture", ""), environment.get("simd", "")]
    return ", ".join(one for one in named if one) or "unknown"
