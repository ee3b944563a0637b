"""plan() of a Replay, case by case: what is waited for, pinned, run, judged, stopped and cleaned up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tradeplane_api.parity import Baseline, ReplaySpecification, Verdict
from tradeplane_operator.planning.observed import Admitted, JobEnd, JobPods, PodFacts, ResultFacts, ResultState
from tradeplane_operator.planning.replay_pins import FinishedRun, StrategyView
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.planning.wanted import Fact, Plan

from tests.unit.operator.replay_planning import (
    DIVERGED,
    EXACT,
    IMAGE,
    MANIFEST,
    NEWEST,
    NOW,
    OTHER,
    RESULT,
    STRATEGY,
    condition,
    ended,
    job,
    names,
    planned,
    ready,
    resource,
    started,
)


def test_a_replay_runs_on_each_architecture_as_often_as_asked() -> None:
    wanted = planned(resource(repeats=2))
    assert wanted.status is not None
    listed = [(each["architecture"], each["repeat"]) for each in wanted.status["replays"]]
    assert listed == [("amd64", 1), ("amd64", 2), ("arm64", 1), ("arm64", 2)]
    assert [made["metadata"]["name"] for made in wanted.create] == [each["name"] for each in wanted.status["replays"]]
    selectors = [made["spec"]["template"]["spec"]["nodeSelector"] for made in wanted.create]
    assert selectors == [{"kubernetes.io/arch": arch} for arch in ("amd64", "amd64", "arm64", "arm64")]
    assert len(set(wanted.holds)) == 4
    assert ready(wanted) == ("False", "Running")
    assert condition(wanted, "Parity")["status"] == "Unknown"


def test_a_job_is_told_which_run_by_which_manifest_and_uses_its_image() -> None:
    (made, _) = planned(resource()).create
    (container,) = made["spec"]["template"]["spec"]["containers"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    told = ReplaySpecification.model_validate_json(environment["TRADEPLANE_REPLAY"])
    assert told == ReplaySpecification(
        replay=made["metadata"]["name"], baseline=Baseline(run="macd-2", manifest=MANIFEST), image=IMAGE
    )
    assert container["image"] == IMAGE
    assert container["command"][-1] == "tradeplane_workloads.replay"
    assert made["metadata"]["ownerReferences"][0]["kind"] == "Replay"
    assert made["spec"]["template"]["spec"]["automountServiceAccountToken"] is False


def test_an_older_run_and_another_image_can_be_asked_for() -> None:
    image = "registry.example/other@sha256:" + "8" * 64
    wanted = planned(resource(run="macd-1", image=image))
    assert wanted.status is not None
    assert wanted.status["pinned"]["baseline"]["run"] == "macd-1"
    assert {made["spec"]["template"]["spec"]["containers"][0]["image"] for made in wanted.create} == {image}


@pytest.mark.parametrize(
    ("spec", "strategy", "reason"),
    [
        ({}, None, "StrategyNotFound"),
        ({}, StrategyView("default"), "BaselineNotFinished"),
        ({"run": "macd-9"}, STRATEGY, "BaselineNotFound"),
    ],
)
def test_what_may_come_is_waited_for(spec: Any, strategy: StrategyView | None, reason: str) -> None:
    wanted = planned(resource(**spec), strategy)
    assert ready(wanted) == ("False", reason)
    assert condition(wanted, "Reconciling")["status"] == "True"
    assert wanted.create == ()
    assert wanted.look_again_at is not None


@pytest.mark.parametrize(
    ("spec", "strategy", "reason"),
    [
        ({}, StrategyView("elsewhere", (NEWEST,)), "StoreUnknown"),
        ({"image": "registry.example/runner:latest"}, STRATEGY, "ImageWithoutDigest"),
    ],
)
def test_what_cannot_be_is_stalled(spec: Any, strategy: StrategyView, reason: str) -> None:
    wanted = planned(resource(**spec), strategy)
    assert condition(wanted, "Stalled")["status"] == "True"
    assert condition(wanted, "Stalled")["reason"] == reason
    assert wanted.create == ()


def test_what_is_pinned_stays_when_the_strategy_runs_again() -> None:
    before = started()
    newer = StrategyView("default", (FinishedRun("macd-3", OTHER, OTHER, IMAGE), NEWEST))
    running = {name: job(name, None) for name in names(before)}
    wanted = planned(before, newer, jobs=running)
    assert wanted.status is not None
    assert wanted.status["pinned"] == before["status"]["pinned"]
    assert wanted.create == ()


def test_all_exact_is_ready() -> None:
    wanted = ended(started(), [EXACT, EXACT])
    assert wanted.status is not None
    assert ready(wanted) == ("True", "Exact")
    assert condition(wanted, "Parity")["status"] == "True"
    summary = {
        "decisions": "Exact",
        "execution": "Exact",
        "fills": "33/33",
        "pnlDifference": "0",
        "divergence": "<none>",
    }
    assert wanted.status["summary"] == summary
    assert {each["resultDigest"] for each in wanted.status["replays"]} == {wanted.status["pinned"]["resultDigest"]}


@pytest.mark.parametrize("order", [[EXACT, DIVERGED], [DIVERGED, EXACT]])
def test_one_that_differs_is_told_with_the_first_record(order: list[Verdict]) -> None:
    wanted = ended(started(), order)
    assert wanted.status is not None
    stalled = condition(wanted, "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "Diverged")
    assert "first at trades[30].price: expected 5, got 6" in stalled["message"]
    assert condition(wanted, "Parity")["status"] == "False"
    summary = wanted.status["summary"]
    assert (summary["decisions"], summary["execution"]) == ("Exact", "Diverged")
    assert (summary["fills"], summary["pnlDifference"], summary["divergence"]) == ("30/33", "-1.5", "trades[30].price")
    assert [notice.type for notice in wanted.notices] == ["Warning"]


def test_one_that_failed_says_why_on_which_processor() -> None:
    before = started()
    first, second = names(before)
    pods = JobPods((PodFacts("x", rfc3339(NOW), "Failed", terminated_reason="OOMKilled", exit_code=137),))
    facts = {first: ResultFacts(ResultState.FOUND, result_digest=RESULT, manifest_digest=OTHER)}
    jobs = {first: job(first), second: job(second, JobEnd.FAILED)}
    wanted = planned(before, jobs=jobs, results=facts, verdicts={first: EXACT}, pods={second: pods})
    stalled = condition(wanted, "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "OutOfMemory")
    assert "on arm64 failed" in stalled["message"]
    assert condition(wanted, "Parity")["status"] == "Unknown"


def test_an_image_of_before_there_were_replays_is_told_with_its_remedy() -> None:
    before = started(architectures=["amd64"])
    (name,) = names(before)
    said = "/usr/bin/python3: No module named tradeplane_workloads.replay"
    pods = JobPods((PodFacts("x", rfc3339(NOW), "Failed", exit_code=1, termination_message=said),))
    wanted = planned(before, jobs={name: job(name, JobEnd.FAILED)}, pods={name: pods})
    stalled = condition(wanted, "Stalled")
    assert stalled["reason"] == "ImageTooOld"
    assert "set spec.image" in stalled["message"]


def test_a_job_that_did_something_else_vouches_for_no_replay() -> None:
    before = started(architectures=["amd64"])
    (name,) = names(before)
    facts = {name: ResultFacts(ResultState.FOUND, result_digest=RESULT, manifest_digest=OTHER)}
    replaced = replace(job(name), did="sha256:" + "e" * 64)
    wanted = planned(before, jobs={name: replaced}, results=facts, verdicts={name: EXACT})
    assert condition(wanted, "Stalled")["reason"] == "JobReplaced"
    assert wanted.status is not None
    assert "verdict" not in wanted.status["replays"][0]


def test_a_record_is_read_before_a_replay_counts() -> None:
    before = started()
    wanted = planned(before, jobs={name: job(name) for name in names(before)})
    assert {need.fact for need in wanted.needs} == {Fact.RESULTS}
    assert {need.run for need in wanted.needs} == set(names(before))


def test_a_suspension_stops_what_runs_and_its_end_starts_it_under_other_names() -> None:
    before = started()
    jobs = {name: job(name, None) for name in names(before)}
    stopped = planned({**resource(generation=2, suspend=True), "status": before["status"]}, jobs=jobs, fresh=True)
    assert ready(stopped) == ("False", "Suspended")
    assert stopped.status is not None
    assert {each["outcome"] for each in stopped.status["replays"]} == {"Cancelled"}
    assert stopped.delete == (), "the end was not seen to be recorded yet"
    seen = planned({**resource(generation=2, suspend=True), "status": stopped.status}, jobs=jobs, fresh=True)
    assert set(seen.delete) == set(names(before))
    again = planned({**resource(generation=3), "status": stopped.status})
    assert again.status is not None
    assert set(names({"status": again.status})).isdisjoint(names(before))
    assert len(again.create) == 2


def test_suspending_what_is_exact_leaves_it_ready_and_ends_nothing() -> None:
    done = ended(started(), [EXACT, EXACT]).status
    wanted = planned({**resource(generation=2, suspend=True), "status": done})
    assert ready(wanted) == ("True", "Suspended")
    resumed = planned({**resource(generation=3), "status": wanted.status})
    assert ready(resumed) == ("True", "Exact")
    assert resumed.create == ()


@pytest.mark.parametrize("change", [{"repeats": 2}, {"rerun": 1}, {"run": "macd-1"}])
def test_what_is_asked_anew_is_replayed_anew(change: dict[str, Any]) -> None:
    done = ended(started(), [EXACT, EXACT]).status
    wanted = planned({**resource(generation=2, **change), "status": done})
    assert wanted.status is not None
    assert wanted.create != ()
    assert set(names({"status": wanted.status})).isdisjoint(names({"status": done}))


def test_how_long_jobs_are_kept_asks_for_nothing() -> None:
    done = ended(started(), [EXACT, EXACT]).status
    wanted = planned({**resource(generation=2, ttlSecondsAfterFinished=60), "status": done})
    assert (wanted.create, ready(wanted)) == ((), ("True", "Exact"))


def test_a_job_goes_once_its_end_was_seen_to_be_recorded_and_its_time_is_over() -> None:
    before = started(ttlSecondsAfterFinished=60)
    done = {**before, "status": ended(before, [EXACT, EXACT]).status}
    jobs = {name: job(name) for name in names(before)}
    assert planned(done, jobs=jobs).delete == ()
    later = NOW + timedelta(seconds=61)
    assert set(planned(done, jobs=jobs, now=later).delete) == set(names(before))
    unseen = planned(done, jobs=jobs, now=later, confirmed=False)
    assert (unseen.delete, unseen.awaits_confirmation) == ((), True)


def test_a_job_of_no_record_is_looked_at_afresh_before_it_goes() -> None:
    done = {**started(), "status": ended(started(), [EXACT, EXACT]).status}
    stray = {"again-stray": job("again-stray", None)}
    assert [need.fact for need in planned(done, jobs=stray).needs] == [Fact.FRESH_RESOURCE]
    assert planned(done, jobs=stray, fresh=True).delete == ("again-stray",)


def test_no_slot_is_said_and_nothing_is_made() -> None:
    full = Admitted(granted=False, message="100 runs go on in all")

    class Nothing(dict[str, Admitted]):
        def get(self, key: str, default: Any = None) -> Any:
            return full

    wanted = planned(resource(), admitted=Nothing())
    assert ready(wanted) == ("False", "WaitingForSlot")
    assert (wanted.create, wanted.holds) == ((), ())


def test_a_spec_of_a_newer_version_is_stalled_and_touches_nothing() -> None:
    newer = resource()
    newer["spec"]["patience"] = {"pnl": "0.1"}
    wanted = planned(newer)
    assert condition(wanted, "Stalled")["reason"] == "InvalidSpec"
    assert "spec.patience" in condition(wanted, "Stalled")["message"]
    assert wanted.create == ()


def test_a_record_of_a_newer_version_is_kept_as_it_is() -> None:
    before = started()
    before["status"]["replays"][0]["outcome"] = "Paused"
    wanted = planned(before)
    assert wanted.status is not None
    assert condition(wanted, "Stalled")["reason"] == "StatusUnreadable"
    assert wanted.status["replays"] == before["status"]["replays"]
    assert wanted.holds == (names(before)[1],)


def test_one_that_is_being_deleted_is_left_alone() -> None:
    gone = started()
    gone["metadata"]["deletionTimestamp"] = rfc3339(NOW)
    assert planned(gone) == Plan()


def test_a_status_that_says_it_all_is_not_said_again() -> None:
    done = {**started(), "status": ended(started(), [EXACT, EXACT]).status}
    assert json.dumps(planned(done).status) == json.dumps(done["status"])
    assert replace(planned(done), status=None).notices == ()
