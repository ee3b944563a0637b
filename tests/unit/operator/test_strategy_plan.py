"""plan() of a Strategy, case by case: what is refused, waited for, replaced, repeated and cleaned up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tradeplane_api.strategy import StrategySpec
from tradeplane_operator.planning.asking import asked_digest
from tradeplane_operator.planning.observed import (
    Admitted,
    JobEnd,
    JobPods,
    Observed,
    ObservedJob,
    PodFacts,
    ResultFacts,
    ResultState,
    SnapshotView,
)
from tradeplane_operator.planning.strategy import plan
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.planning.wanted import Fact, Need, Plan

from tests.unit.operator.simulation import AS_ASKED, SETTINGS, SNAPSHOT, SUMMARY, as_asked

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
READY = SnapshotView(digest=SNAPSHOT, store="default", ready=True, stalled=False)


class _Everything(dict[str, Admitted]):
    """Grants a slot to every run."""

    def get(self, key: str, default: Any = None) -> Any:
        """Grant."""
        return Admitted(granted=True)


def _resource(status: Any = None, generation: int = 1, **spec: Any) -> dict[str, Any]:
    asked = {"algorithm": {"name": "hold"}, "capital": "1", "snapshotRef": {"name": "prices"}} | spec
    whole = StrategySpec.model_validate(asked).model_dump(mode="json", by_alias=True, exclude_none=True)
    metadata = {
        "name": "macd",
        "namespace": "research",
        "uid": "uid-1",
        "generation": generation,
        "resourceVersion": "1",
        "creationTimestamp": "2026-03-01T00:00:00Z",
    }
    return {"metadata": metadata, "spec": whole, "status": status or {}}


def _plan(resource: dict[str, Any], now: datetime = NOW, **seen: Any) -> Plan:
    defaults: dict[str, Any] = {"snapshot": READY, "admitted": _Everything()}
    seen["jobs"] = as_asked(resource, seen.get("jobs", {}))
    observed = Observed(resource=resource, **(defaults | seen))
    return plan(observed, SETTINGS, now)


def _job(run: str, **changes: Any) -> ObservedJob:
    job = ObservedJob(
        name=run,
        namespace="research",
        uid=f"{run}-uid",
        owner_uid="uid-1",
        owner_name="macd",
        resource_version=2,
        created=rfc3339(NOW),
        start_time=rfc3339(NOW),
        did=AS_ASKED,
    )
    return replace(job, **changes)


def _condition(wanted: Plan, kind: str = "Ready") -> dict[str, Any]:
    assert wanted.status is not None
    found: dict[str, Any] = next(item for item in wanted.status["conditions"] if item["type"] == kind)
    return found


def _finished(generation: int = 1, **spec: Any) -> tuple[dict[str, Any], str]:
    """Return a Strategy whose first run succeeded, and the run's name."""
    started = _plan(_resource(**spec))
    assert started.status is not None
    run = started.status["latest"]["name"]
    found = ResultFacts(
        ResultState.FOUND,
        run_digest=started.status["latest"]["runDigest"],
        result_digest="sha256:" + "7" * 64,
        manifest_digest="sha256:" + "8" * 64,
        summary=SUMMARY,
    )
    ended = _job(run, end=JobEnd.COMPLETE, end_time=rfc3339(NOW))
    done = _plan(_resource(started.status, **spec), jobs={run: ended}, results={run: found})
    return _resource(done.status, generation=generation, **spec), run


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"mode": "Live"}, "ModeNotAvailable"),
        ({"store": "elsewhere"}, "StoreUnknown"),
        ({"image": "registry.example/mine:1"}, "ImageWithoutDigest"),
        ({"schedule": {"cron": "0 0 30 2 *"}}, "InvalidSchedule"),
    ],
)
def test_what_cannot_be_is_stalled_and_starts_nothing(spec: dict[str, Any], reason: str) -> None:
    resource = _resource()
    resource["spec"] |= spec
    wanted = _plan(resource)
    assert _condition(wanted, "Stalled")["status"] == "True"
    assert _condition(wanted)["reason"] in (reason, "InvalidSpec")
    assert wanted.create == ()


