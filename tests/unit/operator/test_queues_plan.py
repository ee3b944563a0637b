"""Runs that wait in a queue, and runs whose Jobs Kueue has sent to another cluster."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tradeplane_api.strategy import StrategySpec
from tradeplane_operator.observing.compact import compact_job
from tradeplane_operator.planning.asking import asked_digest
from tradeplane_operator.planning.job_digest import job_digest
from tradeplane_operator.planning.observed import JobEnd, JobPods, Observed, ObservedJob, ResultFacts, ResultState
from tradeplane_operator.planning.queues import JOB_CONTROLLER, MULTIKUEUE, QUEUE_LABEL
from tradeplane_operator.planning.strategy import plan
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.planning.wanted import Fact, Plan
from tradeplane_operator.settings import Evidence

from tests.unit.operator.replay_planning import job as replay_job
from tests.unit.operator.replay_planning import names
from tests.unit.operator.replay_planning import planned as replayed
from tests.unit.operator.replay_planning import resource as replay_resource
from tests.unit.operator.simulation import SETTINGS, SUMMARY, as_asked, copied
from tests.unit.operator.test_strategy_plan import NOW, READY, _condition, _Everything, _job, _plan, _resource

Json = dict[str, Any]
LATER = NOW + timedelta(hours=2)
SIGNING = SETTINGS.model_copy(
    update={"evidence": Evidence(registry="registry.example.com/runs", signer="file:/key.pem")}
)


def _started(queue: str | None = "runs") -> tuple[Json, str, Json]:
    """Return a Strategy whose run was recorded, the run's name, and the Job that was asked for."""
    spec: Json = {} if queue is None else {"queueName": queue}
    wanted = _plan(_resource(**spec))
    assert wanted.status is not None
    (job,) = wanted.create
    return _resource(wanted.status, **spec), wanted.status["latest"]["name"], copied(job)


def _seen(resource: Json, job: ObservedJob, settings: Any = SETTINGS, **seen: Any) -> Plan:
    jobs = as_asked(resource, {job.name: job})
    observed = Observed(resource=resource, jobs=jobs, snapshot=READY, admitted=_Everything(), **seen)
    return plan(observed, settings, LATER)


def _queued(run: str, **changes: Any) -> ObservedJob:
    return replace(_job(run), queue="runs", suspended=True, start_time=None, **changes)


def _elsewhere(run: str, **changes: Any) -> ObservedJob:
    return replace(_job(run), queue="runs", elsewhere=True, **changes)


def _results(resource: Json) -> ResultFacts:
    return ResultFacts(
        ResultState.FOUND,
        run_digest=resource["status"]["latest"]["runDigest"],
        result_digest="sha256:" + "7" * 64,
        manifest_digest="sha256:" + "8" * 64,
        summary=SUMMARY,
    )


def test_a_job_for_a_queue_names_it_and_starts_suspended() -> None:
    _, _, job = _started()
    assert job["metadata"]["labels"][QUEUE_LABEL] == "runs"
    assert job["spec"]["suspend"] is True
    assert "managedBy" not in job["spec"], "that is Kueue's to set"
    assert QUEUE_LABEL not in job["spec"]["template"]["metadata"]["labels"], "Kueue would queue the pod as well"


def test_a_job_for_no_queue_names_none_and_is_not_suspended() -> None:
    _, _, job = _started(None)
    assert QUEUE_LABEL not in job["metadata"]["labels"]
    assert "suspend" not in job["spec"]


def test_a_label_of_the_strategy_queues_nothing() -> None:
    resource = _resource()
    resource["metadata"]["labels"] = {QUEUE_LABEL: "runs"}
    (job,) = _plan(resource).create
    assert QUEUE_LABEL not in job["metadata"]["labels"]


def test_replays_are_queued_as_runs_are() -> None:
    wanted = replayed(replay_resource(queueName="runs", architectures=["amd64"]))
    (job,) = wanted.create
    assert (job["metadata"]["labels"][QUEUE_LABEL], job["spec"]["suspend"]) == ("runs", True)


def test_a_run_that_waits_says_in_which_queue_and_where_more_is_told() -> None:
    resource, run, _ = _started()
    wanted = _seen(resource, _queued(run))
    told = _condition(wanted, "Reconciling")
    assert (told["status"], told["reason"]) == ("True", "Queued")
    assert run in told["message"]
    assert "queue runs" in told["message"]
    assert "kubectl get workloads --namespace research" in told["message"]
    assert (wanted.create, wanted.delete, wanted.look_again_at) == ((), (), None), "news of the Job wakes it"


