"""How a run stands, read from its Job, its pods and its results.

A run has succeeded only when its manifest in the store says so; a Job's word is not enough. A failure is told in words
a person can act on: the runner's own where it left some, otherwise what the kubelet, the scheduler or the Job
controller said, and what to change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field, ValidationError
from tradeplane_api.run import ExitCode, Outcome, TerminationMessage

from tradeplane_operator.planning.conditions import Standing, Verdict, shorten
from tradeplane_operator.planning.observed import JobEnd, JobPods, ObservedJob, PodFacts, ResultFacts, ResultState
from tradeplane_operator.planning.queues import (
    ended_unsaid,
    failed_elsewhere,
    going_on_elsewhere,
    held_back,
    unattestable,
)
from tradeplane_operator.planning.times import parse_rfc3339, rfc3339
from tradeplane_operator.planning.waiting import next_look, why_waiting
from tradeplane_operator.planning.wanted import Fact, Need

if TYPE_CHECKING:
    from tradeplane_api.strategy import RunStatus

    from tradeplane_operator.planning.observed import Observed
    from tradeplane_operator.settings import Pace

_RUN_MESSAGE = 1_024
_EXIT_REASONS = {
    ExitCode.INTERNAL: "RunnerFailed",
    ExitCode.INVALID: "InvalidSpecification",
    ExitCode.REFUSED: "DataRefused",
    ExitCode.STORE: "StoreFailed",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an unfinished run stands: needs more facts, goes on (``verdict``), or has finished (``finished``).

    ``create``: its Job is to be made. ``remove``: its Job is to be removed, after which it is made again.
    """

    need: Need | None = None
    finished: RunStatus | None = None
    verdict: Verdict | None = None
    look_again_at: datetime | None = None
    create: bool = False
    remove: bool = False


def progress(
    run: RunStatus, observed: Observed, pace: Pace, now: datetime, *, written: bool, signed: bool = False
) -> Progress:
    """Return where a run recorded as running stands.

    ``written``: the record was there before this plan, so that its Job may have been made, finished or removed before.
    ``signed``: its results are to be attested, and so are taken only where a pod of its Job said that it left them.
    """
    job = observed.jobs.get(run.name)
    if job is None:
        return _without_job(run, observed, pace, now, written=written)
    if job.elsewhere and signed and job.end is not JobEnd.FAILED:
        ended = job.end_time or rfc3339(now)
        return Progress(finished=_ended(_started(run, job), Outcome.FAILED, ended, unattestable(run.name)))
    if job.end is JobEnd.COMPLETE:
        return _completed(run, job, observed, pace, now, signed=signed)
    if job.end is JobEnd.FAILED:
        return _failed(run, job, observed)
    if job.deleting:
        message = f"run {run.name}: its Job is being deleted; it is made again once that is done"
        return Progress(verdict=_working("JobDeleted", message))
    return _going_on(run, job, observed, pace, now)


def _working(reason: str, message: str) -> Verdict:
    return Verdict(Standing.WORKING, reason, message)


def _without_job(run: RunStatus, observed: Observed, pace: Pace, now: datetime, *, written: bool) -> Progress:
    """Return that a run's Job is to be made: again, where somebody removed it, whatever lies in the store.

    Results that no Job of ours was seen to complete may be anybody's. Its runner computes them anew, and refuses what
    another has left there.
    """
    if written and not observed.fresh:
        return Progress(need=Need(Fact.FRESH_RESOURCE))
    refusal = observed.refusals.get(run.name)
    if refusal is not None:
        again = refusal.at + timedelta(seconds=pace.pod_again_seconds)
        message = f"run {run.name}: the API server refused its Job: {refusal.message}"
        return Progress(verdict=_working("JobRefused", message), look_again_at=max(again, now), create=now >= again)
    again = now + timedelta(seconds=pace.pod_grace_seconds)
    return Progress(verdict=_working("Running", f"run {run.name} is running"), look_again_at=again, create=True)


