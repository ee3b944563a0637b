"""plan() of a Replay, case by case: what is waited for, pinned, run, judged, stopped and cleaned up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tradeplane_api.parity import FirstDivergence, Parity, ReplaySpecification, Verdict
from tradeplane_api.replay import ReplaySpec
from tradeplane_operator.planning.observed import (
    Admitted,
    JobEnd,
    JobPods,
    Observed,
    ObservedJob,
    PodFacts,
    ResultFacts,
    ResultState,
)
from tradeplane_operator.planning.replay import FinishedRun, ObservedReplay, StrategyView, plan
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.planning.wanted import Fact, Plan

from tests.unit.operator.simulation import SETTINGS

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
IMAGE = "registry.example/runner@sha256:" + "7" * 64
MANIFEST, RESULT, OTHER = ("sha256:" + digit * 64 for digit in "abc")
NEWEST = FinishedRun("macd-2", MANIFEST, RESULT, IMAGE)
OLDER = FinishedRun("macd-1", "sha256:" + "d" * 64, OTHER, IMAGE)
STRATEGY = StrategyView("default", (NEWEST, OLDER))
EXACT = Verdict(decisions=Parity.EXACT, execution=Parity.EXACT, fills=33, fills_matched=33, pnl_difference="0")
DIVERGED = Verdict(
    decisions=Parity.EXACT,
    execution=Parity.DIVERGED,
    fills=33,
    fills_matched=30,
    pnl_difference="-1.5",
    divergence=FirstDivergence(part="trades", sequence=30, field="price", expected="5", got="6"),
)


class Everything(dict[str, Admitted]):
    """Grants a slot to every replay."""

    def get(self, key: str, default: Any = None) -> Any:
        """Grant."""
        return Admitted(granted=True)


def resource(status: Any = None, generation: int = 1, **spec: Any) -> dict[str, Any]:
    asked = {"strategyRef": {"name": "macd"}} | spec
    whole = ReplaySpec.model_validate(asked).model_dump(mode="json", by_alias=True, exclude_none=True)
    metadata = {
        "name": "again",
        "namespace": "research",
        "uid": "uid-1",
        "generation": generation,
        "resourceVersion": "1",
        "creationTimestamp": "2026-03-01T00:00:00Z",
    }
    return {"metadata": metadata, "spec": whole, "status": status or {}}


def planned(
    of: dict[str, Any],
    strategy: StrategyView | None = STRATEGY,
    verdicts: dict[str, Verdict] | None = None,
    now: datetime = NOW,
    **seen: Any,
) -> Plan:
    cluster = Observed(resource=of, **({"admitted": Everything()} | seen))
    return plan(ObservedReplay(cluster, strategy, verdicts or {}), SETTINGS, now)


def condition(wanted: Plan, kind: str) -> dict[str, Any]:
    assert wanted.status is not None
    return next(each for each in wanted.status["conditions"] if each["type"] == kind)


def ready(wanted: Plan) -> tuple[str, str]:
    return condition(wanted, "Ready")["status"], condition(wanted, "Ready")["reason"]


def started(**spec: Any) -> dict[str, Any]:
    """Return a Replay whose Jobs were just asked for."""
    asked = resource(**spec)
    return {**asked, "status": planned(asked).status}


def names(of: dict[str, Any]) -> list[str]:
    return [each["name"] for each in of["status"]["replays"]]


def job(name: str, end: JobEnd | None = JobEnd.COMPLETE) -> ObservedJob:
    ended = None if end is None else rfc3339(NOW)
    return ObservedJob(
        name=name, namespace="research", uid=f"{name}-uid", owner_uid="uid-1", owner_name="again", resource_version=1,
        created=rfc3339(NOW), ready=end is None, start_time=rfc3339(NOW), end=end, end_time=ended,
    )  # fmt: skip


def ended(of: dict[str, Any], verdicts: list[Verdict], **seen: Any) -> Plan:
    """Return the plan once every Job has ended with a record."""
    found = dict(zip(names(of), verdicts, strict=True))
    digests = {name: RESULT if one.exact else OTHER for name, one in found.items()}
    facts = {
        name: ResultFacts(ResultState.FOUND, result_digest=digest, manifest_digest=OTHER)
        for name, digest in digests.items()
    }
    return planned(of, verdicts=found, jobs={name: job(name) for name in found}, results=facts, **seen)


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
    assert (told.replay, told.baseline.run, told.baseline.manifest) == (made["metadata"]["name"], "macd-2", MANIFEST)
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
    newer["spec"]["tolerance"] = {"pnl": "0.1"}
    wanted = planned(newer)
    assert condition(wanted, "Stalled")["reason"] == "InvalidSpec"
    assert "spec.tolerance" in condition(wanted, "Stalled")["message"]
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
