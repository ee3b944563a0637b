"""Replays as the command shows them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradeplane_api.parity import Parity

from tradeplane_cli.differences import NONE, checked_digest
from tradeplane_cli.printing import columns, pairs
from tradeplane_cli.progress import stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tradeplane_api.parity import (
        Compared,
        FirstDivergence,
        ReplayRecord,
        ReplaySpecification,
        Tolerance,
        Verdict,
        WhatIf,
    )
    from tradeplane_api.snapshot_manifest import SessionDescription
    from tradeplane_store.objects import ObjectStore

    _Run = Callable[[ReplaySpecification, ObjectStore, Callable[[str], None]], ReplayRecord]

SESSION = "sha256:"
"""What an id of a snapshot begins with; no name of a run does."""
LOCAL = "local"
"""Name of a replay that leaves nothing in a store."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to replay: in a container of an image for another processor."""

    architecture: str
    image: str | None


@dataclass(frozen=True, slots=True)
class Replay:
    """What was replayed and found, and where it first ran; ``session`` is None of a run."""

    record: ReplayRecord
    recorded_on: Mapping[str, str]
    session: SessionDescription | None = None

    @property
    def diverged(self) -> bool:
        """Whether anything differs; what is not judged does not."""
        return self.record.verdict.diverged

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        compared = self.record.compared
        return {
            **self._named(),
            "baselineDigest": self.record.baseline_digest,
            "resultDigest": self.record.result_digest,
            "verdict": self.record.verdict.model_dump(mode="json", by_alias=True),
            "compared": None if compared is None else compared.model_dump(mode="json", by_alias=True),
            "recorded": dict(self.recorded_on),
            "replayed": dict(self.record.environment),
        }

    def as_text(self) -> str:
        """Lines for people: the verdicts as ``kubectl get replays`` has them, both sides in figures, where it ran."""
        record, session = self.record, self.session
        kind, name = ("Run", self._run) if session is None else ("Session", session.name)
        compared = [] if record.compared is None else [_figures(record.compared)]
        below = _below(record.verdict, self._said(), self.recorded_on, record.environment)
        return "\n\n".join([_table(kind, name, record.verdict), *compared, below])

    def _named(self) -> dict[str, Any]:
        if self.session is None:
            return {"run": self._run}
        session = self.session.model_dump(mode="json", by_alias=True)
        return {"snapshot": self.record.specification.session, "session": session}

    @property
    def _run(self) -> str:
        baseline = self.record.specification.baseline
        return "" if baseline is None else baseline.run

    def _said(self) -> list[tuple[str, str]]:
        """Say what a verdict of this replay does not."""
        asked, said = self.record.specification, []
        if asked.session is not None:
            said.append(("Snapshot", asked.session))
        if self.session is not None and not self.session.over:
            said.append(("Open", "the session goes on; this is what was recorded when it was sealed"))
        if asked.what_if is not None:
            said.append(("What-if", "compared and not judged: that it differs is what was asked"))
        elif self.record.verdict.execution is Parity.UNJUDGED:
            said.append(("Execution", "not judged: the snapshot has no record of the exchange"))
        return said


def replay(
    name: str,
    url: str,
    *,
    tolerance: Tolerance | None = None,
    what_if: WhatIf | None = None,
    place: Place | None = None,
) -> Replay:
    """Replay a run, or the session of a snapshot, of the store at ``url``, here or at another place.

    Raises CommandFailure for what is no id and where there is no such place, and what the runner raises.
    """
    from tradeplane_store.objects import open_store

    if name.startswith(SESSION):
        checked_digest(name, "SNAPSHOT")
    run = _elsewhere(place, url)  # what is missing is said before anything is read
    store = open_store(url)
    with stage(f"Replaying {name}") as say:
        if name.startswith(SESSION):
            return _session(name, store, run, say, tolerance, what_if)

        from tradeplane_workloads.replay.again import replay_of
        from tradeplane_workloads.results import read_results_manifest

        baseline = read_results_manifest(store, name)
        asked = replay_of(store, name, LOCAL, tolerance=tolerance, what_if=what_if)
        return Replay(run(asked, store, say), baseline.environment)


def _session(
    digest: str,
    store: ObjectStore,
    run: _Run,
    say: Callable[[str], None],
    tolerance: Tolerance | None,
    what_if: WhatIf | None,
) -> Replay:
    from tradeplane_api.parity import ReplaySpecification
    from tradeplane_workloads.market.snapshot_manifests import read_manifest
    from tradeplane_workloads.sessions.bundle import read_environment

    asked = ReplaySpecification(format_version=2, replay=LOCAL, session=digest, tolerance=tolerance, what_if=what_if)
    record = run(asked, store, say)
    return Replay(record, read_environment(store, digest), read_manifest(store, digest).session)


def _elsewhere(place: Place | None, url: str) -> _Run:
    """Return what replays: here, or in a container. Raises CommandFailure where there can be none."""
    if place is None:
        return _here

    from tradeplane_cli.containers import default_image, errand_of, find_engine, replay_in_container

    image = place.image or default_image(os.environ, Path("build"))
    errand = errand_of(place.architecture, image, url)
    engine = find_engine(place.architecture)

    def run(asked: ReplaySpecification, _: ObjectStore, say: Callable[[str], None]) -> ReplayRecord:
        say(f"Replaying on {errand.architecture}")
        return replay_in_container(engine, errand, asked)

    return run


def _here(asked: ReplaySpecification, store: ObjectStore, say: Callable[[str], None]) -> ReplayRecord:
    from tradeplane_workloads.replay.asked import replayed

    return replayed(asked, store, say=say)


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


def _figures(compared: Compared) -> str:
    """Both sides, a line each; latencies in milliseconds."""
    rows = []
    for side, figures in (("expected", compared.expected), ("got", compared.got)):
        latency = figures.latency
        times = (NONE,) * 3 if latency is None else tuple(map(_ms, (latency.median, latency.p99, latency.most)))
        rows.append([side, f"{figures.orders:,}", f"{figures.fills:,}", figures.pnl, *times])
    return columns(["Figures", "Orders", "Fills", "PnL", "Latency p50", "p99", "Most"], rows)


def _ms(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:.3f} ms"


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