def test_a_job_that_somebody_suspended_waits_for_no_queue() -> None:
    resource, run, _ = _started(None)
    assert _condition(_seen(resource, _job(run, suspended=True)))["reason"] == "JobSuspended"


def test_a_run_that_lost_its_quota_waits_again_and_goes_on_again() -> None:
    resource, run, _ = _started()
    running = _seen(resource, replace(_job(run), queue="runs", ready=True))
    assert _condition(running)["reason"] == "Running"
    waiting = _seen(_resource(running.status, queueName="runs"), _queued(run))
    assert _condition(waiting)["reason"] == "Queued"
    again = _seen(_resource(waiting.status, queueName="runs"), replace(_job(run), queue="runs", ready=True))
    assert _condition(again)["reason"] == "Running"
    assert again.status is not None
    assert again.status["latest"]["name"] == run


def test_another_queue_is_another_run_and_stops_the_one_that_waits() -> None:
    resource, run, _ = _started()
    moved = _resource(resource["status"], generation=2, queueName="overflow")
    wanted = _seen(moved, _queued(run))
    assert wanted.status is not None
    assert [one["outcome"] for one in wanted.status["history"]] == ["Cancelled"]
    (job,) = wanted.create
    assert job["metadata"]["labels"][QUEUE_LABEL] == "overflow"
    assert job["metadata"]["name"] != run


def test_the_queue_does_not_decide_the_result() -> None:
    queued, _, _ = _started()
    plain, _, _ = _started(None)
    assert queued["status"]["latest"]["runDigest"] == plain["status"]["latest"]["runDigest"]
    spec = {"algorithm": {"name": "hold"}, "capital": "1", "snapshotRef": {"name": "prices"}}
    asked = [asked_digest(StrategySpec.model_validate(spec | more)) for more in ({}, {"queueName": "runs"})]
    assert asked[0] != asked[1]


def test_nobody_looks_here_for_pods_that_are_elsewhere() -> None:
    resource, run, _ = _started()
    wanted = _seen(resource, _elsewhere(run, ready=False))
    assert (wanted.needs, wanted.look_again_at) == ((), None)
    assert _condition(wanted)["reason"] == "Running"
    assert "in another cluster" in _condition(wanted)["message"]
    here = _seen(resource, replace(_job(run), queue="runs", ready=False))
    assert [need.fact for need in here.needs] == [Fact.PODS]


def test_a_run_that_waits_to_be_sent_is_looked_at_now_and_then() -> None:
    resource, run, _ = _started()
    waiting = _queued(run, elsewhere=True)
    assert [need.fact for need in _seen(resource, waiting).needs] == [Fact.PODS]
    wanted = _seen(resource, waiting, pods={run: JobPods(())})
    assert (_condition(wanted)["reason"], wanted.delete) == ("Queued", ())
    longest = timedelta(seconds=SETTINGS.pace.pod_most_seconds)
    assert wanted.look_again_at == LATER + longest


def test_a_run_that_ended_elsewhere_before_its_job_was_let_go_is_made_again() -> None:
    resource, run, _ = _started()
    wanted = _seen(resource, _queued(run, elsewhere=True), pods={run: JobPods((), finished=True)})
    assert (_condition(wanted)["reason"], wanted.delete, wanted.create) == ("EndNotSeen", (run,), ())
    assert wanted.look_again_at is not None, "that it is gone is no news to anybody"
    assert wanted.status is not None
    assert wanted.status["latest"]["outcome"] == "Running"
    observed = Observed(
        resource=_resource(wanted.status, queueName="runs"), snapshot=READY, admitted=_Everything(), fresh=True
    )
    (job,) = plan(observed, SETTINGS, NOW + timedelta(hours=3)).create
    assert job["metadata"]["name"] == run


def test_a_replay_that_ended_elsewhere_before_its_job_was_let_go_is_made_again() -> None:
    spec: Json = {"queueName": "runs", "architectures": ["amd64"]}
    replaying = replay_resource(replayed(replay_resource(**spec)).status, **spec)
    (run,) = names(replaying)
    waiting = replace(replay_job(run, None), queue="runs", elsewhere=True, suspended=True, start_time=None)
    wanted = replayed(replaying, jobs={run: waiting}, pods={run: JobPods((), finished=True)}, now=LATER)
    assert wanted.delete == (run,)


def test_a_run_elsewhere_succeeds_by_what_is_in_the_store() -> None:
    resource, run, _ = _started()
    job = _elsewhere(run, end=JobEnd.COMPLETE, end_time=rfc3339(NOW))
    assert [need.fact for need in _seen(resource, job).needs] == [Fact.RESULTS]
    done = _seen(resource, job, results={run: _results(resource)})
    assert _condition(done)["reason"] == "Succeeded"
    assert done.status is not None
    assert done.status["latest"]["manifestDigest"] == "sha256:" + "8" * 64