def _going_on(run: RunStatus, job: ObservedJob, observed: Observed, pace: Pace, now: datetime) -> Progress:
    if job.suspended:
        return _held_back(run, job, observed, pace, now)
    if job.elsewhere:
        return Progress(verdict=going_on_elsewhere(run.name))
    running = _working("Running", f"run {run.name} is running")
    if job.ready:
        return Progress(verdict=running)
    grace_ends = parse_rfc3339(job.start_time or job.created) + timedelta(seconds=pace.pod_grace_seconds)
    if now < grace_ends:
        return Progress(verdict=running, look_again_at=grace_ends)
    pods = observed.pods.get(run.name)
    if pods is None:
        return Progress(need=Need(Fact.PODS, run.name))
    again = now + next_look(now - parse_rfc3339(job.start_time or job.created), pace)
    return Progress(verdict=_why_waiting(run, pods) or _slow(run, pods, pace, now) or running, look_again_at=again)


def _held_back(run: RunStatus, job: ObservedJob, observed: Observed, pace: Pace, now: datetime) -> Progress:
    """Return that a run waits; news of its Job wakes it, unless it was sent elsewhere and has ended there unsaid."""
    waits = held_back(run.name, job)
    if not job.elsewhere:
        return Progress(verdict=waits)
    grace_ends = parse_rfc3339(job.created) + timedelta(seconds=pace.pod_grace_seconds)
    if now < grace_ends:
        return Progress(verdict=waits, look_again_at=grace_ends)
    pods = observed.pods.get(run.name)
    if pods is None:
        return Progress(need=Need(Fact.PODS, run.name))
    if pods.finished:
        again = now + timedelta(seconds=pace.pod_again_seconds)
        return Progress(verdict=ended_unsaid(run.name), look_again_at=again, remove=True)
    return Progress(verdict=waits, look_again_at=now + next_look(now - parse_rfc3339(job.created), pace))


def _slow(run: RunStatus, pods: JobPods, pace: Pace, now: datetime) -> Verdict | None:
    """Return that a pod with nothing wrong takes long to start; said late, because in a busy cluster many do."""
    slow = [pod for pod in pods.pods if pod.phase == "Pending" and now - parse_rfc3339(pod.created) > pace.slow_after]
    if not slow:
        return None
    message = f"run {run.name}: pod {slow[-1].name} is still being prepared by its node (volumes, image)"
    return _working("PodPending", message)


def _why_waiting(run: RunStatus, pods: JobPods) -> Verdict | None:
    """Return what keeps a run's newest pod from running."""
    asked = run.architecture.value
    where = "" if asked == "Any" else f" (it asks for a node of architecture {asked})"
    return why_waiting(f"run {run.name}", run.image, pods, where)


def _completed(
    run: RunStatus, job: ObservedJob, observed: Observed, pace: Pace, now: datetime, *, signed: bool
) -> Progress:
    if run.job_digest not in (None, job.did):
        message = (
            f"JobReplaced: the Job {run.name} that has completed is not the one that was asked for: it had its pods do "
            "something else, so nothing it left is taken for a result; see who may create Jobs in this namespace"
        )
        return Progress(finished=_ended(_started(run, job), Outcome.FAILED, job.end_time or rfc3339(now), message))
    results = observed.results.get(run.name)
    if results is None:
        return Progress(need=Need(Fact.RESULTS, run.name))
    ended = job.end_time or rfc3339(now)
    waited = now - parse_rfc3339(ended)
    if results.state is ResultState.FOUND and signed:
        pods = observed.pods.get(run.name)
        if pods is None:
            return Progress(need=Need(Fact.PODS, run.name))
        doubt = _not_left_by(pods, results, run.name)
        if doubt:
            return Progress(finished=_ended(_started(run, job), Outcome.FAILED, ended, doubt))
    if results.state is ResultState.FOUND:
        left = _files_said(observed.pods.get(run.name), results)
        return Progress(finished=_succeeded(_started(run, job), results, ended, left))
    if results.state is ResultState.UNAVAILABLE and waited < timedelta(seconds=pace.store_patience_seconds):
        pause = min(max(pace.store_again_seconds, waited.total_seconds()), pace.store_most_seconds)
        message = (
            f"run {run.name} has ended, but its results cannot be read: {results.message}; tried again for "
            f"{pace.store_patience_seconds} s after its end"
        )
        return Progress(verdict=_working("StoreUnavailable", message), look_again_at=now + timedelta(seconds=pause))
    if results.state is ResultState.MISSING and waited < timedelta(seconds=pace.results_grace_seconds):
        again = now + timedelta(seconds=1)
        return Progress(verdict=_working("Running", f"run {run.name} is running"), look_again_at=again)
    reason = {
        ResultState.UNAVAILABLE: "StoreUnavailable",
        ResultState.MISSING: "ResultsMissing",
        ResultState.REFUSED: "ResultsRefused",
    }[results.state]
    return Progress(finished=_ended(_started(run, job), Outcome.FAILED, ended, f"{reason}: {results.message}"))


