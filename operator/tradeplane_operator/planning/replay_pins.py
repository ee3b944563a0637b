"""What a Replay is of, pinned when a generation is first seen: a run by its manifest, or a session by its snapshot.

What is pinned stays: a Strategy that runs again meanwhile, or is changed, and a Snapshot that is deleted meanwhile,
change nothing. What decides in the place of what a session recorded is pinned in full, because it is nowhere else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_api.parity import Baseline
from tradeplane_api.replay import PinnedBaseline
from tradeplane_api.run import MAX_SPECIFICATION_BYTES
from tradeplane_api.simulation import Simulation

from tradeplane_operator.planning.conditions import Standing, Verdict
from tradeplane_operator.planning.snapshot import SnapshotState
from tradeplane_operator.planning.wanted import Fact, Need

if TYPE_CHECKING:
    from tradeplane_api.replay import ReplaySpec
    from tradeplane_api.snapshot_manifest import SnapshotManifest
    from tradeplane_api.strategy import StrategySpec

    from tradeplane_operator.planning.observed import SnapshotView
    from tradeplane_operator.planning.snapshot import SnapshotFacts
    from tradeplane_operator.settings import Settings

_NOT_ASKED = {"suspend", "rerun", "ttl_seconds_after_finished"}
_SINCE = ("snapshot_ref", "baseline", "tolerance", "what_if", "queue_name")
"""Fields of after the first Replays; absent they are left out of the digest, which is then what it was before them."""
_SIMULATION = set(Simulation.model_fields)
_LONGEST = 64
"""Symbols are told up to so many characters."""


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run of a Strategy that succeeded: what a replay needs to know of it.

    ``reference``: its results in the registry, by digest; "" until they are attested.
    """

    name: str
    manifest_digest: str
    result_digest: str
    image: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class StrategyView:
    """What a Replay needs to know of the Strategy it names.

    ``finished``: its runs that succeeded, newest first. ``trades``: its mode is Paper; ``session`` is the Snapshot of
    its newest session, "" while that is none. ``simulation``: what it decides by, JSON, as its trader is
    told; ``unreadable`` says why that cannot be had.
    """

    store: str
    finished: tuple[FinishedRun, ...] = ()
    trades: bool = False
    session: str = ""
    simulation: str = ""
    unreadable: str = ""


@dataclass(frozen=True, slots=True)
class Sources:
    """What a spec names, as it is now. ``manifest``: of the snapshot, as found in its store."""

    strategy: StrategyView | None = None
    snapshot: SnapshotView | None = None
    manifest: SnapshotFacts | None = None


@dataclass(frozen=True, slots=True)
class _Pins:
    """The part of a pinned baseline that says what is replayed."""

    store: str
    image: str
    baseline: Baseline | None = None
    against: Baseline | None = None
    session: str | None = None
    simulation: str | None = None
    result_digest: str | None = None


def asked_digest(spec: ReplaySpec) -> str:
    """Return a digest of what a spec asks to be replayed; suspension, reruns and retention do not ask for anything.

    It stays what it is from version to version of the operator, or an upgrade would replay everything anew.
    """
    absent = {name for name in _SINCE if getattr(spec, name) is None}
    text = spec.model_dump_json(by_alias=True, exclude=_NOT_ASKED | absent)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def simulation_of(spec: StrategySpec) -> str:
    """Return what a Strategy decides by, JSON, as its trader is told."""
    simulation = Simulation.model_construct(**{name: getattr(spec, name) for name in _SIMULATION})
    return simulation.model_dump_json(exclude_none=True)


