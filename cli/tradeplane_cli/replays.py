"""Replays as the command shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_api.parity import Parity

from tradeplane_cli.differences import NONE, checked_digest
from tradeplane_cli.printing import columns, pairs
from tradeplane_cli.progress import stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradeplane_api.parity import FirstDivergence, ReplayRecord, Verdict
    from tradeplane_api.snapshot import SessionDescription
    from tradeplane_workloads.replay.sessions import SessionReplay

SESSION = "sha256:"
"""What an id of a snapshot begins with; no name of a run does."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A run that was run again: what was found, and where it first ran."""

    run: str
    record: ReplayRecord
    recorded_on: Mapping[str, str]

    @property
    def diverged(self) -> bool:
        """Whether anything differs."""
        return self.record.verdict.diverged

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {
            "run": self.run,
            "baselineDigest": self.record.baseline_digest,
            "resultDigest": self.record.result_digest,
            "verdict": self.record.verdict.model_dump(mode="json"),
            "recorded": dict(self.recorded_on),
            "replayed": dict(self.record.environment),
        }

    def as_text(self) -> str:
        """Lines for people: the verdicts as ``kubectl get replays`` has them, then where it ran."""
        table = _table("Run", self.run, self.record.verdict)
        return "\n\n".join([table, _below(self.record.verdict, (), self.recorded_on, self.record.environment)])


@dataclass(frozen=True, slots=True)
class ReplayedSession:
    """A session that was replayed: what was found, and where it was sealed."""

    found: SessionReplay

    @property
    def diverged(self) -> bool:
        """Whether anything differs; what is not judged does not."""
        return self.found.verdict.diverged

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {
            "snapshot": self.found.id,
            "session": None if self._session is None else self._session.model_dump(mode="json", by_alias=True),
            "verdict": self.found.verdict.model_dump(mode="json", by_alias=True),
            "recorded": dict(self.found.recorded_on),
            "replayed": dict(self.found.replayed_on),
        }

    def as_text(self) -> str:
        """Lines for people: as of a run, and what of the session is not judged."""
        session, verdict = self._session, self.found.verdict
        table = _table("Session", "" if session is None else session.name, verdict)
        said = [("Snapshot", self.found.id)]
        if session is not None and not session.over:
            said.append(("Open", "the session goes on; this is what was recorded when it was sealed"))
        if verdict.execution is Parity.UNJUDGED:
            said.append(("Execution", "not judged: the snapshot has no record of the exchange"))
        return "\n\n".join([table, _below(verdict, said, self.found.recorded_on, self.found.replayed_on)])

    @property
    def _session(self) -> SessionDescription | None:
        return self.found.manifest.session


def replay_run(run: str, url: str) -> Replay:
    """Run again a finished run of the store at ``url``. Raises what the runner raises."""
    from tradeplane_store.objects import open_store
    from tradeplane_workloads.replay.again import replay_of, run_again
    from tradeplane_workloads.results import read_results_manifest

    store = open_store(url)
    with stage(f"Replaying {run}") as say:
        baseline = read_results_manifest(store, run)
        record = run_again(replay_of(store, run, "local"), store, say=say)
    return Replay(run, record, baseline.environment)


def replay_session(snapshot: str, url: str) -> ReplayedSession:
    """Replay the session of a snapshot of the store at ``url``. Raises CommandFailure for what is no id."""
    checked = checked_digest(snapshot, "SNAPSHOT")

    from tradeplane_store.objects import open_store
    from tradeplane_workloads.replay import sessions

    with stage("Replaying the session") as say:
        return ReplayedSession(sessions.replay_session(open_store(url), checked, say))


def _table(kind: str, name: str, verdict: Verdict) -> str:
    cells = [
        name,
        verdict.decisions.value,
        verdict.execution.value,
        f"{verdict.fills_matched}/{verdict.fills}",
        verdict.pnl_difference,
        _place(verdict.divergence),
    ]
    return columns([kind, "Decisions", "Execution", "Fills", "PnL", "Divergence"], [cells])


def _below(
    verdict: Verdict, said: Sequence[tuple[str, str]], recorded: Mapping[str, str], replayed: Mapping[str, str]
) -> str:
    where = [("Recorded on", _where(recorded)), ("Replayed on", _where(replayed))]
    return pairs([*said, *_told(verdict.divergence), *where])


def _place(divergence: FirstDivergence | None) -> str:
    return NONE if divergence is None else f"{divergence.part}[{divergence.sequence}].{divergence.field}"


def _told(divergence: FirstDivergence | None) -> list[tuple[str, str]]:
    if divergence is None:
        return []
    return [("Expected", divergence.expected or NONE), ("Got", divergence.got or NONE)]


def _where(environment: Mapping[str, str]) -> str:
    named = [environment.get("architecture", ""), environment.get("simd", "")]
    return ", ".join(one for one in named if one) or "unknown"
