"""Making children that change like their manifests, and removing them: never one that belongs to somebody else.

What is known to be ours is applied by its UID and with force, so that what others changed of it is put right. What is
not known is looked for first, and made without force: server-side apply would otherwise lay our fields over an object
of that name that somebody else has.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tradeplane_operator.acting.errors import Conflict, NotFound, Refused
from tradeplane_operator.observing.children import child_kind
from tradeplane_operator.observing.compact import owner_label
from tradeplane_operator.planning.observed import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.observing.index import Index
    from tradeplane_operator.observing.keys import Key
    from tradeplane_operator.planning.wanted import Removal

log = logging.getLogger(__name__)


async def apply_child(
    client: ApiClient, index: Index, key: Key, manifest: Mapping[str, Any], now: datetime
) -> Refusal | None:
    """Make a child like its manifest; return why that was refused. Raises Conflict and other ApiErrors."""
    kind, metadata = child_kind(manifest["kind"]), manifest["metadata"]
    path, owner = kind.path(key.namespace, metadata["name"]), _owner(manifest)
    known = index.owned(kind.plural).of(owner).get(metadata["name"])
    uid = None if known is None else known.uid
    if uid is None:
        there = await _read(client, path)
        if there is not None and _owner(there) != owner:
            return _of_another(key, manifest, now)
        uid = None if there is None else there["metadata"]["uid"]
    wanted = manifest if uid is None else {**manifest, "metadata": {**metadata, "uid": uid}}
    try:
        written = await client.apply(path, wanted, force=uid is not None)
    except Conflict:
        if uid is not None:
            raise  # deleted, or made again, since it was observed
        return _of_another(key, manifest, now)
    except Refused as error:
        log.warning("a %s was refused: %s", kind.kind, error, extra={"key": str(key), "child": metadata["name"]})
        return Refusal(error.reason, error.message, now)
    index.owned(kind.plural).put(written)
    return None


async def remove_child(client: ApiClient, key: Key, removal: Removal) -> None:
    """Remove a child, unless it is gone or another one has its name. Raises ApiError."""
    path = child_kind(removal.kind).path(key.namespace, removal.name)
    try:
        await client.delete(path, removal.uid)
    except (NotFound, Conflict):
        log.debug("there is no %s %s any more", removal.kind, removal.name, extra={"key": str(key)})


async def _read(client: ApiClient, path: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = await client.get(path)
    except NotFound:
        return None
    return found


def _owner(child: Mapping[str, Any]) -> str:
    """Return the UID by which a child says whose it is; nothing for one that is not ours."""
    label = owner_label(child["metadata"])
    return "" if label is None else str(child["metadata"]["labels"][label])


def _of_another(key: Key, manifest: Mapping[str, Any], now: datetime) -> Refusal:
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    words = f"there is a {kind} {name} that is not of this {key.kind.value}; delete it, or choose another name"
    return Refusal("AlreadyExists", words, now)
