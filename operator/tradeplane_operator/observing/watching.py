"""Watching one collection: what there is, then what changes, for ever.

kopf's watch makes a task, a logger and several views of each object for every event. That is of no account where people
change objects; but each run's Job changes half a dozen times and its Strategy three times, and at tens of runs a second
kopf's share was a third of the operator's processor time. So what changes with each run is watched here, with no more
than that takes: the bytes of an event, parsed once, given to the index.

A watch that ends or breaks goes on from the version it had reached, which bookmarks keep recent. Where that version is
history the API server has forgotten, where something arrived that cannot be read, and after several attempts in vain,
it begins with a list; what was known before the list and is not in it was deleted in between.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from tradeplane_operator.acting.errors import ApiError, Gone
from tradeplane_operator.observing.stream import BOOKMARK, EventStream, MalformedEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Set

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.observing.relisting import Collection
    from tradeplane_operator.settings import Client

log = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
_LASTED = 5.0
"""Seconds after which a watch that was open counts as one that went well."""
_RESUMED = 3
"""Attempts in a row to go on from a version; then what is wrong may be the version."""


class Settling(Protocol):
    """Who knows what was there before a list, and is told what was in it."""

    def known(self, collection: Collection) -> Mapping[str, Any]:
        """Return what is known of a collection, by UID: asked before it is listed."""

    def settle(self, collection: Collection, before: Mapping[str, Any], there: Set[str]) -> None:
        """Take what was known before a list and is not in it for deleted."""


@dataclass(slots=True)
class Watch:
    """The watch of a collection. ``tell`` is given each event's type and object; what a list shows is ``ADDED``."""

    client: ApiClient
    collection: Collection
    settings: Client
    relisting: Settling
    tell: Callable[[str, Mapping[str, Any]], None]
    pause: float = _FIRST_PAUSE
    heard: float = field(default_factory=time.monotonic)
    """When the API server last answered or told anything, on the monotonic clock."""
    _version: str = ""
    """From where the watch goes on; nothing where it has to begin with a list."""
    _failures: int = 0

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._follow()
            except (ApiError, MalformedEvent) as error:
                self._failed(error)
            if self._failures:
                await asyncio.sleep(min(self.pause * 2.0 ** min(self._failures - 1, 30), _LONGEST_PAUSE))

    def _failed(self, error: ApiError | MalformedEvent) -> None:
        self._failures += 1
        if isinstance(error, Gone | MalformedEvent) or self._failures > _RESUMED:
            self._version = ""
        what_next = "goes on where it was" if self._version else "begins with a list"
        log.warning("the watch of %s %s: %s", self.collection.path, what_next, error)

    async def _list(self) -> None:
        """Tell all there is, and have forgotten what there was and is no longer. Raises ApiError."""
        before, version = self.relisting.known(self.collection), ""
        there: set[str] = set()
        pages = self.client.pages(self.collection.path, self.settings.list_chunk, self.collection.selector)
        async with aclosing(pages):
            async for page in pages:
                self.heard = time.monotonic()
                version, items = _read(page, self.collection.path)
                there.update(items)
                for body in items.values():
                    self._tell("ADDED", body)
                await asyncio.sleep(0)  # a long list lets others work
        self.relisting.settle(self.collection, before, there)
        self._version = version

    async def _follow(self) -> None:
        """Tell what changes until the API server ends the watch. Raises ApiError and MalformedEvent."""
        stream, opened = EventStream(), float("inf")
        chunks = self.client.watch(
            self.collection.path, self._version, self.collection.selector, self.settings.inactivity_seconds
        )
        try:
            async with aclosing(chunks):
                async for data in chunks:
                    self.heard = time.monotonic()
                    opened = min(opened, self.heard)
                    for event in stream.take(data):
                        self._failures = 0
                        self._version = event.version
                        if event.type != BOOKMARK:
                            self._tell(event.type, event.body)
        finally:
            if time.monotonic() - opened >= _LASTED:
                self._failures = 0
        if time.monotonic() - opened < _LASTED:
            self._failures += 1  # a server that ends watches as soon as they are open is not asked without pause

    def _tell(self, event: str, body: Mapping[str, Any]) -> None:
        """Pass an event on. One that cannot be taken is logged: it must not keep those behind it from being seen."""
        try:
            self.tell(event, body)
        except Exception:
            log.exception("an event of %s could not be taken: %s", self.collection.path, body.get("metadata"))


def _read(page: Any, path: str) -> tuple[str, dict[str, Mapping[str, Any]]]:
    """Return the version of a page of a list, and its objects by UID. Raises MalformedEvent for what is none."""
    try:
        items = {body["metadata"]["uid"]: body for body in page["items"] or ()}
        return str(page["metadata"]["resourceVersion"]), items
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedEvent(f"the answer for {path} is no list") from error