def _levels(count: int) -> Any:
    value: Any = 1
    for _ in range(count):
        value = {"in": value}
    return value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (2**53, "spec.algorithm.parameters: n is 9007199254740992"),
        ([1, {"deep": -(2**60)}], "spec.algorithm.parameters: n[1].deep is -1152921504606846976"),
        (_levels(100), "spec.algorithm.parameters: n has more than 64 levels"),
        (_levels(900), "spec: it has a value that cannot be read"),
    ],
    ids=["whole", "within", "levels", "many levels"],
)
def test_parameters_that_have_no_digest_are_told_and_start_nothing(value: Any, words: str) -> None:
    """The API server takes them; without a word of ours the Strategy would look as if nobody had seen it."""
    resource = _resource()
    resource["spec"]["algorithm"]["parameters"] = {"n": value}
    wanted = _plan(resource)
    assert _condition(wanted, "Stalled")["reason"] == "InvalidSpec"
    assert words in _condition(wanted)["message"]
    assert wanted.create == ()


def test_what_a_backtest_asks_has_the_digest_it_had_before_there_were_sessions() -> None:
    asked = {"algorithm": {"name": "hold"}, "capital": "1", "snapshotRef": {"name": "prices"}}
    before = "sha256:9cd8c0a59ef66113f3c8ad03cab86c4c2e2cca6ce9bd859583547e2c140c3a79"
    assert asked_digest(StrategySpec.model_validate(asked)) == before, "an upgrade would run everything again"


def test_a_field_of_a_newer_version_is_refused_by_name_and_stops_no_run() -> None:
    started = _plan(_resource())
    resource = _resource(started.status)
    resource["spec"]["leverageModel"] = "new"
    wanted = _plan(resource)
    assert "leverageModel" in _condition(wanted)["message"]
    assert wanted.status is not None
    assert wanted.status["latest"]["outcome"] == "Running"
    assert wanted.delete == ()


def test_an_unknown_field_of_a_newer_status_is_no_obstacle() -> None:
    resource, _run = _finished()
    resource["status"]["attestation"] = {"digest": "x"}
    resource["status"]["latest"]["attested"] = True
    assert _plan(resource).status is not None
    assert _plan(resource).create == ()


def test_a_condition_of_a_newer_type_is_kept_and_forgets_no_run() -> None:
    resource, run = _finished()
    attested = _said_by_a_newer_version("Attested")
    resource["status"]["conditions"].append(attested)
    wanted = _plan(resource, NOW + timedelta(hours=5))
    assert wanted.status is not None
    assert wanted.status["latest"]["name"] == run
    assert wanted.create == ()
    assert _condition(wanted, "Attested") == attested
    assert [item["type"] for item in wanted.status["conditions"]].count("Ready") == 1


def test_an_unreadable_spec_leaves_the_other_conditions_as_they_are() -> None:
    resource, _run = _finished()
    attested = _said_by_a_newer_version("Attested")
    resource["status"]["conditions"].append(attested)
    resource["spec"]["leverageModel"] = "new"
    wanted = _plan(resource)
    assert _condition(wanted, "Attested") == attested
    assert _condition(wanted, "Completed")["status"] == "True"


def _said_by_a_newer_version(kind: str) -> dict[str, Any]:
    return {
        "type": kind,
        "status": "True",
        "observedGeneration": 1,
        "lastTransitionTime": rfc3339(NOW),
        "reason": "Signed",
        "message": "signed",
    }


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (("latest", "outcome"), "Attesting"),
        (("latest", "trigger"), "Backfill"),
        (("pinned", "snapshots"), ["blake3:00"]),
        (("history",), [{"name": "before"}]),
        (("history",), "none"),
        (("latest", "completionTime"), "yesterday"),
        (("latest", "completionTime"), "2026-03-02T12:00:00"),
        (("lastScheduleTime",), ""),
        (("nextScheduleTime",), "9999-12-31T23:59:59Z"),
    ],
)
def test_a_record_of_runs_that_cannot_be_read_is_left_as_it_is_and_nothing_runs(
    at: tuple[str, ...], value: Any
) -> None:
    resource, run = _finished(schedule={"cron": "0 * * * *"})
    before = json.loads(json.dumps(resource["status"]))
    place = resource["status"]
    for step in at[:-1]:
        place = place[step]
    place[at[-1]] = value
    wanted = _plan(resource, NOW + timedelta(hours=5), jobs={run: _job(run, end=JobEnd.COMPLETE)}, confirmed=True)
    assert wanted.create == ()
    assert wanted.delete == ()
    assert wanted.status is not None
    assert _condition(wanted, "Stalled")["reason"] == "StatusUnreadable"
    assert f"status.{at[0]}" in _condition(wanted)["message"]
    kept = {name: wanted.status[name] for name in before if name != "conditions"}
    assert kept == {name: resource["status"][name] for name in before if name != "conditions"}


