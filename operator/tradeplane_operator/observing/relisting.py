"""Finding what was deleted while nobody looked.

A watch that was interrupted for too long (410 Gone) begins with a new list, which shows what is there and not what is
gone. Our own watches settle the two at each list; kopf forgets nothing then. So each time kopf has listed a kind, and
every so often for all kinds, the known UIDs are compared with a list of metadata alone, and what is missing from it,
and was known before it, is forgotten.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from tradeplane_operator.acting.errors import ApiError
from tradeplane_operator.metrics import OBJECTS, PURGED, RELISTS
from tradeplane_operator.observing.children import CHILDREN
from tradeplane_operator.observing.compact import owner_label
from tradeplane_operator.observing.keys import PLURALS, Key, Kind
from tradeplane_operator.planning.names import API_VERSION, MANAGED_BY, MANAGED_BY_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.observing.index import Index
    from tradeplane_operator.settings import Settings

log = logging.getLogger(__name__)
WATCHED = (*PLURALS.values(), *CHILDREN)
"""Plurals of what is watched."""


class Collection(NamedTuple):
    """Objects of one kind, everywhere or in one namespace, that are listed and watched together."""

    plural: str
    namespace: str
    path: str
    selector: str


def collections(settings: Settings, plural: str) -> tuple[Collection, ...]:
    """Return the collections in which a kind is watched: one, or one a namespace served."""
    child = CHILDREN.get(plural)
    group = f"/apis/{API_VERSION}" if child is None else child.group
    selector = "" if child is None else f"{MANAGED_BY_LABEL}={MANAGED_BY}"
    if not settings.namespaces:
        return (Collection(plural, "", f"{group}/{plural}", selector),)
    return tuple(
        Collection(plural, namespace, f"{group}/namespaces/{namespace}/{plural}", selector)
        for namespace in settings.namespaces
    )


Known = Mapping[str, tuple[Key, str]]
"""What is known, by UID: the key to wake, and the object's name."""


@dataclass(slots=True)
class Relisting:
    """Compares what is known with what there is. ``wake`` is told each object whose surroundings changed."""

    settings: Settings
    client: ApiClient
    index: Index
    wake: Callable[[Key], None]
    _due: dict[str, str] = field(default_factory=dict)
    _listed: set[str] = field(default_factory=set)
    _some: asyncio.Event = field(default_factory=asyncio.Event)
    _complete: bool = False

    def listed(self, plural: str) -> None:
        """Say that kopf has listed a kind anew."""
        if plural in WATCHED:
            self._listed.add(plural)
            self._due[plural] = "watch"
            self._some.set()

    async def synced(self, patience: float) -> bool:
        """Wait until each kind was listed by its watch and everything there is is known.

        Return whether that was so within ``patience`` seconds.
        """
        try:
            async with asyncio.timeout(patience):
                for plural in WATCHED:
                    while plural not in self._listed or await self._missing(plural):
                        await asyncio.sleep(0.1)
        except TimeoutError:
            return False
        self._complete = True
        return True

    async def complete(self, patience: float) -> bool:
        """Return whether everything there is was known once; what comes after, watches bring. Raises ApiError."""
        return self._complete or await self.synced(patience)

    async def run(self) -> None:
        """Compare after each listing, and at the interval of the settings, for ever."""
        while True:
            try:
                async with asyncio.timeout(self.settings.client.relist_seconds):
                    await self._some.wait()
            except TimeoutError:
                self._due.update(dict.fromkeys(WATCHED, "interval"))
            self._some.clear()
            await asyncio.sleep(1.0)  # what was listed is still on its way through kopf's queues
            for plural, cause in list(self._due.items()):
                del self._due[plural]
                await self._compare(plural, cause)

    def known(self, collection: Collection) -> Known:
        """Return what is known of a collection: to be asked before it is listed."""
        everywhere, namespace = not collection.namespace, collection.namespace
        return {
            uid: known
            for uid, known in self._known(collection.plural).items()
            if everywhere or known[0].namespace == namespace
        }

    def settle(self, collection: Collection, before: Known, there: Set[str]) -> None:
        """Forget what was known before a list and is not in it; what has come since may be newer than the list."""
        self._listed.add(collection.plural)
        RELISTS.labels("watch").inc()
        self._forget(collection.plural, before, there)

    async def _compare(self, plural: str, cause: str) -> None:
        RELISTS.labels(cause).inc()
        known = self._known(plural)
        try:
            there = await self._there(plural)
        except ApiError as error:
            log.warning("%s could not be listed, tried again: %s", plural, error)
            self._due[plural] = cause
            self._some.set()
            return
        self._forget(plural, known, there.keys())

    def _forget(self, plural: str, known: Known, there: Set[str]) -> None:
        for uid in known.keys() - there:
            self._purge(plural, uid, known[uid])
        OBJECTS.labels(plural).set(len(self._known(plural)))

    async def _missing(self, plural: str) -> int:
        """Return how many objects there are that are not known yet, and will be."""
        there, known = await self._there(plural), self._known(plural)
        if plural not in CHILDREN:
            return len(there.keys() - known.keys())
        # What has our label and says of no owner is never known; nor are two of one owner that have one name.
        named = {name for _, name in known.values()}
        ours = ((one, owner_label(one)) for one in there.values())
        owned = {f"{one['labels'][label]}/{one['name']}" for one, label in ours if label is not None}
        return len(owned - named)

    def _known(self, plural: str) -> Known:
        if plural in CHILDREN:
            return {
                uid: (Key(Kind(child.owner_kind), child.namespace, child.owner_name), f"{child.owner_uid}/{child.name}")
                for uid, child in self.index.owned(plural).identities().items()
            }
        kind = next(kind for kind, name in PLURALS.items() if name == plural)
        return {uid: (key, key.name) for uid, (key, _) in self.index.of_kind(kind).identities().items()}

    def _purge(self, plural: str, uid: str, known: tuple[Key, str]) -> None:
        key, name = known
        if plural in CHILDREN:
            owner_uid, _, child = name.partition("/")
            gone = self.index.owned(plural).remove(owner_uid, child, uid)
        else:
            gone = self.index.of_kind(key.kind).remove(key, uid)
        if gone:
            PURGED.labels(plural).inc()
            log.info("%s was deleted while the watch was down", name, extra={"key": str(key)})
            self.wake(key)

    async def _there(self, plural: str) -> dict[str, Mapping[str, Any]]:
        """Return the metadata of all there are of a kind, by UID. Raises ApiError."""
        there: dict[str, Mapping[str, Any]] = {}
        for found in collections(self.settings, plural):
            async for page in self.client.metadata_pages(found.path, self.settings.client.list_chunk, found.selector):
                there.update({item["metadata"]["uid"]: item["metadata"] for item in page["items"] or ()})
        return there
