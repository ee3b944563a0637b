"""Looking at pods of Jobs and StatefulSets, only when a plan asks why one waits or failed.

Pods are not watched: a run that goes well needs none of their events, and at tens of runs a second those would be most
of what the operator does. When a cluster falls behind, many runs ask at once why they wait; one answer for a namespace
then serves them all for a moment, since an API server that is behind must not be asked thousands of times why.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradeplane_operator.observing.compact import compact_pod
from tradeplane_operator.planning.names import MANAGED_BY, MANAGED_BY_LABEL
from tradeplane_operator.planning.observed import JobPods, ObservedJob, ObservedSet, PodFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tradeplane_operator.acting.client import ApiClient

_AT_ONCE = 4
_MOST_PODS = 25
_MOST_WAITING = 500
"""Waiting pods, or refusals, looked at in one namespace; runs beyond them are only known to go on."""
_MOST_PAGES = 20
"""Of Events: ten thousand Jobs that have finished within the hour that the API server keeps them."""
_GOOD_FOR_SECONDS = 5.0
_GOOD_FOR_TIMES = 50.0
"""An answer is good for so many times as long as it took, so that asking never takes more than a fiftieth of the time:
an API server that is behind has runs to make, and Events are in no cache of its: to find ours it reads all of a
namespace."""
_GOOD_AT_MOST_SECONDS = 60.0
_JOB_LABEL = "batch.kubernetes.io/controller-uid"
_SET_POD_LABEL = "statefulset.kubernetes.io/pod-name"


@dataclass(slots=True)
class _Answer:
    """What one namespace was last found to hold, by the UID of the Job it is about."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    found: Mapping[str, Any] = field(default_factory=dict)
    good_until: float = float("-inf")


@dataclass(slots=True)
class PodLookup:
    """Reads pods, and what their controller says where there are none. ``clock``: seconds, monotonic."""

    client: ApiClient
    clock: Callable[[], float] = time.monotonic
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _waiting: dict[str, _Answer] = field(default_factory=lambda: defaultdict(_Answer))
    _refused: dict[str, _Answer] = field(default_factory=lambda: defaultdict(_Answer))
    _finished: dict[str, _Answer] = field(default_factory=lambda: defaultdict(_Answer))

    async def of(self, job: ObservedJob) -> JobPods:
        """Return the pods of a Job that ended, or those that wait of one that goes on; oldest first. Raises ApiError.

        Where there are none, and the Job controller has tried, why it could create none; of one that waits and was sent
        to another cluster, whether Kueue has said that its work is finished.
        """
        if job.end is not None:
            return JobPods(await self._all(job))
        if job.elsewhere:
            said = await self._shared(self._finished, job.namespace, self._list_finished) if job.suspended else {}
            return JobPods((), finished=job.uid in said)
        if job.start_time is None:
            return JobPods(())
        waiting = await self._shared(self._waiting, job.namespace, self._list_waiting)
        if job.uid in waiting:
            return JobPods(waiting[job.uid])
        if job.has_pod:  # which does not wait, and was not refused
            return JobPods(())
        refused = await self._shared(self._refused, job.namespace, self._list_refusals)
        if job.uid not in refused:
            return JobPods(())
        pods = await self._all(job)  # a refusal may be an old one
        return JobPods(pods, "" if pods else refused[job.uid])

    async def of_set(self, observed: ObservedSet) -> JobPods:
        """Return the pod of a StatefulSet of one; where there is none, why its controller could create none.

        Raises ApiError.
        """
        pods = await self._selected(observed.namespace, f"{_SET_POD_LABEL}={observed.name}-0")
        if pods:
            return JobPods(pods)
        about = f"involvedObject.uid={observed.uid},reason=FailedCreate"
        async with self._turns:
            query = {"fieldSelector": about, "limit": str(_MOST_WAITING)}
            listed = await self.client.get(f"/api/v1/namespaces/{observed.namespace}/events", query)
        said = [str(item.get("message", "")) for item in sorted(listed["items"] or (), key=_last_seen)]
        return JobPods((), said[-1] if said else "")

    async def _all(self, job: ObservedJob) -> tuple[PodFacts, ...]:
        """Return every pod of a Job."""
        return await self._selected(job.namespace, f"{_JOB_LABEL}={job.uid}")

    async def _selected(self, namespace: str, label: str) -> tuple[PodFacts, ...]:
        async with self._turns:
            selector = {"labelSelector": label, "limit": str(_MOST_PODS)}
            listed = await self.client.get(f"/api/v1/namespaces/{namespace}/pods", selector)
        return _oldest_first(listed["items"] or ())

    async def _shared(
        self, answers: dict[str, _Answer], namespace: str, ask: Callable[[str], Any]
    ) -> Mapping[str, Any]:
        """Return a namespace's answer, asking anew where the last one is no longer good."""
        answer = answers[namespace]
        async with answer.turn:
            if self.clock() > answer.good_until:
                async with self._turns:
                    began = self.clock()
                    answer.found = await ask(namespace)
                    took = self.clock() - began
                good_for = max(_GOOD_FOR_SECONDS, min(took * _GOOD_FOR_TIMES, _GOOD_AT_MOST_SECONDS))
                answer.good_until = self.clock() + good_for
        return answer.found

    async def _list_waiting(self, namespace: str) -> Mapping[str, tuple[PodFacts, ...]]:
        """Return pods of ours that do not run yet, by the UID of their Job."""
        selector = {
            "labelSelector": f"{MANAGED_BY_LABEL}={MANAGED_BY}",
            "fieldSelector": "status.phase=Pending",
            "limit": str(_MOST_WAITING),
        }
        listed = await self.client.get(f"/api/v1/namespaces/{namespace}/pods", selector)
        by_job: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for item in listed["items"] or ():
            by_job[(item["metadata"].get("labels") or {}).get(_JOB_LABEL, "")].append(item)
        return {uid: _oldest_first(items) for uid, items in by_job.items()}

    async def _list_refusals(self, namespace: str) -> Mapping[str, str]:
        """Return why no pod could be created (quota, Pod Security, a missing ServiceAccount), as Events say it."""
        return await self._said_of_jobs(namespace, "FailedCreate", pages=1)

    async def _list_finished(self, namespace: str) -> Mapping[str, str]:
        """Return which Jobs Kueue has said the work of is finished, as its Events say it, by UID."""
        return await self._said_of_jobs(namespace, "FinishedWorkload", _MOST_PAGES)

    async def _said_of_jobs(self, namespace: str, reason: str, pages: int) -> Mapping[str, str]:
        """Return what Events of a reason say of Jobs, by the Jobs' UIDs; of at most so many pages of them."""
        query = {"fieldSelector": f"involvedObject.kind=Job,reason={reason}", "limit": str(_MOST_WAITING)}
        found: dict[str, str] = {}
        for _ in range(pages):
            listed = await self.client.get(f"/api/v1/namespaces/{namespace}/events", query)
            found |= {item["involvedObject"]["uid"]: str(item.get("message", "")) for item in listed["items"] or ()}
            query["continue"] = (listed.get("metadata") or {}).get("continue", "")
            if not query["continue"]:
                break
        return found


def _last_seen(event: Mapping[str, Any]) -> str:
    return str(event.get("lastTimestamp") or event["metadata"].get("creationTimestamp") or "")


def _oldest_first(items: Iterable[Mapping[str, Any]]) -> tuple[PodFacts, ...]:
    return tuple(sorted((compact_pod(item) for item in items), key=lambda pod: (pod.created, pod.name)))