def test_a_run_that_goes_on_in_an_unreadable_record_holds_its_slot() -> None:
    started = _plan(_resource())
    assert started.status is not None
    status = json.loads(json.dumps(started.status))
    status["latest"]["trigger"] = "Backfill"
    wanted = _plan(_resource(status))
    assert wanted.holds == (status["latest"]["name"],)
    assert wanted.create == ()


def test_a_condition_that_cannot_be_read_forgets_no_run() -> None:
    resource, run = _finished()
    resource["status"]["conditions"].append({"type": "Attested", "status": "Perhaps"})
    wanted = _plan(resource)
    assert wanted.create == ()
    assert wanted.status is not None
    assert wanted.status["latest"]["name"] == run
    assert _condition(wanted)["reason"] == "Succeeded"


def test_what_is_asked_first_is_pinned_recorded_and_made() -> None:
    wanted = _plan(_resource())
    assert wanted.status is not None
    assert wanted.status["pinned"]["snapshots"] == [SNAPSHOT]
    assert wanted.status["pinned"]["image"] == SETTINGS.images.default
    assert [job["metadata"]["name"] for job in wanted.create] == [wanted.status["latest"]["name"]]


def test_the_same_is_wanted_however_often_it_is_asked() -> None:
    first, second = _plan(_resource()), _plan(_resource(), NOW + timedelta(days=3))
    assert first.create == second.create


def test_a_plan_of_what_was_planned_changes_nothing() -> None:
    resource, _run = _finished()
    again = _plan(resource, NOW + timedelta(hours=5))
    assert again.status == resource["status"]
    assert (again.create, again.delete, again.notices) == ((), (), ())


def test_a_missing_job_is_only_made_again_when_the_record_was_read_after() -> None:
    started = _plan(_resource())
    assert started.status is not None
    resource, run = _resource(started.status), started.status["latest"]["name"]
    assert _plan(resource).needs == (Need(Fact.FRESH_RESOURCE),)
    assert [job["metadata"]["name"] for job in _plan(resource, fresh=True).create] == [run]


def test_results_that_no_job_was_seen_to_complete_are_not_taken() -> None:
    started = _plan(_resource())
    assert started.status is not None
    latest = started.status["latest"]
    lying_there = ResultFacts(ResultState.FOUND, run_digest=latest["runDigest"], summary=SUMMARY)
    again = _plan(_resource(started.status), fresh=True, results={latest["name"]: lying_there})
    assert again.status is not None
    assert again.status["latest"]["outcome"] == "Running"
    assert len(again.create) == 1


def test_a_job_that_did_something_else_vouches_for_no_result() -> None:
    started = _plan(_resource())
    assert started.status is not None
    latest = started.status["latest"]
    found = ResultFacts(ResultState.FOUND, run_digest=latest["runDigest"], summary=SUMMARY)
    results = {latest["name"]: found}
    for did in ("", "sha256:" + "e" * 64):
        replaced = _job(latest["name"], end=JobEnd.COMPLETE, end_time=rfc3339(NOW), did=did)
        failed = _plan(_resource(started.status), jobs={replaced.name: replaced}, results=results)
        assert failed.status is not None
        assert _condition(failed, "Stalled")["reason"] == "JobReplaced"
        assert failed.status["latest"]["outcome"] == "Failed"
        assert "resultDigest" not in failed.status["latest"]


def test_a_run_that_was_started_before_jobs_were_recorded_ends_as_it_would_have() -> None:
    started = _plan(_resource())
    assert started.status is not None
    latest = {name: value for name, value in started.status["latest"].items() if name != "jobDigest"}
    found = ResultFacts(ResultState.FOUND, run_digest=latest["runDigest"], summary=SUMMARY)
    ended = _job(latest["name"], end=JobEnd.COMPLETE, end_time=rfc3339(NOW), did="sha256:" + "e" * 64)
    resource = _resource({**started.status, "latest": latest})
    done = _plan(resource, jobs={ended.name: ended}, results={ended.name: found})
    assert _condition(done)["reason"] == "Succeeded"


