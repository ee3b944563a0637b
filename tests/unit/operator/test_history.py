"""How many runs a status keeps: the newest of those that ended, by each limit, and all that go on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.run import Outcome
from tradeplane_api.strategy import Architecture, RunStatus, StrategySpec, Trigger
from tradeplane_operator.planning.cleaning import unfinished
from tradeplane_operator.planning.history import trimmed

LETTERS = {
    "s": Outcome.SUCCEEDED,
    "f": Outcome.FAILED,
    "c": Outcome.CANCELLED,
    "r": Outcome.RUNNING,
}


def _runs(outcomes: str, *, scheduled: bool = False) -> list[RunStatus]:
    """Return runs, the newest first, by the first letters of their outcomes."""
    return [
        RunStatus(
            name=f"{outcome}-{place}",
            generation=1,
            trigger=Trigger.SCHEDULE if scheduled else Trigger.GENERATION,
            scheduled_time="2026-01-01T00:00:00Z" if scheduled else None,
            architecture=Architecture.ANY,
            outcome=LETTERS[outcome],
        )
        for place, outcome in enumerate(outcomes)
    ]


def _spec(limit: int, succeeded: int | None = None, failed: int = 1) -> StrategySpec:
    asked: dict[str, object] = {
        "algorithm": {"name": "buy-and-hold"},
        "capital": "1",
        "snapshotRef": {"name": "prices"},
        "historyLimit": limit,
    }
    if succeeded is not None:
        limits = {"successfulRunsHistoryLimit": succeeded, "failedRunsHistoryLimit": failed}
        asked["schedule"] = {"cron": "0 0 * * *", **limits}
    return StrategySpec.model_validate(asked)


def _kept(outcomes: str, spec: StrategySpec, *, scheduled: bool = False, owed: frozenset[str] = frozenset()) -> str:
    """Return the places of the runs that are kept."""
    return "".join(run.name[2:] for run in trimmed(_runs(outcomes, scheduled=scheduled), spec, owed))


def test_the_newest_are_kept_and_no_more_than_asked_for() -> None:
    assert _kept("sfcs", _spec(3)) == "012"
    assert _kept("sfcs", _spec(4)) == "0123"


def test_what_goes_on_is_kept_beyond_every_limit_and_takes_no_place() -> None:
    assert _kept("srsr", _spec(1)) == "013"


def test_scheduled_runs_have_limits_of_their_own_by_how_they_ended() -> None:
    assert _kept("sfsfs", _spec(50, succeeded=2), scheduled=True) == "012"
    assert _kept("sfsfs", _spec(50, succeeded=0, failed=2), scheduled=True) == "13"
    assert _kept("sfsfs", _spec(50, succeeded=1, failed=1)) == "01234", "nobody's schedule asked for these"


def test_what_one_limit_takes_away_leaves_its_place_to_others() -> None:
    """As when a schedule's limit is lowered: the last failure stays to be seen."""
    assert _kept("ssssf", _spec(4, succeeded=1), scheduled=True) == "04"


def test_what_is_owed_something_stays_besides() -> None:
    assert _kept("sss", _spec(1), owed=frozenset({"s-2"})) == "02"


@given(
    st.text(alphabet="sfcr", max_size=12),
    st.integers(1, 6),
    st.none() | st.integers(0, 4),
    st.integers(0, 4),
    st.booleans(),
)
def test_trimming_keeps_order_and_limits_and_is_done_once(
    outcomes: str, limit: int, succeeded: int | None, failed: int, scheduled: bool
) -> None:
    spec = _spec(limit, succeeded, failed)
    before = _runs(outcomes, scheduled=scheduled)
    kept = trimmed(before, spec)
    assert [run for run in before if run in kept] == list(kept)
    assert [run for run in kept if unfinished(run)] == [run for run in before if unfinished(run)]
    assert sum(not unfinished(run) for run in kept) <= limit
    assert trimmed(kept, spec) == kept
