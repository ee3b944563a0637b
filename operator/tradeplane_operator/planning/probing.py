"""What a probe that ended found, and what that makes of the connection's status.

Figures are written where a person would call them other figures, and otherwise every fifth probe: a connection that
goes on as it did costs the API server the probe's Job and its removal, and little more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError
from tradeplane_api.broker_connection import BrokerConnectionStatus, CredentialsState
from tradeplane_api.probe import ProbeOutcome, ProbeReport

from tradeplane_operator.planning.conditions import Standing, Verdict, shorten
from tradeplane_operator.planning.observed import JobEnd
from tradeplane_operator.planning.times import doubled_pause, parse_rfc3339, rfc3339

if TYPE_CHECKING:
    from tradeplane_api.broker_connection import BrokerConnectionSpec

    from tradeplane_operator.planning.observed import JobPods, ObservedJob, PodFacts
    from tradeplane_operator.settings import Pace

RECORDED_EVERY = 5
"""Probes of which one is recorded where nothing changes."""
_LATENCY_SHARE, _LATENCY_MILLISECONDS = 0.25, 5.0
_SKEW_MILLISECONDS = 25.0
"""Within these, figures are the same to a person."""
_WORDS = 600


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be said after a probe. ``report`` is None where it left none."""

    verdict: Verdict
    report: ProbeReport | None = None

    @property
    def connected(self) -> bool:
        """Whether the connection can be used."""
        return self.verdict.standing is Standing.READY


def finding_of(job: ObservedJob, pods: JobPods) -> Finding:
    """Return what a probe that ended found; the newest pod is asked."""
    pod = pods.pods[-1] if pods.pods else None
    report = None if pod is None or pod.exit_code != 0 else _report(pod.termination_message)
    if report is None:
        message = f"probe {job.name} left no report: {_why_silent(job, pod)}; it is tried again"
        return Finding(Verdict(Standing.WORKING, "ProbeFailed", message))
    if report.outcome is ProbeOutcome.CONNECTED:
        return Finding(Verdict(Standing.READY, report.outcome.value, _figures(report)), report)
    message = report.message or "the probe gave no words"
    return Finding(Verdict(Standing.WORKING, report.outcome.value, message), report)


def _report(message: str) -> ProbeReport | None:
    try:
        return ProbeReport.model_validate_json(message, extra="ignore")
    except ValidationError:
        return None


def _why_silent(job: ObservedJob, pod: PodFacts | None) -> str:
    """Return why there is no report, as far as the pod or the Job tells."""
    if pod is None:
        return job.message or "its pod is gone"
    if pod.terminated_reason == "OOMKilled":
        return f"pod {pod.name} ran out of memory"
    if pod.status_reason:
        return f"pod {pod.name}: {pod.status_reason}: {pod.status_message}"
    if pod.exit_code:
        said = shorten(pod.termination_message.strip(), _WORDS)
        return f"pod {pod.name} ended with exit code {pod.exit_code}" + (f": {said}" if said else "")
    if job.end is JobEnd.FAILED:
        return f"{job.reason}: {job.message}"
    return f"what pod {pod.name} said is no report; is the runner's image of this version?"


def milliseconds(microseconds: int) -> str:
    """Return microseconds as milliseconds with one digit after the point, in integers throughout."""
    tenths = (abs(microseconds) + 50) // 100
    sign = "-" if microseconds < 0 and tenths else ""
    return f"{sign}{tenths // 10}.{tenths % 10}"


def _figures(report: ProbeReport) -> str:
    latency, skew = report.latency_microseconds or 0, report.clock_skew_microseconds or 0
    credentials = {
        CredentialsState.ACCEPTED: "credentials accepted",
        CredentialsState.NONE: "no credentials: public market data alone",
    }.get(report.credentials, "credentials not asked for")
    return f"latency {milliseconds(latency)} ms, clock skew {milliseconds(skew)} ms, {credentials}"


def recorded(
    status: BrokerConnectionStatus, job: ObservedJob, finding: Finding, interval: timedelta, now: datetime
) -> BrokerConnectionStatus | None:
    """Return the status with a probe recorded in it, without conditions; None where what it says is still so."""
    ended = job.end_time or rfc3339(now)
    if finding.connected and _still_so(status, finding, interval, ended):
        return None
    report = finding.report
    update: dict[str, object] = {
        "last_probe": job.name,
        "last_probe_time": ended,
        "failures": 0 if finding.connected else (status.failures or 0) + 1,
        "not_before": _not_before(report, ended),
    }
    if report is not None:
        update["credentials"] = report.credentials
        if report.latency_microseconds is not None:
            update["latency_milliseconds"] = milliseconds(report.latency_microseconds)
        if report.clock_skew_microseconds is not None:
            update["clock_skew_milliseconds"] = milliseconds(report.clock_skew_microseconds)
    return status.model_copy(update=update)


def _not_before(report: ProbeReport | None, ended: str) -> str | None:
    if report is None or report.retry_after_seconds is None:
        return None
    return rfc3339(parse_rfc3339(ended) + timedelta(seconds=report.retry_after_seconds))


def _still_so(status: BrokerConnectionStatus, finding: Finding, interval: timedelta, ended: str) -> bool:
    """Return whether a status says what a probe that went well found, and was written lately."""
    report, ready = finding.report, _ready(status)
    if report is None or not ready or status.last_probe_time is None or status.credentials is not report.credentials:
        return False
    if parse_rfc3339(ended) - parse_rfc3339(status.last_probe_time) >= RECORDED_EVERY * interval:
        return False
    latency, skew = _number(status.latency_milliseconds), _number(status.clock_skew_milliseconds)
    if latency is None or skew is None:
        return False
    new_latency, new_skew = (report.latency_microseconds or 0) / 1_000, (report.clock_skew_microseconds or 0) / 1_000
    most = max(latency * _LATENCY_SHARE, _LATENCY_MILLISECONDS)
    return abs(new_latency - latency) <= most and abs(new_skew - skew) <= _SKEW_MILLISECONDS


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _ready(status: BrokerConnectionStatus) -> bool:
    return any(
        condition.type == "Ready" and condition.status == "True" and condition.reason == ProbeOutcome.CONNECTED
        for condition in status.conditions
    )


def pause_after(failures: int, spec: BrokerConnectionSpec, pace: Pace) -> timedelta:
    """Return how long after a probe the next one is due: doubled by each failure in a row, up to a limit."""
    interval = spec.probe.interval_seconds
    longest = max(interval, pace.probe_most_seconds)
    return doubled_pause(interval, failures, longest)
