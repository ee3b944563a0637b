"""Every state that objects of a namespace pass through, so that one which lasts a moment is not missed.

A test that asks again and again what a status says sees what lasts. Much does not: ``Suspending`` is over once a pod
is gone, ``Probing`` once its probe finds no node. A watch brings every state, in order, whenever the test looks at it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradeplane_api.kinds import KINDS
from tradeplane_operator.acting.client import ApiClient
from tradeplane_operator.acting.errors import ApiUnavailable, Gone, NotFound
from tradeplane_operator.observing.stream import BOOKMARK, EventStream
from tradeplane_operator.planning.names import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Json = dict[str, Any]
WATCHED = tuple(kind.plural for kind in KINDS)
_PAUSE_S = 0.1
_SILENCE_S = 3_600.0


class MarkingClient(ApiClient):
    """A client that knows the cluster's version after its last write: what a test waits for comes after that."""

    written = 0

    async def _write(self, method: str, path: str, body: Mapping[str, Any], **others: Any) -> Any:
        answer = await super()._write(method, path, body, **others)
        version = answer["metadata"].get("resourceVersion")
        if not version:  # what is gone has none any more
            listed = await self.get("/api/v1/namespaces/default/configmaps", {"limit": "1"})
            version = listed["metadata"]["resourceVersion"]
        self.written = max(self.written, int(version))
        return answer


@dataclass
class States:
    """The states of our objects in one namespace, as one watch a kind brings them."""

    client: MarkingClient
    namespace: str
    _states: dict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))
    _newest: dict[str, int] = field(default_factory=dict)
    """The version of what was last told of an object, its end included."""
    _gone: set[str] = field(default_factory=set)
    _returned: dict[str, int] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _watches: list[asyncio.Task[None]] = field(default_factory=list)
    _ended: bool = False

    async def begin(self) -> None:
        """Watch from now on."""
        for plural in WATCHED:
            version = await self._list(plural)
            self._watches.append(asyncio.create_task(self._follow(plural, version)))

    async def end(self) -> None:
        """Watch no longer, and close the client's connections. Raises what a watch failed with.

        In this order: a watch that is cancelled leaves its connection to be closed later, which a loop that ends
        does not do any more; a connection that is closed ends its watch.
        """
        self._ended = True
        await self.client.access.close()
        for watch in self._watches:
            watch.cancel()
        for watch in self._watches:
            with suppress(asyncio.CancelledError):
                await watch

    async def reached(self, plural: str, name: str, is_it: Callable[[Json], bool]) -> Json:
        """Wait until an object reaches a state, and return it.

        Looked at are the state it was in when this test last wrote anything, or last was given one, and all since.
        """
        path = f"{self._path(plural)}/{name}"
        mark = self._mark(path)
        await self._caught_up(path)
        while True:
            news = self._news
            found = next((state for state in self._since(path, mark) if is_it(state)), None)
            if found is not None:
                self._returned[path] = _version(found)
                return found
            await self._told(news)

    def seen(self, plural: str, name: str) -> list[Json]:
        """Return what the status of an object said, from the state that counts on."""
        path = f"{self._path(plural)}/{name}"
        return [state.get("status", {}) for state in self._since(path, self._mark(path))]

    async def _caught_up(self, path: str) -> None:
        """Wait until the watch has brought what is there now."""
        try:
            version = _version(await self.client.get(path))
        except NotFound:
            while path in self._newest and path not in self._gone:
                await self._told(self._news)
            return
        while self._newest.get(path, 0) < version:
            await self._told(self._news)

    async def _told(self, news: asyncio.Event) -> None:
        """Wait for news. Raises what a watch failed with."""
        waiting = asyncio.ensure_future(news.wait())
        try:
            await asyncio.wait([waiting, *self._watches], return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        for watch in self._watches:
            if watch.done():
                await watch

    def _mark(self, path: str) -> int:
        return max(self.client.written, self._returned.get(path, 0))

    def _since(self, path: str, mark: int) -> list[Json]:
        """Return the state that held at a version of the cluster, and those that followed."""
        states = self._states[path]
        before = [place for place, state in enumerate(states) if _version(state) <= mark]
        return states[before[-1] if before else 0 :]

    def _path(self, plural: str) -> str:
        return f"/apis/{API_VERSION}/namespaces/{self.namespace}/{plural}"

    async def _follow(self, plural: str, version: str) -> None:
        """Watch a kind; where the API server was away or has forgotten what follows, go on from what is there."""
        while True:
            with suppress(ApiUnavailable, Gone):
                await self._watch(plural, version)
            if self._ended:
                return
            await asyncio.sleep(_PAUSE_S)
            with suppress(ApiUnavailable):
                version = await self._list(plural)

    async def _watch(self, plural: str, version: str) -> None:
        stream = EventStream()
        async for data in self.client.watch(self._path(plural), version, "", _SILENCE_S):
            for event in stream.take(data):
                if event.type != BOOKMARK:
                    self._put(plural, dict(event.body), gone=event.type == "DELETED")

    async def _list(self, plural: str) -> str:
        listed = await self.client.get(self._path(plural))
        there = {f"{self._path(plural)}/{item['metadata']['name']}" for item in listed["items"]}
        for item in listed["items"]:
            self._put(plural, item)
        self._gone |= {path for path in self._newest if path.startswith(f"{self._path(plural)}/") and path not in there}
        self._tell()
        return str(listed["metadata"]["resourceVersion"])

    def _put(self, plural: str, state: Json, *, gone: bool = False) -> None:
        path = f"{self._path(plural)}/{state['metadata']['name']}"
        version = _version(state)
        if gone:
            self._gone.add(path)
        elif version > self._newest.get(path, 0):
            self._gone.discard(path)
            self._states[path].append(state)
        self._newest[path] = max(self._newest.get(path, 0), version)
        self._tell()

    def _tell(self) -> None:
        told, self._news = self._news, asyncio.Event()
        told.set()


def _version(state: Mapping[str, Any]) -> int:
    return int(state["metadata"]["resourceVersion"])