def _not_left_by(pods: JobPods, results: ResultFacts, run: str) -> str:
    """Return why results are not taken for what pods of the run's Job left, "" where one said that it left these.

    All pods of a namespace can write to its folder of the store; what a container said at its end its kubelet tells.
    """
    said = [_said_at_end(pod) for pod in pods.pods]
    left = {one.manifest_digest for one in said if one is not None} - {None}
    if results.manifest_digest in left:
        return ""
    if not left:
        return (
            f"ResultsUnvouched: there is no pod of run {run} any more that says which results it left, and without one "
            "nothing is attested"
        )
    return (
        f"ResultsReplaced: the manifest in results/{run} is {results.manifest_digest}, and the pod of the run left "
        f"{', '.join(sorted(filter(None, left)))}: something else in this namespace has written there"
    )


def _files_said(pods: JobPods | None, results: ResultFacts) -> str | None:
    """Return the digest over the files that a pod said it left beside these results; an older runner says none."""
    said = [_said_at_end(pod) for pod in (() if pods is None else pods.pods)]
    found = [one.files_digest for one in said if one is not None and one.manifest_digest == results.manifest_digest]
    return found[-1] if found else None


def _said_at_end(pod: PodFacts) -> TerminationMessage | None:
    """Return what a pod said that ended well; a newer runner may say more than is known here."""
    if pod.exit_code != 0:
        return None
    try:
        return TerminationMessage.model_validate_json(pod.termination_message, extra="ignore")
    except ValidationError:
        return None


def _failed(run: RunStatus, job: ObservedJob, observed: Observed) -> Progress:
    if job.elsewhere and job.reason != "DeadlineExceeded":
        return Progress(finished=_ended(_started(run, job), Outcome.FAILED, job.end_time, failed_elsewhere(job)))
    pods = observed.pods.get(run.name)
    if pods is None:
        return Progress(need=Need(Fact.PODS, run.name))
    words = _why_failed(run, job, pods, _said_before(run, observed))
    return Progress(finished=_ended(_started(run, job), Outcome.FAILED, job.end_time, words))


def _why_failed(run: RunStatus, job: ObservedJob, pods: JobPods, before: str) -> str:
    """Return ``Reason: words``; the newest pod that says anything is asked first."""
    if job.reason == "DeadlineExceeded":
        hint = _pod_words(pods) or _waiting_words(run, pods) or before
        because = f"; last: {hint}" if hint else ""
        return f"DeadlineExceeded: the run took longer than spec.activeDeadlineSeconds and was stopped{because}"
    words = _pod_words(pods)
    if words:
        return words
    return f"{job.reason or 'JobFailed'}: {job.message or 'the Job failed and left no reason'}"


def _said_before(run: RunStatus, observed: Observed) -> str:
    """Return what kept a run waiting when it was last looked at: at its deadline a Job takes its pods with it."""
    conditions = (observed.resource.get("status") or {}).get("conditions", [])
    messages = [one["message"] for one in conditions if one["type"] == "Reconciling" and one["status"] == "True"]
    return next((message for message in messages if message.startswith(f"run {run.name}: ")), "")


def _waiting_words(run: RunStatus, pods: JobPods) -> str:
    verdict = _why_waiting(run, pods)
    return verdict.message if verdict is not None else ""


def _pod_words(pods: JobPods) -> str:
    for pod in reversed(pods.pods):
        words = _terminated_words(pod)
        if words:
            return words
    return ""