def pin(spec: ReplaySpec, generation: int, sources: Sources, settings: Settings) -> PinnedBaseline | Verdict | Need:
    """Return what is replayed, or why that cannot be had, or what must be known first."""
    if spec.snapshot_ref is not None:
        found = _session(spec, "spec.snapshotRef", spec.snapshot_ref.name, sources, settings)
    elif sources.strategy is not None and _newest_session_asked(spec, sources.strategy):
        found = _newest_session(spec, sources, settings)
    else:
        found = _run(spec, sources, settings)
    if not isinstance(found, _Pins):
        return found
    return PinnedBaseline(
        generation=generation,
        rerun=spec.rerun,
        asked=asked_digest(spec),
        baseline=found.baseline,
        against=found.against,
        session=found.session,
        simulation=found.simulation,
        result_digest=found.result_digest,
        store=found.store,
        image=spec.image or found.image,
    )


def _run(spec: ReplaySpec, sources: Sources, settings: Settings) -> _Pins | Verdict:
    view = _strategy(spec, sources)
    if isinstance(view, Verdict):
        return view
    if view.store not in settings.stores:
        name = _name(spec)
        return _stalled(
            "StoreUnknown",
            f"spec.strategyRef: the store {view.store!r} of Strategy {name!r} is not one of this cluster",
        )
    run = _finished(spec, view, spec.run, "spec.run")
    if isinstance(run, Verdict):
        return run
    other = None if spec.baseline is None else _finished(spec, view, spec.baseline.run, "spec.baseline.run")
    if isinstance(other, Verdict):
        return other
    return _Pins(
        store=view.store,
        image=run.image,
        baseline=_baseline(run),
        against=None if other is None else _baseline(other),
        result_digest=(other or run).result_digest,
    )


def _baseline(run: FinishedRun) -> Baseline:
    return Baseline(run=run.name, manifest=run.manifest_digest)


def _name(spec: ReplaySpec) -> str:
    assert spec.strategy_ref is not None  # noqa: S101 - a rule of the spec where there is no snapshotRef
    return spec.strategy_ref.name


def _strategy(spec: ReplaySpec, sources: Sources) -> StrategyView | Verdict:
    if sources.strategy is not None:
        return sources.strategy
    name = _name(spec)
    return _working(
        "StrategyNotFound",
        f"spec.strategyRef: there is no Strategy {name!r} in this namespace; replays start once there is",
    )


def _finished(spec: ReplaySpec, view: StrategyView, wanted: str | None, field: str) -> FinishedRun | Verdict:
    """Return a run that succeeded, the newest where none is named, or why there is none."""
    found = next((run for run in view.finished if wanted in (None, run.name)), None)
    if found is not None:
        return found
    name = _name(spec)
    if wanted is None:
        message = f"spec.strategyRef: no run of Strategy {name!r} has succeeded yet; the replay starts once one has"
        return _working("BaselineNotFinished", message)
    newest = "leave it out for the newest" if field == "spec.run" else "leave spec.baseline out for what the run left"
    message = (
        f"{field}: {wanted!r} is not among the runs of Strategy {name!r} that succeeded and are in its status; "
        f"correct the name, {newest}, or raise historyLimit of the Strategy"
    )
    return _working("BaselineNotFound", message)


def _newest_session_asked(spec: ReplaySpec, strategy: StrategyView) -> bool:
    """Say whether what is replayed is the session that a Strategy sealed last: it trades, and no other is named."""
    return strategy.trades and spec.snapshot_ref is None and spec.run is None and spec.baseline is None


def _newest_session(spec: ReplaySpec, sources: Sources, settings: Settings) -> _Pins | Verdict | Need:
    view = _strategy(spec, sources)
    if isinstance(view, Verdict):
        return view
    if not view.session:
        message = (
            f"spec.strategyRef: the session of Strategy {_name(spec)!r} is no Snapshot yet; the replay starts once it "
            "is, which a suspended Strategy sees to"
        )
        return _working("BaselineNotFinished", message)
    return _session(spec, "spec.strategyRef", view.session, sources, settings)


