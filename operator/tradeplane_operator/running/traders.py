"""Looking at a trader as the API server itself shows it, and removing its volume: what no watch is asked for.

A watch may be behind by any time. Whether a trader is gone decides whether its session may be closed, so that is read.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tradeplane_operator.acting.errors import Conflict, NotFound
from tradeplane_operator.observing.children import child_kind
from tradeplane_operator.observing.compact import owner_label
from tradeplane_operator.planning.names import MANAGED_BY, MANAGED_BY_LABEL, ROLE_LABEL, STRATEGY_UID_LABEL
from tradeplane_operator.planning.observed import TraderFacts
from tradeplane_operator.planning.paper_names import TRADER_ROLE, claim_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.observing.index import Index
    from tradeplane_operator.observing.keys import Key

log = logging.getLogger(__name__)
_MOST_PODS = 50
_ENDED = frozenset({"Succeeded", "Failed"})


async def look_at_trader(client: ApiClient, index: Index, key: Key, uid: str, name: str) -> TraderFacts:
    """Return what there is of a trader, its StatefulSet first: pods made after that was read are of what it wants.

    Raises ApiError.
    """
    path = child_kind("StatefulSet").path(key.namespace, name)
    found = await _read(client, path)
    known = index.sets.of(uid).get(name)
    if found is not None:
        index.sets.put(found)
        known = index.sets.of(uid).get(name)
    elif known is not None:
        index.sets.forget(uid, name)
        known = None
    selector = f"{MANAGED_BY_LABEL}={MANAGED_BY},{STRATEGY_UID_LABEL}={uid},{ROLE_LABEL}={TRADER_ROLE}"
    query = {"labelSelector": selector, "limit": str(_MOST_PODS)}
    pods = (await client.get(f"/api/v1/namespaces/{key.namespace}/pods", query))["items"] or ()
    live = sorted(pod["metadata"]["name"] for pod in pods if (pod.get("status") or {}).get("phase") not in _ENDED)
    claim = await _read(client, _claim_path(key, claim_name(key.name, uid)))
    return TraderFacts(stopped=known is None or known.empty, live=tuple(live), claimed=claim is not None)


async def remove_claim(client: ApiClient, key: Key, uid: str, name: str) -> None:
    """Remove the claim of a volume, if it is there and is of the object with this UID. Raises ApiError."""
    path = _claim_path(key, name)
    claim = await _read(client, path)
    label = None if claim is None else owner_label(claim["metadata"])
    if claim is None or label is None or claim["metadata"]["labels"][label] != uid:
        return
    try:
        await client.delete(path, claim["metadata"]["uid"])
    except (NotFound, Conflict):
        log.debug("there is no PersistentVolumeClaim %s any more", name, extra={"key": str(key)})


def _claim_path(key: Key, name: str) -> str:
    return f"/api/v1/namespaces/{key.namespace}/persistentvolumeclaims/{name}"


async def _read(client: ApiClient, path: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = await client.get(path)
    except NotFound:
        return None
    return found
