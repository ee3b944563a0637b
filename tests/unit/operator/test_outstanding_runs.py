"""What is owed an attestation is never dropped: where a status can keep no more of it, nothing else is started."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tradeplane_operator.planning.history import MOST_OUTSTANDING
from tradeplane_operator.planning.observed import JobEnd, JobPods, ResultFacts, ResultState
from tradeplane_operator.planning.times import rfc3339

from tests.unit.operator.paper_simulation import SPEC, full
from tests.unit.operator.simulation import SUMMARY
from tests.unit.operator.test_attesting_plan import (
    LEFT,
    _asked,
    _attested,
    _done,
    _ended,
    _failed,
    _plan,
    _pod,
)
from tests.unit.operator.test_strategy_plan import NOW, _condition, _job, _resource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradeplane_operator.planning.wanted import Plan

MOST_KEPT = 150
"""Runs in a history, as the schema of a Strategy has it."""
HOURLY: dict[str, Any] = {"schedule": {"cron": "0 * * * *", "concurrencyPolicy": "Allow"}}
AFTER_THE_HOUR = NOW + timedelta(minutes=61)


def _status(owed: int, settled: int = 0, **spec: Any) -> dict[str, Any]:
    """Return the status of a Strategy with runs that ended well, the newest of them those that are owed something."""
    ended, _ = _ended(**spec)
    assert ended.status is not None
    newest = ended.status["latest"]
    others = [newest | {"name": f"{newest['name']}-{number}"} for number in range(1, owed + settled)]
    for run in others[max(owed - 1, 0) :]:
        run["attestation"] = _attested(run["name"]).model_dump(mode="json", by_alias=True, exclude_none=True)
    return {**ended.status, "history": others}


def _runs(status: Any) -> list[dict[str, Any]]:
    return [status["latest"], *status["history"]]


def _owed(status: Any) -> set[str]:
    return {run["name"] for run in _runs(status) if run["outcome"] == "Succeeded" and "attestation" not in run}


def _blocked(wanted: Plan) -> bool:
    return bool(_condition(wanted)["reason"] == "RunsOutstanding")


@pytest.mark.parametrize("asks", [{"rerun": 1}, {"capital": "2"}])
def test_nothing_starts_while_a_status_can_keep_no_more_of_what_is_owed(asks: dict[str, Any]) -> None:
    full = _status(MOST_OUTSTANDING)
    oldest = full["history"][-1]["name"]
    held = _plan(_resource(full, 2, **asks), attestations={oldest: _failed()})
    assert held.create == ()
    assert held.status is not None
    assert _owed(held.status) == _owed(full)
    said = _condition(held, "Reconciling")
    assert (said["status"], said["reason"]) == ("True", "RunsOutstanding")
    assert f"run {oldest}, is not attested: registry.example.com cannot be reached" in said["message"]
    assert "100 runs are still to be attested and 0 have not ended" in said["message"]
    done = {oldest: _done(oldest)}
    goes_on = _plan(_resource(held.status, 2, **asks), attestations=done)
    assert len(goes_on.create) == 1, "in the pass that records that there is room, for none may follow"
    assert not _blocked(goes_on)
    one_less = _plan(_resource(_status(MOST_OUTSTANDING - 1), 2, **asks))
    assert len(one_less.create) == 1


def test_without_a_registry_nothing_is_owed_and_nothing_held_back() -> None:
    assert len(_plan(_resource(_status(MOST_OUTSTANDING), 2, rerun=1), None).create) == 1


def test_what_goes_on_is_counted_too_for_it_will_be_owed() -> None:
    full = _status(MOST_OUTSTANDING - 1, **HOURLY)
    going_on = full["history"].pop()
    going_on |= {"outcome": "Running"}
    jobs = {going_on["name"]: _job(going_on["name"], ready=True)}
    late = full | {"history": [*full["history"], going_on]}
    allowed = _plan(_resource(late, **HOURLY), now=AFTER_THE_HOUR, jobs=jobs)
    assert len(allowed.create) == 1
    assert allowed.status is not None
    jobs = {run["name"]: _job(run["name"], ready=True) for run in (going_on, allowed.status["latest"])}
    held = _plan(_resource(allowed.status, **HOURLY), now=AFTER_THE_HOUR + timedelta(hours=1), jobs=jobs)
    assert _blocked(held)
    assert "98 runs are still to be attested and 2 have not ended" in _condition(held)["message"]


@pytest.mark.parametrize(("deadline", "missed"), [(None, False), (600, True)])
def test_a_scheduled_run_that_is_held_back_is_late_or_missed_as_any_other(deadline: int | None, missed: bool) -> None:
    schedule = {"cron": "0 * * * *"} | ({} if deadline is None else {"startingDeadlineSeconds": deadline})
    full = _status(MOST_OUTSTANDING, schedule=schedule)
    assert not _blocked(_plan(_resource(full, schedule=schedule))), "nothing is held back before the time"
    held = _plan(_resource(full, schedule=schedule), now=AFTER_THE_HOUR)
    assert held.create == ()
    assert held.status is not None
    assert held.status["nextScheduleTime"] == full["nextScheduleTime"] == "2026-03-02T13:00:00Z"
    assert _blocked(held)
    done = {run: _done(run) for run in _owed(full)}
    later = _plan(_resource(held.status, schedule=schedule), now=NOW + timedelta(minutes=150), attestations=done)
    assert later.status is not None
    assert [told.reason for told in later.notices] == (["MissedSchedule"] if missed else [])
    assert [run["metadata"]["name"] for run in later.create] == ([] if missed else [later.status["latest"]["name"]])
    assert later.status.get("lastScheduleTime") == (None if missed else "2026-03-02T14:00:00Z"), "the newest is made"
    assert later.status["nextScheduleTime"] == "2026-03-02T15:00:00Z"


def test_a_run_that_would_be_replaced_goes_on_while_the_next_cannot_start() -> None:
    replacing: dict[str, Any] = {"schedule": {"cron": "0 * * * *", "concurrencyPolicy": "Replace"}}
    full = _status(MOST_OUTSTANDING, **replacing)
    full["latest"] |= {"outcome": "Running"}
    name = full["latest"]["name"]
    held = _plan(_resource(full, **replacing), now=AFTER_THE_HOUR, jobs={name: _job(name, ready=True)})
    assert held.status is not None
    assert (_blocked(held), held.status["latest"]["outcome"]) == (True, "Running")


def test_what_is_owed_is_attested_while_it_trades() -> None:
    status = _status(2)
    trades = _resource(status, 2)
    trades["spec"] = full(SPEC)
    waits = _plan(trades)
    assert set(_asked(waits)) == waits.owed == _owed(status)
    done = _plan(trades, attestations={run: _done(run) for run in _owed(status)})
    assert done.status is not None
    assert (_owed(done.status), _asked(done), done.owed) == (set(), (), frozenset())
    assert _plan(trades, None).owed == frozenset(), "where there is nobody to attest it"


def _seen(status: Any, ending: Iterable[str]) -> dict[str, Any]:
    """Return what is seen of the Jobs of runs that have been started: of those that are ending, that they ended."""
    running = [run for run in _runs(status) if run["outcome"] == "Running"]
    jobs, found = {}, {}
    for run in running:
        name = run["name"]
        jobs[name] = _job(name, ready=True)
        if name in ending:
            jobs[name] = _job(name, end=JobEnd.COMPLETE, end_time=rfc3339(NOW))
            found[name] = ResultFacts(
                ResultState.FOUND,
                run_digest=run["runDigest"],
                result_digest="sha256:" + "7" * 64,
                manifest_digest=LEFT,
                summary=SUMMARY,
            )
    return {"jobs": jobs, "results": found, "pods": {name: JobPods((_pod(LEFT),)) for name in jobs}}


@settings(max_examples=30, deadline=None)
@given(
    owed=st.integers(1, MOST_OUTSTANDING + 1),
    settled=st.integers(0, 50),
    limit=st.integers(1, 50),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=8),
)
def test_nothing_that_is_owed_is_ever_dropped(
    owed: int, settled: int, limit: int, steps: list[tuple[bool, int, int]]
) -> None:
    """Runs are asked for, end, and are attested or not, in any order: what is owed stays until it is attested."""
    spec = {"historyLimit": limit, "schedule": {"cron": "0 * * * *", "successfulRunsHistoryLimit": 0}}
    status: Any = _status(owed, settled, **spec)
    now, rerun = NOW, 0
    for asks_again, end, attest in steps:
        now += timedelta(hours=1)
        rerun += asks_again
        running = [run["name"] for run in _runs(status) if run["outcome"] == "Running"]
        attested = sorted(_owed(status))[:attest]
        seen = _seen(status, running[:end]) | {"attestations": {run: _done(run) for run in attested}}
        wanted = _plan(_resource(status, 1 + rerun, rerun=rerun, **spec), now=now, **seen)
        assert wanted.status is not None
        due = _owed(status) - set(attested) | set(running[:end])
        assert _owed(wanted.status) == due == wanted.owed
        assert len(wanted.status["history"]) <= MOST_KEPT
        outstanding = due | {run["name"] for run in _runs(wanted.status) if run["outcome"] == "Running"}
        assert len(outstanding) <= max(MOST_OUTSTANDING, owed)
        assert not (wanted.create and len(outstanding) > MOST_OUTSTANDING)
        assert set(_asked(wanted)) == due
        status = wanted.status