def _session(spec: ReplaySpec, field: str, name: str, sources: Sources, settings: Settings) -> _Pins | Verdict | Need:
    """Return the session in a Snapshot that a field of the spec leads to."""
    view = _snapshot(field, name, sources.snapshot, settings)
    if isinstance(view, Verdict):
        return view
    simulation = _simulation(spec, sources)
    if isinstance(simulation, Verdict):
        return simulation
    if sources.manifest is None:
        return Need(Fact.MANIFEST, view.digest)
    refused = _not_a_session(field, name, view, sources.manifest)
    if refused is not None:
        return refused
    return _Pins(store=view.store, image=settings.images.default, session=view.digest, simulation=simulation)


def _snapshot(field: str, name: str, view: SnapshotView | None, settings: Settings) -> SnapshotView | Verdict:
    if view is None:
        message = f"{field}: there is no Snapshot {name!r} in this namespace; replays start once there is"
        return _working("SnapshotNotFound", message)
    if view.stalled:
        message = f"{field}: Snapshot {name!r} cannot be used: {view.message}"
        return _stalled("SnapshotRefused", message)
    if not view.ready:
        message = f"{field}: Snapshot {name!r} is not ready yet: {view.message or 'not seen yet'}"
        return _working("SnapshotNotReady", message)
    if view.store not in settings.stores:
        message = f"{field}: the store {view.store!r} of Snapshot {name!r} is not one of this cluster"
        return _stalled("StoreUnknown", message)
    return view


def _simulation(spec: ReplaySpec, sources: Sources) -> str | Verdict | None:
    """Return what decides in the place of what is recorded, None where that itself does."""
    if spec.strategy_ref is None or spec.snapshot_ref is None:
        return None
    view, name = _strategy(spec, sources), spec.strategy_ref.name
    if isinstance(view, Verdict):
        return view
    if not view.simulation:
        message = f"spec.strategyRef: Strategy {name!r} cannot be read: {view.unreadable}; correct its spec"
        return _stalled("StrategyUnreadable", message)
    size = len(view.simulation.encode())
    if size > MAX_SPECIFICATION_BYTES:
        message = (
            f"spec.strategyRef: what Strategy {name!r} decides by has {size} bytes and may have "
            f"{MAX_SPECIFICATION_BYTES}; make its spec.algorithm.parameters smaller"
        )
        return _stalled("SpecificationTooLarge", message)
    return view.simulation


def _not_a_session(field: str, name: str, view: SnapshotView, facts: SnapshotFacts) -> Verdict | None:
    """Return why there is no session to replay in a snapshot, None where there is one."""
    where = f"{field}: Snapshot {name!r}"
    if facts.state is SnapshotState.MISSING:
        message = f"{where} is ready, but {view.digest} is not in store {view.store!r} any more ({facts.message})"
        return _working("SnapshotMissing", f"{message}; it is sought again")
    if facts.state is SnapshotState.UNAVAILABLE:
        return _working("StoreUnavailable", f"{where}: store {view.store!r} cannot be read: {facts.message}")
    if facts.manifest is None:
        return _stalled("SnapshotRefused", f"{where} cannot be used: {facts.message}; import it again")
    if facts.manifest.session is None:
        message = (
            f"{where} is no session but {_what(facts.manifest)}, of which nothing was decided: name the Snapshot of a "
            "session, or replay a run on it with spec.strategyRef and without spec.snapshotRef"
        )
        return _stalled("NotASession", message)
    return None


def _what(manifest: SnapshotManifest) -> str:
    """Return what a snapshot that is no session holds."""
    symbols = ", ".join(one.symbol for one in manifest.instruments)
    return f"{manifest.holds.value.lower()} of {symbols if len(symbols) <= _LONGEST else f'{symbols[:_LONGEST]}...'}"


def _working(reason: str, message: str) -> Verdict:
    return Verdict(Standing.WORKING, reason, message)


def _stalled(reason: str, message: str) -> Verdict:
    return Verdict(Standing.STALLED, reason, message)
