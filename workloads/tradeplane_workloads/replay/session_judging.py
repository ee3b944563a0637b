"""What the replay of a session found, as a verdict and in figures: judged, within a tolerance, or only reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.parity import FirstDivergence, Parity, Verdict

from tradeplane_workloads.replay.session_execution import Executed, executed_by_record
from tradeplane_workloads.replay.session_figures import compare_session, money, outcome_of
from tradeplane_workloads.replay.session_sides import Replayed, first_reports, logged_fills, logged_orders, no_orders
from tradeplane_workloads.replay.tolerance import judged_within
from tradeplane_workloads.replay.what_if import unjudged
from tradeplane_workloads.sessions.verdict import REPORTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tradeplane_api.parity import Compared, Tolerance
    from tradeplane_api.simulation import Simulation
    from tradeplane_store.objects import ObjectStore

    from tradeplane_workloads.replay.session_sides import SentOrders
    from tradeplane_workloads.sessions.bundle import Bundle
    from tradeplane_workloads.sessions.journal_survey import Told
    from tradeplane_workloads.sessions.replaying import Difference
    from tradeplane_workloads.sessions.replaying import Verdict as Decided

MOST_FIELD, MOST_TEXT = 64, 256
_JOURNAL = "journal"


def judge_session(
    bundle: Bundle, decided: Decided, store: ObjectStore, tolerance: Tolerance | None, say: Callable[[str], None]
) -> tuple[Verdict, Compared]:
    """Judge decisions by the journal, and execution by the exchange's record; without one, by a simulation or not.

    Raises DataRefused where the record, or the market it was of, cannot be used, and InvalidSpecification.
    """
    executed = executed_by_record(bundle, store)
    if executed is None and tolerance is not None:
        return _by_simulation(bundle, decided, tolerance, say)
    fills = _fills_again(decided) if executed is None else executed.fills
    again = Replayed(_orders_again(bundle, decided), fills, first_reports(bundle.survey))
    compared, difference = compare_session(bundle.survey, again, bundle.specification.traded())
    if executed is None:
        found = Executed(None, _same(bundle.survey.fills, fills), fills)
        return _verdict(bundle, decided, found, Parity.UNJUDGED, difference), compared
    execution = Parity.EXACT if executed.divergence is None else Parity.DIVERGED
    verdict = _verdict(bundle, decided, executed, execution, difference)
    return _tolerated(bundle, verdict, compared, again, tolerance, say), compared


def report_session(
    bundle: Bundle, decided: Decided, simulation: Simulation, *, own_latency: bool
) -> tuple[Verdict, Compared]:
    """Report what would have come of another simulation; nothing is judged.

    The divergence is where it decides otherwise on the recorded inputs; all else is what a simulated exchange made of
    its orders.
    """
    from tradeplane_workloads.replay.simulated_session import simulate

    again = simulate(bundle, simulation, own_latency=own_latency)
    compared, difference = compare_session(bundle.survey, again, bundle.specification.traded())
    executed = Executed(None, _same(bundle.survey.fills, again.fills), again.fills)
    return unjudged(_verdict(bundle, decided, executed, Parity.UNJUDGED, difference)), compared


def _by_simulation(
    bundle: Bundle, decided: Decided, tolerance: Tolerance, say: Callable[[str], None]
) -> tuple[Verdict, Compared]:
    from tradeplane_workloads.replay.simulated_session import simulate

    say("There is no record of the exchange; simulating one on the recorded market")
    again = simulate(bundle, bundle.specification.simulation, own_latency=True)
    compared, difference = compare_session(bundle.survey, again, bundle.specification.traded())
    told = bundle.survey.fills
    executed = Executed(_first_fill(told, again.fills), _same(told, again.fills), again.fills)
    same = executed.divergence is None and compared.expected == compared.got
    verdict = _verdict(bundle, decided, executed, Parity.EXACT if same else Parity.DIVERGED, difference)
    return _tolerated(bundle, verdict, compared, again, tolerance, say), compared


def _tolerated(
    bundle: Bundle,
    verdict: Verdict,
    compared: Compared,
    again: Replayed,
    tolerance: Tolerance | None,
    say: Callable[[str], None],
) -> Verdict:
    """Return a verdict where a tolerance is allowed, if one is."""
    if tolerance is None:
        return verdict

    instruments = bundle.specification.traded()
    sides = (
        outcome_of(bundle.survey.fills, compared.expected, instruments),
        outcome_of(again.fills, compared.got, instruments),
    )
    verdict, exceeded = judged_within(verdict, tolerance, *sides)
    if exceeded:
        say(f"Beyond the tolerance: {exceeded}")
    return verdict


def _verdict(bundle: Bundle, decided: Decided, executed: Executed, execution: Parity, difference: int) -> Verdict:
    parted = None if decided.difference is None else _told(decided.difference)
    return Verdict(
        decisions=Parity.EXACT if parted is None else Parity.DIVERGED,
        execution=execution,
        fills=len(bundle.survey.fills),
        fills_matched=executed.fills_matched,
        pnl_difference=money(difference),
        divergence=parted or executed.divergence,
    )


def _orders_again(bundle: Bundle, decided: Decided) -> SentOrders:
    """Return the orders that were decided again: as far as nothing differs, and with what first does.

    Of a recording that a crash ended amid its last input, what that led to is in no record and does not count.
    """
    if decided.run is None:
        return no_orders()
    return logged_orders(decided.run, bundle.survey.rows if decided.difference is None else None)


def _fills_again(decided: Decided) -> list[Told]:
    return [] if decided.run is None else logged_fills(decided.run)


def _same(told: Sequence[Told], again: Sequence[Told]) -> int:
    """Count the fills that are the same at the same place."""
    return sum(one.of_fill() == other.of_fill() for one, other in zip(told, again, strict=False))


def _first_fill(told: Sequence[Told], again: Sequence[Told]) -> FirstDivergence | None:
    """Return the first fill that was told and that a simulation has otherwise, or does not have."""
    for place, one in enumerate(told):
        if place >= len(again) or one.of_fill() != again[place].of_fill():
            return _parted(one, again[place] if place < len(again) else None)
    return None


def _parted(told: Told, again: Told | None) -> FirstDivergence:
    if again is None:
        return FirstDivergence(part=REPORTS, sequence=told.record, field="record", expected="a fill", got=None)
    ours, theirs = told.of_fill(), again.of_fill()
    name = next(name for name in told._fields if getattr(ours, name) != getattr(theirs, name))
    sides = str(getattr(ours, name)), str(getattr(theirs, name))
    return FirstDivergence(part=REPORTS, sequence=told.record, field=name, expected=sides[0], got=sides[1])


def _told(difference: Difference) -> FirstDivergence:
    return FirstDivergence(
        part=_JOURNAL,
        sequence=difference.record,
        field=difference.field[:MOST_FIELD],
        expected=difference.expected[:MOST_TEXT],
        got=difference.got[:MOST_TEXT],
    )
