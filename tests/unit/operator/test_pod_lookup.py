"""Looking at pods: one answer for many Jobs that wait, and each failed Job by itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from tradeplane_operator.observing.compact import compact_job, compact_set
from tradeplane_operator.observing.pods import PodLookup
from tradeplane_operator.planning.names import CONNECTION_UID_LABEL, STRATEGY_UID_LABEL
from tradeplane_operator.planning.observed import JobEnd, ObservedJob, ObservedSet

_WHEN = "2026-01-01T00:00:00Z"


def _job(uid: str, **status: Any) -> ObservedJob:
    metadata = {
        "name": f"job-{uid}",
        "namespace": "research",
        "uid": uid,
        "resourceVersion": "1",
        "creationTimestamp": _WHEN,
        "labels": {STRATEGY_UID_LABEL: "owner"},
    }
    return compact_job({"metadata": metadata, "status": {"startTime": _WHEN, **status}})


def _pod(job: str, name: str, phase: str = "Pending") -> dict[str, Any]:
    labels = {"batch.kubernetes.io/controller-uid": job}
    return {
        "metadata": {"name": name, "creationTimestamp": _WHEN, "labels": labels},
        "status": {"phase": phase},
    }


@dataclass
class _Server:
    """Answers lists, and remembers what was asked."""

    pods: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    clock: list[float] = field(default_factory=lambda: [0.0])
    takes: float = 0.0
    continued: int = 0
    """Pages of Events after the first."""

    async def get(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        await asyncio.sleep(0)
        self.clock[0] += self.takes
        kind = path.rpartition("/")[2]
        self.asked.append((kind, query.get("labelSelector", query.get("fieldSelector", ""))))
        if kind == "events":
            self.continued -= 1
            return {"items": self.events, "metadata": {"continue": "more"} if self.continued >= 0 else {}}
        found = self.pods
        if "fieldSelector" in query:
            found = [pod for pod in found if pod["status"]["phase"] == "Pending"]
        name, _, value = query["labelSelector"].partition("=")
        if name == "batch.kubernetes.io/controller-uid":
            found = [pod for pod in found if pod["metadata"]["labels"][name] == value]
        return {"items": found}


def _refusal(job: str, message: str) -> dict[str, Any]:
    return {"involvedObject": {"uid": job}, "message": message}


def _lookup(server: _Server, clock: list[float]) -> PodLookup:
    return PodLookup(server, lambda: clock[0])  # type: ignore[arg-type]


async def test_many_jobs_that_wait_are_told_by_one_list() -> None:
    server = _Server(pods=[_pod(f"{number}", f"pod-{number}") for number in range(50)])
    lookup = _lookup(server, [0.0])
    answers = await asyncio.gather(*(lookup.of(_job(f"{number}")) for number in range(50)))
    assert [answer.pods[0].name for answer in answers] == [f"pod-{number}" for number in range(50)]
    assert len(server.asked) == 1


async def test_of_jobs_that_were_sent_elsewhere_it_is_asked_which_kueue_has_finished_with() -> None:
    server = _Server(pods=[_pod("1", "another-s")], events=[_refusal("1", "declared finished")], continued=3)
    lookup = _lookup(server, [0.0])
    waiting = [replace(_job(uid), elsewhere=True, suspended=True, start_time=None) for uid in ("1", "2")]
    answers = await asyncio.gather(*(lookup.of(job) for job in waiting))
    assert [(answer.pods, answer.finished) for answer in answers] == [((), True), ((), False)]
    assert server.asked == [("events", "involvedObject.kind=Job,reason=FinishedWorkload")] * 4, "all pages, once"
    assert not (await lookup.of(replace(waiting[0], suspended=False))).finished, "its end is still to come"


async def test_pages_of_events_have_an_end() -> None:
    server = _Server(continued=1_000)
    await _lookup(server, [0.0]).of(replace(_job("1"), elsewhere=True, suspended=True))
    assert len(server.asked) == 20


async def test_an_answer_is_asked_for_anew_when_it_is_old() -> None:
    server, clock = _Server(pods=[_pod("a", "pod-a")]), [0.0]
    lookup = _lookup(server, clock)
    assert (await lookup.of(_job("a"))).pods
    server.pods.clear()
    assert (await lookup.of(_job("a"))).pods
    clock[0] = 6.0
    assert not (await lookup.of(_job("a"))).pods


@pytest.mark.parametrize(("took", "good_for"), [(0.0, 5.0), (0.1, 5.0), (0.5, 25.0), (4.0, 60.0)])
async def test_what_took_long_to_find_out_is_good_for_longer(took: float, good_for: float) -> None:
    clock = [0.0]
    server = _Server(pods=[_pod("a", "pod-a")], clock=clock, takes=took)
    lookup = _lookup(server, clock)
    await lookup.of(_job("a"))
    clock[0] += good_for - 0.01
    await lookup.of(_job("a"))
    assert len(server.asked) == 1
    clock[0] += 0.02
    await lookup.of(_job("a"))
    assert len(server.asked) == 2


async def test_a_job_without_pods_has_the_words_of_its_refusal_and_no_other() -> None:
    server = _Server(events=[_refusal("a", "exceeded quota")])
    lookup = _lookup(server, [0.0])
    assert (await lookup.of(_job("a"))).refusal == "exceeded quota"
    assert not (await lookup.of(_job("b"))).refusal


async def test_a_refusal_is_old_news_once_there_is_a_pod() -> None:
    server = _Server(pods=[_pod("a", "pod-a", "Failed")], events=[_refusal("a", "exceeded quota")])
    answer = await _lookup(server, [0.0]).of(_job("a"))
    assert not answer.refusal
    assert [pod.name for pod in answer.pods] == ["pod-a"]


async def test_events_are_not_read_for_a_job_that_has_a_pod() -> None:
    server = _Server(pods=[_pod("a", "pod-a", "Running")], events=[_refusal("a", "exceeded quota")])
    answer = await _lookup(server, [0.0]).of(_job("a", active=1))
    assert answer.pods == ()
    assert not answer.refusal
    assert [kind for kind, _ in server.asked] == ["pods"]


async def test_a_pod_that_waits_is_told_of_a_job_that_has_one() -> None:
    server = _Server(pods=[_pod("a", "pod-a")])
    assert [pod.name for pod in (await _lookup(server, [0.0]).of(_job("a", active=1))).pods] == ["pod-a"]


@pytest.mark.parametrize("end", list(JobEnd))
async def test_a_job_that_ended_is_looked_at_itself_each_time(end: JobEnd) -> None:
    server = _Server(pods=[_pod("a", "pod-a", "Failed"), _pod("b", "pod-b", "Failed")])
    lookup = _lookup(server, [0.0])
    for _ in range(2):
        answer = await lookup.of(replace(_job("a"), end=end))
        assert [pod.name for pod in answer.pods] == ["pod-a"]
    assert len(server.asked) == 2


async def test_nothing_is_asked_about_a_job_its_controller_has_not_begun() -> None:
    server = _Server()
    assert not (await _lookup(server, [0.0]).of(replace(_job("a"), start_time=None))).pods
    assert server.asked == []


def _set(name: str) -> ObservedSet:
    metadata = {
        "name": name,
        "namespace": "research",
        "uid": f"uid-{name}",
        "resourceVersion": "1",
        "creationTimestamp": _WHEN,
        "labels": {CONNECTION_UID_LABEL: "owner"},
    }
    return compact_set({"metadata": metadata})


async def test_the_pod_of_a_set_is_asked_for_by_its_own_name() -> None:
    server = _Server(pods=[_pod("", "sim-exchange-0")])
    found = await PodLookup(server).of_set(_set("sim-exchange"))  # type: ignore[arg-type]
    assert [pod.name for pod in found.pods] == ["sim-exchange-0"]
    assert server.asked == [("pods", "statefulset.kubernetes.io/pod-name=sim-exchange-0")]


async def test_why_a_set_has_no_pod_is_what_was_said_last() -> None:
    said = [
        {"metadata": {}, "lastTimestamp": f"2026-01-01T00:0{minute}:00Z", "message": f"at {minute}"}
        for minute in (1, 3, 2)
    ]
    server = _Server(events=said)
    found = await PodLookup(server).of_set(_set("sim-exchange"))  # type: ignore[arg-type]
    assert (found.pods, found.refusal) == ((), "at 3")
    assert server.asked[1] == ("events", "involvedObject.uid=uid-sim-exchange,reason=FailedCreate")
    assert (await PodLookup(_Server()).of_set(_set("sim-exchange"))).refusal == ""  # type: ignore[arg-type]