def test_a_job_sent_elsewhere_that_did_something_else_leaves_no_result() -> None:
    resource, run, _ = _started()
    job = _elsewhere(run, end=JobEnd.COMPLETE, end_time=rfc3339(NOW), did="sha256:" + "0" * 64)
    assert _condition(_seen(resource, job, results={run: _results(resource)}))["reason"] == "JobReplaced"


def test_a_run_that_failed_elsewhere_says_what_its_job_says_and_where_its_log_is() -> None:
    resource, run, _ = _started()
    job = _elsewhere(run, end=JobEnd.FAILED, end_time=rfc3339(NOW), reason="PodFailurePolicy", message="exit code 3")
    wanted = _seen(resource, job)
    assert wanted.needs == (), "there are no pods here to ask"
    told = _condition(wanted, "Stalled")
    assert (told["status"], told["reason"]) == ("True", "PodFailurePolicy")
    assert "exit code 3; its pod was in another cluster; what it said is in its log in the store" in told["message"]


def test_a_deadline_is_told_as_one_wherever_the_pod_was() -> None:
    resource, run, _ = _started()
    job = _elsewhere(run, end=JobEnd.FAILED, end_time=rfc3339(NOW), reason="DeadlineExceeded")
    wanted = _seen(resource, job, pods={run: JobPods(())})
    assert _condition(wanted)["reason"] == "DeadlineExceeded"


@pytest.mark.parametrize("end", [{}, {"end": JobEnd.COMPLETE, "end_time": rfc3339(NOW)}])
def test_where_runs_are_attested_none_is_taken_that_was_sent_elsewhere(end: Json) -> None:
    resource, run, _ = _started()
    seen = {"results": {run: _results(resource)}, "pods": {run: JobPods(())}}
    wanted = _seen(resource, _elsewhere(run, **end), SIGNING, **seen)
    assert wanted.attest == ()
    told = _condition(wanted, "Stalled")
    assert (told["status"], told["reason"]) == ("True", "AttestationNeedsPod")
    assert "give spec.queueName a queue of this cluster" in told["message"]
    assert wanted.status is not None
    assert "manifestDigest" not in wanted.status["latest"]


def test_a_run_that_is_refused_because_it_was_sent_elsewhere_is_stopped_there() -> None:
    """Its Job goes once the record of its end was seen, and Kueue takes away what there is of it elsewhere."""
    resource, run, _ = _started()
    patient = SIGNING.model_copy(
        update={"retention": SETTINGS.retention.model_copy(update={"failed_seconds": 1_000_000})}
    )
    refused = _seen(resource, _elsewhere(run), patient)
    assert refused.delete == ()
    after = _seen(_resource(refused.status, queueName="runs"), _elsewhere(run), patient)
    assert after.delete == (run,)
    ended = _elsewhere(run, end=JobEnd.COMPLETE, end_time=rfc3339(NOW))
    assert _seen(_resource(refused.status, queueName="runs"), ended, patient).delete == ()


def test_where_runs_are_attested_one_in_a_queue_of_this_cluster_is_asked_for_its_pod_s_word() -> None:
    resource, run, _ = _started()
    job = replace(_job(run), queue="runs", end=JobEnd.COMPLETE, end_time=rfc3339(NOW))
    wanted = _seen(resource, job, SIGNING, results={run: _results(resource)})
    assert [need.fact for need in wanted.needs] == [Fact.PODS]


@pytest.mark.parametrize(("managed_by", "elsewhere"), [(None, False), (JOB_CONTROLLER, False), (MULTIKUEUE, True)])
def test_who_runs_a_job_is_read_from_it(managed_by: str | None, elsewhere: bool) -> None:
    _, run, job = _started()
    job["metadata"] |= {"uid": "uid-j", "resourceVersion": "7", "creationTimestamp": rfc3339(NOW)}
    job["spec"] |= {} if managed_by is None else {"managedBy": managed_by}
    seen = compact_job(job)
    assert (seen.name, seen.queue, seen.suspended, seen.elsewhere) == (run, "runs", True, elsewhere)
    _, _, plain = _started(None)
    assert job_digest(job) == job_digest(plain), "what Kueue may change is no other Job"


def test_a_job_that_somebody_else_runs_is_another_one() -> None:
    _, _, job = _started()
    theirs = copied(job)
    theirs["spec"]["managedBy"] = "example.com/mine"
    assert job_digest(theirs) != job_digest(job)
