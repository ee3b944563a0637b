"""Reading an object anew, where what the watch has shown is not enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_operator.acting.errors import NotFound
from tradeplane_operator.running.status import path_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.observing.index import ResourceIndex
    from tradeplane_operator.observing.keys import Key


def resources_of(index: ResourceIndex, namespace: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a namespace as last seen."""
    for key in index:
        record = index.get(key)
        if key.namespace == namespace and record is not None:
            yield record.resource()


async def read_again(
    client: ApiClient, index: ResourceIndex, key: Key, resource: Mapping[str, Any]
) -> tuple[Mapping[str, Any], bool]:
    """Return the object as the API server has it now, and whether it is there; one that is gone looks deleted.

    Raises ApiError.
    """
    try:
        body = await client.get(path_of(key))
    except NotFound:
        body = None
    if body is None or body["metadata"]["uid"] != resource["metadata"]["uid"]:
        metadata = {**resource["metadata"], "deletionTimestamp": "gone", "finalizers": []}
        return {**resource, "metadata": metadata}, False
    index.put(body, confirmed=True)
    return body, True