def _terminated_words(pod: PodFacts) -> str:
    if pod.terminated_reason == "OOMKilled":
        return (
            "OutOfMemory: the run needed more memory than spec.resources.limits.memory allows; "
            "raise it, or run on less data"
        )
    if pod.status_reason == "Evicted":
        return f"Evicted: the node ended pod {pod.name}: {pod.status_message}"
    if pod.exit_code is None or pod.exit_code == 0:
        return ""
    said = _runner_words(pod.termination_message)
    if said:
        return said
    tail = pod.termination_message.strip()[-_RUN_MESSAGE // 2 :]
    about = f": {tail}" if tail else "; its log, as far as it was kept before that, is in the store"
    return f"{_reason_of_exit(pod.exit_code)}: pod {pod.name} ended with exit code {pod.exit_code}{about}"


def _reason_of_exit(code: int) -> str:
    try:
        return _EXIT_REASONS.get(ExitCode(code), "RunnerFailed")
    except ValueError:
        return "RunnerFailed"


class _Words(BaseModel):
    """As much of a TerminationMessage as words need, so that those of an exit code that is not known here are read."""

    exit_code: int = Field(alias="exitCode")
    message: str


def _runner_words(message: str) -> str:
    """Return what a runner, maybe a newer one, said in its termination message; nothing where it is not one of ours."""
    try:
        said = _Words.model_validate_json(message)
    except ValidationError:
        return ""
    return f"{_reason_of_exit(said.exit_code)}: {said.message}" if said.message else ""


def _started(run: RunStatus, job: ObservedJob) -> RunStatus:
    return run.model_copy(update={"start_time": job.start_time or job.created, "job_uid": job.uid})


def _ended(run: RunStatus, outcome: Outcome, when: str | None, message: str | None) -> RunStatus:
    said = None if message is None else shorten(message, _RUN_MESSAGE)
    return run.model_copy(update={"outcome": outcome, "completion_time": when, "message": said})


def cancelled(run: RunStatus, now: str, message: str) -> RunStatus:
    """Return the record of a run that was stopped because somebody asked for that."""
    return _ended(run, Outcome.CANCELLED, now, message)


def failed_to_build(run: RunStatus, now: str, message: str) -> RunStatus:
    """Return the record of a run whose Job cannot even be written down."""
    return _ended(run, Outcome.FAILED, now, message)


def _succeeded(run: RunStatus, results: ResultFacts, when: str, files: str | None) -> RunStatus:
    """Return the record of a run whose results were found, unless they answer another question.

    ``files``: digest over its files that its pod said it left, where that was asked.
    """
    if run.run_digest is not None and results.run_digest != run.run_digest:
        message = (
            f"ResultsRefused: the results in the store are of run digest {results.run_digest}, asked for was "
            f"{run.run_digest}; another run wrote to results/{run.name}"
        )
        return _ended(run, Outcome.FAILED, when, message)
    summary = results.summary
    figures = (
        {}
        if summary is None
        else {
            "total_return": summary.total_return,
            "sharpe": summary.sharpe,
            "max_drawdown": summary.max_drawdown,
            "trades": summary.trades,
        }
    )
    digests = {
        "result_digest": results.result_digest,
        "manifest_digest": results.manifest_digest,
        "files_digest": files,
    }
    return _ended(run, Outcome.SUCCEEDED, when, None).model_copy(update={**figures, **digests})


def final_verdict(run: RunStatus) -> Verdict:
    """Return what a finished run says about its Strategy."""
    if run.outcome is Outcome.SUCCEEDED:
        figures = f"return {run.total_return}, Sharpe {run.sharpe or 'undefined'}, {run.trades} trades"
        return Verdict(Standing.READY, "Succeeded", f"run {run.name} succeeded: {figures}")
    reason, _, words = (run.message or "").partition(": ")
    if run.outcome is Outcome.CANCELLED:
        return Verdict(Standing.IDLE, "Cancelled", f"run {run.name} was cancelled: {run.message or ''}")
    if not words:
        reason, words = "RunFailed", run.message or "no reason is known"
    advice = "change the spec, or raise spec.rerun to try the same again"
    return Verdict(Standing.STALLED, reason, f"run {run.name} failed: {words} ({advice})")
