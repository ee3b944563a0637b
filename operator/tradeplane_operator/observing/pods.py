"""Looking at a Job's pods, only when a plan asks why it waits or failed.

Pods are not watched: a run that goes well needs none of their events, and at tens of runs a second those would be most
of what the operator does. Look-ups are few at a time, so that a full cluster is not asked about all its pods at once.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_operator.observing.compact import compact_pod
from tradeplane_operator.planning.observed import JobPods, ObservedJob

if TYPE_CHECKING:
    from tradeplane_operator.acting.client import ApiClient

_AT_ONCE = 4
_MOST_PODS = 25


@dataclass(slots=True)
class PodLookup:
    """Reads pods of Jobs, and what the Job controller says where there are none."""

    client: ApiClient
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def of(self, job: ObservedJob) -> JobPods:
        """Return the pods of a Job, oldest first. Raises ApiError."""
        async with self._turns:
            selector = {"labelSelector": f"batch.kubernetes.io/controller-uid={job.uid}", "limit": str(_MOST_PODS)}
            listed = await self.client.get(f"/api/v1/namespaces/{job.namespace}/pods", selector)
            pods = sorted(
                (compact_pod(item) for item in listed["items"] or ()), key=lambda pod: (pod.created, pod.name)
            )
            refusal = "" if pods else await self._refusal(job)
        return JobPods(tuple(pods), refusal)

    async def _refusal(self, job: ObservedJob) -> str:
        """Return why no pod could be created (quota, Pod Security, a missing ServiceAccount), as an Event says it."""
        selector = {"fieldSelector": f"involvedObject.uid={job.uid},reason=FailedCreate", "limit": str(_MOST_PODS)}
        listed = await self.client.get(f"/api/v1/namespaces/{job.namespace}/events", selector)
        messages = [str(item.get("message", "")) for item in listed["items"] or ()]
        return messages[-1] if messages else ""