def test_a_job_no_record_explains_is_only_removed_when_the_record_was_read_after() -> None:
    resource, _ = _finished()
    stranger = _job("macd-of-a-record-not-seen-yet")
    assert _plan(resource, jobs={stranger.name: stranger}).needs == (Need(Fact.FRESH_RESOURCE),)
    assert _plan(resource, jobs={stranger.name: stranger}, fresh=True).delete == (stranger.name,)


def test_a_job_is_not_removed_before_the_record_of_its_end_was_seen() -> None:
    resource, run = _finished()
    ended = _job(run, end=JobEnd.COMPLETE, end_time=rfc3339(NOW))
    assert _plan(resource, jobs={run: ended}, confirmed=False).delete == ()
    assert _plan(resource, jobs={run: ended}).delete == (run,)


def test_a_finished_job_is_kept_for_its_time() -> None:
    resource, run = _finished(ttlSecondsAfterFinished=60)
    ended = _job(run, end=JobEnd.COMPLETE, end_time=rfc3339(NOW))
    early = _plan(resource, NOW + timedelta(seconds=59), jobs={run: ended})
    assert early.delete == ()
    assert early.look_again_at == NOW + timedelta(seconds=60)
    assert _plan(resource, NOW + timedelta(seconds=60), jobs={run: ended}).delete == (run,)


@pytest.mark.parametrize(("waited", "pause"), [(15, 20), (35, 35), (70, 70), (3_600, 120)])
def test_a_pod_that_waits_is_looked_at_less_and_less_often(waited: int, pause: int) -> None:
    started = _plan(_resource())
    assert started.status is not None
    run = started.status["latest"]["name"]
    resource, now = _resource(started.status), NOW + timedelta(seconds=waited)
    assert _plan(resource, now, jobs={run: _job(run)}).needs == (Need(Fact.PODS, run),)
    looked = _plan(resource, now, jobs={run: _job(run)}, pods={run: JobPods(())})
    assert looked.look_again_at == now + timedelta(seconds=pause)


@pytest.mark.parametrize(("kept", "awaits"), [(60, False), (0, True)])
def test_the_record_of_an_end_is_only_waited_for_where_the_job_goes_at_once(kept: int, awaits: bool) -> None:
    started = _plan(_resource(ttlSecondsAfterFinished=kept))
    assert started.status is not None
    latest = started.status["latest"]
    found = ResultFacts(ResultState.FOUND, run_digest=latest["runDigest"], summary=SUMMARY)
    ended = _job(latest["name"], end=JobEnd.COMPLETE, end_time=rfc3339(NOW))
    resource = _resource(started.status, ttlSecondsAfterFinished=kept)
    done = _plan(resource, jobs={latest["name"]: ended}, results={latest["name"]: found})
    assert done.delete == ()
    assert done.awaits_confirmation is awaits
    assert done.look_again_at == (None if awaits else NOW + timedelta(seconds=kept))


def test_success_of_a_job_is_not_success_without_results() -> None:
    started = _plan(_resource())
    assert started.status is not None
    run = started.status["latest"]["name"]
    ended = _job(run, end=JobEnd.COMPLETE, end_time=rfc3339(NOW - timedelta(hours=1)))
    resource = _resource(started.status)
    assert _plan(resource, jobs={run: ended}).needs == (Need(Fact.RESULTS, run),)
    missing = {run: ResultFacts(ResultState.MISSING, "nothing there")}
    failed = _plan(resource, jobs={run: ended}, results=missing)
    assert _condition(failed)["reason"] == "ResultsMissing"


def test_results_of_another_question_are_refused() -> None:
    started = _plan(_resource())
    assert started.status is not None
    run = started.status["latest"]["name"]
    other = ResultFacts(ResultState.FOUND, run_digest="sha256:" + "e" * 64, summary=SUMMARY)
    ended = _job(run, end=JobEnd.COMPLETE, end_time=rfc3339(NOW))
    failed = _plan(_resource(started.status), jobs={run: ended}, results={run: other})
    assert _condition(failed)["reason"] == "ResultsRefused"
    assert _condition(failed, "Stalled")["status"] == "True"


