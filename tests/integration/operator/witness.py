"""Whoever watches a Strategy that trades sees every state it was ever in, and can say that two were never at once.

Watches of the API server tell each change with its resourceVersion, and one etcd gives these in one order: put together
by it, the changes of Strategies, StatefulSets, pods and Jobs are what was so at each moment.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradeplane_operator.acting.errors import ApiUnavailable
from tradeplane_operator.observing.stream import BOOKMARK, EventStream
from tradeplane_operator.planning.names import STRATEGY_UID_LABEL

from tests.integration.operator.cluster import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tests.integration.operator.cluster import Bench

Json = dict[str, Any]
KINDS = {
    "strategies": "apis/tradeplane.dev/v1alpha1",
    "statefulsets": "apis/apps/v1",
    "pods": "api/v1",
    "jobs": "apis/batch/v1",
}
_SILENCE_S = 90.0
_JOB_NAME = "batch.kubernetes.io/job-name"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an object: when, of which kind, and the object then; of one that was deleted, nothing."""

    version: int
    kind: str
    name: str
    body: Json | None


@dataclass
class Witness:
    """Watches one namespace."""

    bench: Bench
    changes: list[Change] = field(default_factory=list)
    _heard: dict[str, int] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[Witness]:
        """Watch for a while, from now on; the namespace has none of these objects yet."""
        watches = []
        for kind in KINDS:
            listed = await self._list(kind)
            assert listed["items"] == []
            watches.append(asyncio.create_task(self._watch(kind, listed["metadata"]["resourceVersion"])))
        try:
            yield self
        finally:
            for one in watches:
                one.cancel()
            await asyncio.gather(*watches, return_exceptions=True)

    def _path(self, kind: str) -> str:
        return f"/{KINDS[kind]}/namespaces/{self.bench.namespace}/{kind}"

    async def _list(self, kind: str) -> Json:
        """List a kind, once its storage is there: that of a kind which is new takes a moment."""

        async def listed() -> Json | None:
            try:
                found: Json = await self.bench.client.get(self._path(kind), _query(kind))
            except ApiUnavailable:
                return None
            return found

        return await eventually(listed, f"a list of {kind}")

    async def _watch(self, kind: str, version: str) -> None:
        """Follow one kind; a watch that ends goes on where it was."""
        while True:
            stream = EventStream()
            with contextlib.suppress(ApiUnavailable):
                async for data in self.bench.client.watch(self._path(kind), version, _selector(kind), _SILENCE_S):
                    for event in stream.take(data):
                        version = event.version
                        if event.type != BOOKMARK:
                            body = None if event.type == "DELETED" else dict(event.body)
                            name = event.body["metadata"]["name"]
                            self.changes.append(Change(int(version), kind, name, body))
                        self._heard[kind] = int(version)

    async def has_seen_all(self) -> list[Change]:
        """Wait until everything there is now has been seen; return all changes in their order."""
        for kind in KINDS:
            listed = await self._list(kind)
            newest = max((int(one["metadata"]["resourceVersion"]) for one in listed["items"]), default=0)

            async def heard(kind: str = kind, newest: int = newest) -> bool:
                return self._heard.get(kind, 0) >= newest

            await eventually(heard, f"the watch of {kind} to come to {newest}")
        return sorted(self.changes, key=lambda change: change.version)


def _selector(kind: str) -> str:
    """Select what traders and closings are made of; probes of connections are none of it."""
    return "" if kind == "strategies" else STRATEGY_UID_LABEL


def _query(kind: str) -> dict[str, str] | None:
    return {"labelSelector": _selector(kind)} if _selector(kind) else None


def at_once(changes: Iterable[Change]) -> list[str]:
    """Return where two traders were there at once, or a trader and a closing, or two closings; wanted counts as there.

    One finding for each time that it began to be so.
    """
    there: dict[tuple[str, str], Json] = {}
    found: list[str] = []
    before: frozenset[str] = frozenset()
    for change in changes:
        key = (change.kind, change.name)
        if change.body is None:
            there.pop(key, None)
        else:
            there[key] = change.body
        now = frozenset(_wrong(there))
        found += [f"{words}, at version {change.version}" for words in sorted(now - before)]
        before = now
    return found


def _wrong(there: dict[tuple[str, str], Json]) -> list[str]:
    pods = [body for (kind, _), body in there.items() if kind == "pods" and not _over(body)]
    closing_pods = [body for body in pods if _JOB_NAME in body["metadata"].get("labels", {})]
    traders = [body for body in pods if body not in closing_pods]
    wanted = [body for (kind, _), body in there.items() if kind == "statefulsets" and body["spec"]["replicas"]]
    closings = [body for (kind, _), body in there.items() if kind == "jobs" and not _ended(body)]
    wrong = []
    if len(traders) > 1 or any(body["spec"]["replicas"] > 1 for body in wanted):
        wrong.append("two traders")
    if len(closings) > 1 or len(closing_pods) > 1:
        wrong.append("two closings")
    if (traders or wanted) and (closings or closing_pods):
        wrong.append("a trader beside a closing")
    return wrong


def made_twice(changes: Iterable[Change]) -> list[str]:
    """Return the names of Jobs that were made more than once: of each, its UIDs are counted."""
    uids = {
        (change.name, change.body["metadata"]["uid"]) for change in changes if change.kind == "jobs" and change.body
    }
    return sorted(name for name, times in Counter(name for name, _ in uids).items() if times > 1)


def sessions_recorded(changes: Iterable[Change]) -> list[Json]:
    """Return what ``status.session`` said, in its order, each time it said something else."""
    said: list[Json] = []
    for change in changes:
        if change.kind == "strategies" and change.body is not None:
            session = (change.body.get("status") or {}).get("session")
            if session is not None and (not said or said[-1] != session):
                said.append(session)
    return said


def _over(pod: Json) -> bool:
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def _ended(job: Json) -> bool:
    conditions = job.get("status", {}).get("conditions", ())
    return any(one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in conditions)
