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

from tradeplane_api.parity import Compared, FirstDivergence, Parity, Verdict

from tradeplane_workloads.errors import InvalidSpecification
from tradeplane_workloads.sessions.bundle import open_bundle, read_environment
from tradeplane_workloads.sessions.replaying import replay

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tradeplane_api.simulation import Simulation
    from tradeplane_api.snapshot import SnapshotManifest
    from tradeplane_store.objects import ObjectStore

    from tradeplane_workloads.replay.session_execution import Executed
    from tradeplane_workloads.replay.session_figures import SentOrders
    from tradeplane_workloads.sessions.bundle import Bundle
    from tradeplane_workloads.sessions.journal_survey import Told
    from tradeplane_workloads.sessions.replaying import Difference
    from tradeplane_workloads.sessions.replaying import Verdict as Decided

MOST_FIELD, MOST_TEXT = 64, 256
_JOURNAL = "journal"


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


def replay_session(
    store: ObjectStore, digest: str, say: Callable[[str], None], *, simulation: Simulation | None = None
) -> SessionReplay:
    """Replay the session of a snapshot; nothing is written. ``say`` is told what is being done.

    ``simulation`` decides in the place of what is recorded, and is judged by its decisions alone: that it is another
    is what was asked.

    Raises DataRefused where the snapshot is not whole, or the market of its exchange is not in the store;
    InvalidSpecification where its strategy is no longer there or refuses its parameters; and StoreFailure.
    """
    say("Reading the session")
    with open_bundle(store, digest) as bundle:
        say("Deciding again")
        recorded_on = read_environment(store, digest)
        decided = _decided(bundle, simulation, recorded_on)
        say("Judging what came of it")
        verdict, compared = _judged(bundle, decided, store)

    from tradeplane_workloads.runner.execution import machine_environment

    return SessionReplay(digest, bundle.manifest, verdict, compared, recorded_on, machine_environment())


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


def _judged(bundle: Bundle, decided: Decided, store: ObjectStore) -> tuple[Verdict, Compared]:
    from tradeplane_workloads.replay.session_execution import executed_by_record
    from tradeplane_workloads.replay.session_figures import money

    told, again = bundle.survey.fills, _fills_again(decided)
    executed = executed_by_record(bundle, store)
    compared, difference = _compared(bundle, decided, again if executed is None else executed.fills)
    parted = None if decided.difference is None else _told(decided.difference)
    return (
        Verdict(
            decisions=Parity.EXACT if parted is None else Parity.DIVERGED,
            execution=_execution(executed),
            fills=len(told),
            fills_matched=_same(told, again) if executed is None else executed.fills_matched,
            pnl_difference=money(difference),
            divergence=parted or (None if executed is None else executed.divergence),
        ),
        compared,
    )


def _execution(executed: Executed | None) -> Parity:
    if executed is None:
        return Parity.UNJUDGED
    return Parity.EXACT if executed.divergence is None else Parity.DIVERGED


def _compared(bundle: Bundle, decided: Decided, fills: Sequence[Told]) -> tuple[Compared, int]:
    """Return both sides in figures, and in billionths how much more the replay's fills came to."""
    from tradeplane_workloads.replay import figures
    from tradeplane_workloads.replay.session_figures import counted, first_reports, recorded_orders
    from tradeplane_workloads.sessions.cash import gained, last_prices

    told, instruments = bundle.survey.fills, bundle.specification.traded()
    answered, marks = first_reports(bundle.survey), last_prices(told)
    expected = counted(recorded_orders(bundle.survey), told, answered, marks, instruments)
    got = counted(_orders_again(bundle, decided), fills, answered, marks, instruments)
    difference = gained(fills, marks, instruments) - gained(told, marks, instruments)
    return Compared(expected=figures.figures_of(expected), got=figures.figures_of(got)), difference


def _orders_again(bundle: Bundle, decided: Decided) -> SentOrders:
    """Return the orders that were decided again: as far as nothing differs, and with what first does.

    Of a recording that a crash ended amid its last input, what that led to is in no record and does not count.
    """
    from tradeplane_workloads.replay.session_figures import logged_orders, no_orders

    if decided.run is None:
        return no_orders()
    return logged_orders(decided.run, bundle.survey.rows if decided.difference is None else None)


def _fills_again(decided: Decided) -> list[Told]:
    from tradeplane_workloads.replay.session_figures import logged_fills

    return [] if decided.run is None else logged_fills(decided.run)


def _same(told: Sequence[Told], again: Sequence[Told]) -> int:
    return sum(one._replace(record=0, time_ns=0) == other for one, other in zip(told, again, strict=False))


def _told(difference: Difference) -> FirstDivergence:
    return FirstDivergence(
        part=_JOURNAL,
        sequence=difference.record,
        field=difference.field[:MOST_FIELD],
        expected=difference.expected[:MOST_TEXT],
        got=difference.got[:MOST_TEXT],
    )
