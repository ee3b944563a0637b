"""An API server on loopback that lists and watches one collection of Jobs, and does what a test tells it to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
from aiohttp import web
from tradeplane_operator.acting.access import Access, Connection
from tradeplane_operator.acting.client import ApiClient
from tradeplane_operator.observing.children import JOBS
from tradeplane_operator.observing.feeding import Feed
from tradeplane_operator.observing.index import Index
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.observing.relisting import Relisting, collections
from tradeplane_operator.observing.watching import Watch
from tradeplane_operator.planning.names import STRATEGY_UID_LABEL
from tradeplane_operator.settings import Client

from tests.unit.operator.simulation import SETTINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Json = dict[str, Any]
Answer = Callable[[web.StreamResponse], Awaitable[None]]
PATH = "/apis/batch/v1/jobs"
PATIENCE = 60.0


def job(name: str, version: int = 1, *, uid: str = "", namespace: str = "research", complete: bool = False) -> Json:
    """Return a Job as a watch shows it: owned by the Strategy ``of-<name>``."""
    owner = {"kind": "Strategy", "name": f"of-{name}", "uid": f"owner-of-{name}"}
    conditions = [{"type": "Complete", "status": "True", "lastTransitionTime": "2026-01-01T00:01:00Z"}]
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid or f"uid-{name}",
            "resourceVersion": str(version),
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {STRATEGY_UID_LABEL: owner["uid"]},
            "ownerReferences": [owner],
        },
        "spec": {},
        "status": {"conditions": conditions if complete else []},
    }


def owner_of(name: str, namespace: str = "research") -> Key:
    """Return the key of the Strategy a Job belongs to."""
    return Key(Kind.STRATEGY, namespace, f"of-{name}")


def line(kind: str, body: Json) -> bytes:
    """Return an event as it is sent."""
    return orjson.dumps({"type": kind, "object": body}) + b"\n"


def bookmark(version: int) -> bytes:
    """Return a bookmark as it is sent."""
    return line("BOOKMARK", {"kind": "Job", "metadata": {"resourceVersion": str(version)}})


def gone() -> bytes:
    """Return the event that says that history is lost."""
    return line("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"})


async def stay(_response: web.StreamResponse) -> None:
    """Leave a watch open, with nothing to tell."""
    await asyncio.Event().wait()


def tells(*data: bytes) -> Answer:
    """Return a watch that sends something and stays open."""

    async def answer(response: web.StreamResponse) -> None:
        for piece in data:
            await response.write(piece)
        await stay(response)

    return answer


def ends_after(*data: bytes) -> Answer:
    """Return a watch that sends something and is ended in good order."""

    async def answer(response: web.StreamResponse) -> None:
        for piece in data:
            await response.write(piece)

    return answer


def breaks_after(*data: bytes) -> Answer:
    """Return a watch whose connection is lost after something was sent."""

    async def answer(response: web.StreamResponse) -> None:
        for piece in data:
            await response.write(piece)
        await asyncio.sleep(0.02)
        assert response._req is not None
        assert response._req.transport is not None
        response._req.transport.abort()

    return answer


@dataclass
class Api:
    """What there is, and how each watch in turn goes; after the last, watches stay open."""

    jobs: list[Json] = field(default_factory=list)
    version: int = 1
    watches: list[Answer | int] = field(default_factory=list)
    """A number is the HTTP status by which a watch is refused."""
    lists: int = 0
    asked_from: list[str] = field(default_factory=list)
    """The resourceVersion each watch asked to go on from."""
    instead_of_lists: list[bytes] = field(default_factory=list)
    """What is answered to the first lists in their place."""
    hangs: bool = False
    """Whether requests are taken and never answered."""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a list or a watch."""
        if self.hangs:
            await asyncio.Event().wait()
        return await (self._watch(request) if "watch" in request.query else self._list(request))

    async def _list(self, request: web.Request) -> web.Response:
        start, limit = int(request.query.get("continue", "0")), int(request.query["limit"])
        self.lists += start == 0
        if self.instead_of_lists:
            return web.Response(body=self.instead_of_lists.pop(0), content_type="application/json")
        more = str(start + limit) if start + limit < len(self.jobs) else ""
        metadata = {"resourceVersion": str(self.version), "continue": more}
        return web.json_response({"metadata": metadata, "items": self.jobs[start : start + limit]})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        self.asked_from.append(request.query["resourceVersion"])
        how = self.watches.pop(0) if self.watches else stay
        if isinstance(how, int):
            status = {"reason": "Expired" if how == 410 else "Other", "message": "no"}
            return web.json_response(status, status=how)
        response = web.StreamResponse()
        await response.prepare(request)
        await how(response)
        return response


@dataclass
class Watching:
    """A watch of an API server, and what it has told."""

    api: Api
    watch: Watch
    feed: Feed
    woken: list[Key]
    told: list[tuple[str, str, str]]
    """Type, name and version of each event."""
    task: asyncio.Task[Any]

    async def until(self, reached: Callable[[], object]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(PATIENCE):
            while not reached():
                assert not self.task.done(), self.task
                await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def watching(
    api: Api, *, silence: float = 30.0, chunk: int = 2, known: list[Json] | None = None, fails_on: str = ""
) -> AsyncIterator[Watching]:
    """Watch an API server that begins as it is; ``fails_on`` names a Job that cannot be taken."""
    application = web.Application()
    application.router.add_get(PATH, api.serve)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    session = aiohttp.ClientSession()
    try:
        address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with _following(api, Connection(address, session, {}), silence, chunk, known or [], fails_on) as found:
            yield found
    finally:
        await session.close()
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _following(
    api: Api, connection: Connection, silence: float, chunk: int, known: list[Json], fails_on: str
) -> AsyncIterator[Watching]:
    client = ApiClient(Access(connection), 5.0)
    woken: list[Key] = []
    told: list[tuple[str, str, str]] = []
    feed = Feed(Index(), woken.append)
    for body in known:
        feed.index.jobs.put(body)

    def tell(kind: str, body: Any) -> None:
        metadata = body["metadata"]
        told.append((kind, metadata.get("name", ""), metadata["resourceVersion"]))
        if fails_on and metadata.get("name") == fails_on:
            raise ValueError("an object nobody expected")
        feed.job(kind, body)

    settings = Client(inactivity_seconds=silence, list_chunk=chunk)
    relisting = Relisting(SETTINGS, client, feed.index, woken.append)
    watch = Watch(client, collections(SETTINGS, JOBS)[0], settings, relisting, tell, pause=0.005)
    task = asyncio.create_task(watch.run())
    try:
        yield Watching(api, watch, feed, woken, told, task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
