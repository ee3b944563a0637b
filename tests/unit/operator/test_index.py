"""What of the watches is news to a plan, and what is not."""

from __future__ import annotations

from typing import Any

import pytest
from tradeplane_operator.observing.index import Index
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.observing.owned import JobIndex

from tests.unit.operator.api_server import job

_OWNER = "owner-of-a"
KEY = Key(Kind.STRATEGY, "research", "a")


def _job(version: int, **status: Any) -> dict[str, Any]:
    return {**job("a", version), "status": {"startTime": "2026-01-01T00:00:00Z", **status}}


def _known(*seen: dict[str, Any]) -> JobIndex:
    jobs = JobIndex()
    for body in seen:
        jobs.put(body)
    return jobs


def test_that_a_pod_runs_is_news_only_to_who_looked_why_it_did_not() -> None:
    jobs = _known(_job(1))
    assert jobs.put(_job(2, ready=1)) is None
    waited = _known(_job(1))
    waited.looked_at(waited.of(_OWNER)["a"])
    assert waited.put(_job(2, ready=1)) is not None
    assert waited.of(_OWNER)["a"].ready


def test_that_a_job_has_a_pod_is_kept_and_is_no_news() -> None:
    jobs = _known(_job(1))
    assert not jobs.of(_OWNER)["a"].has_pod
    assert jobs.put(_job(2, active=1)) is None
    assert jobs.of(_OWNER)["a"].has_pod


def test_a_wait_that_was_over_once_is_not_remembered() -> None:
    jobs = _known(_job(1))
    jobs.looked_at(jobs.of(_OWNER)["a"])
    assert jobs.put(_job(2, ready=1)) is not None
    assert jobs.put(_job(3)) is not None
    assert jobs.put(_job(4, ready=1)) is None


@pytest.mark.parametrize("change", [{"failed": 1}, {}, {"uncountedTerminatedPods": {"failed": ["x"]}}])
def test_that_a_pod_runs_no_longer_is_news(change: dict[str, Any]) -> None:
    assert _known(_job(1, ready=1)).put(_job(2, **change)) is not None


@pytest.mark.parametrize("change", [{"succeeded": 1}, {"uncountedTerminatedPods": {"succeeded": ["x"]}}])
def test_that_a_pod_succeeded_is_no_news_until_its_job_is_complete(change: dict[str, Any]) -> None:
    jobs = _known(_job(1, ready=1))
    assert jobs.put(_job(2, **change)) is None
    ended = {"type": "Complete", "status": "True", "lastTransitionTime": "2026-01-01T00:01:00Z"}
    assert jobs.put(_job(3, succeeded=1, conditions=[ended])) is not None


def test_a_job_made_again_under_the_same_name_is_news() -> None:
    again = _job(2, ready=1)
    again["metadata"] = {**again["metadata"], "uid": "another"}
    assert _known(_job(1, ready=1)).put(again) is not None


@pytest.mark.parametrize("version", [4, 5])
def test_what_is_not_newer_is_no_news(version: int) -> None:
    jobs = _known(_job(5))
    assert jobs.put(_job(version, succeeded=1)) is None
    assert not jobs.of(_OWNER)["a"].ready


@pytest.mark.parametrize(
    ("generation", "status", "unanswered"),
    [
        (1, {}, True),
        (1, {"conditions": []}, True),
        (2, {"observedGeneration": 1}, True),
        (2, {"observedGeneration": 2}, False),
    ],
)
def test_who_waits_for_a_first_answer(generation: int, status: dict[str, Any], *, unanswered: bool) -> None:
    index = Index()
    metadata = {"name": KEY.name, "namespace": KEY.namespace, "uid": "u", "resourceVersion": "1"}
    index.strategies.put({"metadata": {**metadata, "generation": generation}, "status": status}, confirmed=True)
    assert index.unanswered(KEY) is unanswered


def test_nobody_waits_for_an_answer_about_what_is_gone() -> None:
    assert not Index().unanswered(KEY)