def test_an_unreachable_store_is_waited_for_and_not_for_ever() -> None:
    started = _plan(_resource())
    assert started.status is not None
    run = started.status["latest"]["name"]
    away = {run: ResultFacts(ResultState.UNAVAILABLE, "no route to it")}
    ended = _job(run, end=JobEnd.COMPLETE, end_time=rfc3339(NOW))
    waiting = _plan(_resource(started.status), jobs={run: ended}, results=away)
    assert _condition(waiting, "Reconciling")["reason"] == "StoreUnavailable"
    assert waiting.look_again_at is not None
    patience = timedelta(seconds=SETTINGS.pace.store_patience_seconds)
    given_up = _plan(_resource(started.status), NOW + patience, jobs={run: ended}, results=away)
    assert _condition(given_up, "Stalled")["status"] == "True"


def test_a_failure_is_told_with_an_event_once() -> None:
    started = _plan(_resource())
    assert started.status is not None
    run = started.status["latest"]["name"]
    ended = _job(run, end=JobEnd.FAILED, end_time=rfc3339(NOW), reason="BackoffLimitExceeded")
    pod = PodFacts("p", rfc3339(NOW), "Failed", terminated_reason="OOMKilled", exit_code=137)
    failed = _plan(_resource(started.status), jobs={run: ended}, pods={run: JobPods((pod,))})
    assert [(notice.type, notice.reason) for notice in failed.notices] == [("Warning", "OutOfMemory")]
    assert _plan(_resource(failed.status), jobs={run: ended}).notices == ()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('{"exitCode": 2, "message": "fast: give 1 to 9"}', "InvalidSpecification: fast: give 1 to 9"),
        ('{"exitCode": 3, "message": "other bytes", "field": "of a newer runner"}', "DataRefused: other bytes"),
        ('{"exitCode": 77, "message": "for a reason of its own"}', "RunnerFailed: for a reason of its own"),
        ('{"exitCode": 2, "message": "' + "x" * 3_000 + '"}', "InvalidSpecification: xxx"),
        (
            '{"exitCode": "two", "message": "x"}',
            'InvalidSpecification: pod p ended with exit code 2: {"exitCode": "two"',
        ),
        ('{"level": "info"}', 'InvalidSpecification: pod p ended with exit code 2: {"level": "info"}'),
        ("Traceback: no module", "InvalidSpecification: pod p ended with exit code 2: Traceback: no module"),
        ("", "InvalidSpecification: pod p ended with exit code 2; its log, as far as it was kept"),
    ],
)
def test_a_failure_is_told_in_the_runner_s_words_also_where_a_newer_one_says_more(said: str, words: str) -> None:
    started = _plan(_resource())
    assert started.status is not None
    run = started.status["latest"]["name"]
    ended = _job(run, end=JobEnd.FAILED, end_time=rfc3339(NOW), reason="PodFailurePolicy")
    pod = PodFacts("p", rfc3339(NOW), "Failed", exit_code=2, termination_message=said)
    failed = _plan(_resource(started.status), jobs={run: ended}, pods={run: JobPods((pod,))})
    assert failed.status is not None
    assert failed.status["latest"]["message"].startswith(words)


def test_a_run_that_goes_well_costs_no_event() -> None:
    started = _plan(_resource())
    assert started.notices == ()
    resource, _ = _finished()
    assert resource["status"]["conditions"][0]["reason"] == "Succeeded"


def test_a_changed_question_replaces_and_an_unimportant_change_does_not() -> None:
    resource, run = _finished()
    other = _plan(_resource(resource["status"], generation=2, capital="2"))
    assert other.status is not None
    assert other.status["latest"]["name"] != run
    same = _plan(_resource(resource["status"], generation=2, historyLimit=2, ttlSecondsAfterFinished=9))
    assert same.status is not None
    assert same.status["latest"]["name"] == run
    assert same.status["observedGeneration"] == 2


def test_a_newer_default_image_runs_nothing_again() -> None:
    resource, _ = _finished()
    newer = SETTINGS.images.model_copy(update={"default": "registry.example/runner@sha256:" + "9" * 64})
    upgraded = SETTINGS.model_copy(update={"images": newer})
    wanted = plan(Observed(resource=resource, snapshot=READY), upgraded, NOW)
    assert wanted.create == ()
    again = plan(
        Observed(resource=_resource(resource["status"], 2, rerun=1), snapshot=READY, admitted=_Everything()),
        upgraded,
        NOW,
    )
    assert again.status is not None
    assert again.status["latest"]["image"] == SETTINGS.images.default


