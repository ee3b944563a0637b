"""A recorded session, replayed and judged twice.

*Decisions*: the strategy, fed the recorded inputs, decides what was recorded. *Execution*: the exchange, given its own
recorded input order, does what it did, and what the session was told of its orders is what the exchange says came of
them. Each is judged by its own recording, so a fault in one does not hide in the other.

What only judges (the exchange, tables, figures) is imported after the strategy had its inputs: a replay that starts
gets to the first of them soon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_workloads.errors import InvalidSpecification
from tradeplane_workloads.sessions.bundle import open_bundle, read_environment
from tradeplane_workloads.sessions.replaying import replay

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_api.parity import Compared, Tolerance, Verdict, WhatIf
    from tradeplane_api.simulation import Simulation
    from tradeplane_api.snapshot_manifest import SnapshotManifest
    from tradeplane_store.objects import ObjectStore

    from tradeplane_workloads.sessions.bundle import Bundle
    from tradeplane_workloads.sessions.replaying import Verdict as Decided


@dataclass(frozen=True, slots=True)
class SessionReplay:
    """A session that was replayed: the verdict, both sides in figures, where it was sealed, and where it ran now."""

    id: str
    manifest: SnapshotManifest
    verdict: Verdict
    compared: Compared
    recorded_on: dict[str, str]
    replayed_on: dict[str, str]

    @property
    def digests(self) -> tuple[str, str]:
        """Digests of the recording and of the replay; equal where nothing differs."""
        from tradeplane_workloads.replay.figures import session_digest

        return (
            session_digest(self.compared.expected, None),
            session_digest(self.compared.got, self.verdict.divergence),
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of the replay of a session beside the session."""

    simulation: Simulation | None = None
    """What decides in the place of what is recorded."""
    tolerance: Tolerance | None = None
    what_if: WhatIf | None = None


def replay_session(
    store: ObjectStore, digest: str, say: Callable[[str], None], asked: Asked | None = None
) -> SessionReplay:
    """Replay the session of a snapshot; nothing is written. ``say`` is told what is being done.

    Another simulation is judged by its decisions alone: that it is another is what was asked.

    Raises DataRefused where the snapshot is not whole, or the market of its exchange is not in the store;
    InvalidSpecification where its strategy is no longer there or refuses its parameters; and StoreFailure.
    """
    given = asked or Asked()
    say("Reading the session")
    with open_bundle(store, digest) as bundle:
        say("Deciding again")
        recorded_on = read_environment(store, digest)
        simulation = _another(bundle, given)
        decided = _decided(bundle, simulation, recorded_on)
        say("Looking at what came of it")
        from tradeplane_workloads.replay.session_account import held_to_account
        from tradeplane_workloads.replay.session_judging import judge_session, report_session

        if given.what_if is None or simulation is None:
            verdict, compared = judge_session(bundle, decided, store, given.tolerance, say)
            if simulation is None:
                verdict = held_to_account(bundle, decided, verdict)
        else:
            own_latency = given.what_if.latency is None
            verdict, compared = report_session(bundle, decided, simulation, own_latency=own_latency)

    from tradeplane_workloads.runner.execution import machine_environment

    return SessionReplay(digest, bundle.manifest, verdict, compared, recorded_on, machine_environment())


def _another(bundle: Bundle, asked: Asked) -> Simulation | None:
    """Return what decides in the place of what is recorded, if anything does."""
    if asked.what_if is None:
        return asked.simulation

    from tradeplane_workloads.replay.what_if import changed

    return changed(asked.simulation or bundle.specification.simulation, asked.what_if, on_events=True)


def _decided(bundle: Bundle, simulation: Simulation | None, recorded_on: dict[str, str]) -> Decided:
    """Let the recorded strategy, or another, decide on the recorded inputs."""
    specification = bundle.specification
    if simulation is not None:
        return replay(bundle.journal, specification.model_copy(update={"simulation": simulation}), another=True)
    try:
        return replay(bundle.journal, specification)
    except InvalidSpecification as error:
        name = specification.simulation.algorithm.name
        raise InvalidSpecification(
            f"the session was traded by strategy {name!r}, which cannot be run here: {error}; install the version "
            f"that traded it, or give its image as spec.image ({_recorded_with(recorded_on)})"
        ) from error


def _recorded_with(environment: dict[str, str]) -> str:
    known = [f"{name} {environment[name]}" for name in ("image", "tradeplane-native") if name in environment]
    return f"sealed with {', '.join(known)}" if known else "where it was sealed is not known"