def test_scheduled_runs_follow_and_use_what_was_pinned() -> None:
    hourly: dict[str, Any] = {"schedule": {"cron": "0 * * * *"}}
    resource, first = _finished(**hourly)
    assert resource["status"]["nextScheduleTime"] == "2026-03-02T13:00:00Z"
    idle = _plan(resource, NOW + timedelta(minutes=59))
    assert idle.create == ()
    assert idle.look_again_at == datetime(2026, 3, 2, 13, tzinfo=UTC)
    due = _plan(resource, NOW + timedelta(minutes=61))
    assert due.status is not None
    assert due.status["latest"]["trigger"] == "Schedule"
    assert due.status["latest"]["scheduledTime"] == "2026-03-02T13:00:00Z"
    assert due.status["history"][0]["name"] == first
    assert due.status["nextScheduleTime"] == "2026-03-02T14:00:00Z"


@pytest.mark.parametrize(
    ("changed", "asked", "following"),
    [
        ({"historyLimit": 2}, ("Schedule", "2026-03-02T13:00:00Z"), "2026-03-02T14:00:00Z"),
        ({"schedule": {"cron": "0 * * * 1"}}, ("Schedule", "2026-03-02T13:00:00Z"), "2026-03-02T14:00:00Z"),
        ({"schedule": {"cron": "30 * * * *"}}, None, "2026-03-02T13:30:00Z"),
        ({"schedule": {"cron": "0 * * * *", "timeZone": "Asia/Kolkata"}}, None, "2026-03-02T13:30:00Z"),
        ({"capital": "2"}, ("Generation", None), "2026-03-02T14:00:00Z"),
    ],
)
def test_a_time_that_came_while_the_spec_was_changed_is_not_lost_where_it_is_one_of_the_schedule_still(
    changed: dict[str, Any], asked: tuple[str, str | None] | None, following: str
) -> None:
    hourly: dict[str, Any] = {"schedule": {"cron": "0 * * * *"}}
    resource, first = _finished(**hourly)
    wanted = _plan(_resource(resource["status"], generation=2, **(hourly | changed)), NOW + timedelta(minutes=61))
    assert wanted.status is not None
    latest = wanted.status["latest"]
    if asked is None:
        assert latest["name"] == first
    else:
        assert (latest["trigger"], latest.get("scheduledTime")) == asked
        assert [run["name"] for run in wanted.status["history"]] == [first]
    assert wanted.status["nextScheduleTime"] == following


@pytest.mark.parametrize("held", [{"suspend": True}, {"store": "gone"}, {"image": "registry.example/runner:latest"}])
def test_a_time_that_comes_while_nothing_may_be_started_is_let_go(held: dict[str, Any]) -> None:
    hourly: dict[str, Any] = {"schedule": {"cron": "0 * * * *"}}
    resource, first = _finished(**hourly)
    waits = _plan(_resource(resource["status"], generation=2, **hourly, **held), NOW + timedelta(minutes=30))
    assert waits.status is not None
    assert waits.status.get("nextScheduleTime") is None
    later = _plan(_resource(waits.status, generation=3, **hourly), NOW + timedelta(minutes=61))
    assert later.status is not None
    assert later.create == ()
    assert later.status["latest"]["name"] == first
    assert later.status["nextScheduleTime"] == "2026-03-02T14:00:00Z"


@pytest.mark.parametrize(("policy", "runs"), [("Allow", 2), ("Forbid", 1), ("Replace", 1)])
def test_what_a_schedule_does_while_a_run_goes_on(policy: str, runs: int) -> None:
    spec: dict[str, Any] = {"schedule": {"cron": "0 * * * *", "concurrencyPolicy": policy}}
    started = _plan(_resource(**spec))
    assert started.status is not None
    run = started.status["latest"]["name"]
    later = _plan(_resource(started.status, **spec), NOW + timedelta(minutes=61), jobs={run: _job(run, ready=True)})
    assert later.status is not None
    every = [later.status["latest"], *later.status["history"]]
    assert sum(item["outcome"] == "Running" for item in every) == runs
    assert ("Cancelled" in [item["outcome"] for item in every]) == (policy == "Replace")
    assert (later.status["latest"]["name"] == run) == (policy == "Forbid")


def test_the_end_of_every_run_is_recorded_once_however_short_the_history() -> None:
    spec: dict[str, Any] = {"schedule": {"cron": "0 * * * *", "concurrencyPolicy": "Allow"}, "historyLimit": 1}
    status: Any = {}
    jobs: dict[str, ObservedJob] = {}
    for hours in range(4):
        status = _plan(_resource(status, **spec), NOW + timedelta(hours=hours), jobs=jobs).status
        jobs = {run["name"]: _job(run["name"], ready=True) for run in (status["latest"], *status.get("history", ()))}
    assert len(jobs) == 4
    asked, now = {"generation": 2, "suspend": True, **spec}, NOW + timedelta(hours=4)
    stopped: Any = _plan(_resource(status, **asked), now, jobs=jobs).status
    ended = (stopped["latest"], *stopped["history"])
    assert [run["outcome"] for run in ended] == ["Cancelled"] * 4, "the ledger and who watches learn of an end here"
    after = _plan(_resource(stopped, **asked), now, jobs=jobs)
    assert after.status is not None
    assert [run["name"] for run in after.status["history"]] == [ended[1]["name"]]
    assert set(after.delete) == set(jobs)


def test_no_permission_or_privilege_is_in_a_job() -> None:
    job = _plan(_resource(architecture="arm64")).create[0]
    pod = job["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["nodeSelector"] == {"kubernetes.io/arch": "arm64"}
    security = pod["containers"][0]["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}


def test_a_specification_too_large_for_a_job_says_what_to_make_smaller() -> None:
    parameters = {f"p{number}": "x" * 4_000 for number in range(20)}
    wanted = _plan(_resource(algorithm={"name": "hold", "parameters": parameters}))
    assert wanted.create == ()
    assert "spec.algorithm.parameters" in _condition(wanted)["message"]
    assert _condition(wanted, "Stalled")["status"] == "True"


def test_a_strategy_being_deleted_is_left_alone() -> None:
    resource = _resource()
    resource["metadata"]["deletionTimestamp"] = rfc3339(NOW)
    assert _plan(resource) == Plan()


def test_a_pod_with_nothing_wrong_is_called_slow_only_late() -> None:
    started = _plan(_resource())
    assert started.status is not None
    run = started.status["latest"]["name"]
    pod = PodFacts("p", rfc3339(NOW), "Pending", waiting_reason="ContainerCreating")
    seen: dict[str, Any] = {"jobs": {run: _job(run)}, "pods": {run: JobPods((pod,))}}
    pace = SETTINGS.pace
    soon = _plan(_resource(started.status), NOW + timedelta(seconds=pace.pod_grace_seconds), **seen)
    assert soon.status == started.status
    late = _plan(_resource(started.status), NOW + timedelta(seconds=pace.pod_slow_seconds + 1), **seen)
    assert _condition(late, "Reconciling")["reason"] == "PodPending"


def test_a_deadline_keeps_what_was_said_of_pods_that_went_with_it() -> None:
    started = _plan(_resource())
    assert started.status is not None
    run = started.status["latest"]["name"]
    late = NOW + timedelta(seconds=SETTINGS.pace.pod_grace_seconds)
    stuck = PodFacts("p", rfc3339(NOW), "Pending", waiting_reason="ErrImagePull", waiting_message="not found")
    waiting = _plan(_resource(started.status), late, jobs={run: _job(run)}, pods={run: JobPods((stuck,))})
    assert _condition(waiting)["reason"] == "ImagePullFailed"
    ended = _job(run, end=JobEnd.FAILED, end_time=rfc3339(late), reason="DeadlineExceeded")
    failed = _plan(_resource(waiting.status), late, jobs={run: ended}, pods={run: JobPods(())})
    assert _condition(failed)["reason"] == "DeadlineExceeded"
    assert "cannot be pulled: not found" in _condition(failed)["message"]


def test_a_deadline_says_nothing_more_of_a_run_that_only_took_long() -> None:
    started = _plan(_resource())
    assert started.status is not None
    run = started.status["latest"]["name"]
    ended = _job(run, end=JobEnd.FAILED, end_time=rfc3339(NOW), reason="DeadlineExceeded")
    failed = _plan(_resource(started.status), jobs={run: ended}, pods={run: JobPods(())})
    assert "was stopped (change the spec" in _condition(failed)["message"]
