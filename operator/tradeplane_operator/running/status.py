"""Writing the status or the finalizers of an object, at the version they were computed from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_operator.acting.merging import merge_patch
from tradeplane_operator.observing.keys import PLURALS, Key
from tradeplane_operator.planning.names import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_operator.acting.client import ApiClient


def path_of(key: Key) -> str:
    """Return the path of an object of ours."""
    return f"/apis/{API_VERSION}/namespaces/{key.namespace}/{PLURALS[key.kind]}/{key.name}"


async def write_status(
    client: ApiClient, key: Key, resource: Mapping[str, Any], wanted: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Write the status wanted and return the object as it then is; None where nothing changes.

    Raises Conflict where the object has changed since it was observed, and other ApiErrors.
    """
    if wanted is None:
        return None
    patch = merge_patch(resource.get("status") or {}, wanted)
    if not patch:
        return None
    version = resource["metadata"]["resourceVersion"]
    body = {"metadata": {"resourceVersion": version, "uid": resource["metadata"]["uid"]}, "status": patch}
    written: Mapping[str, Any] = await client.merge_patch(f"{path_of(key)}/status", body)
    return written


async def write_finalizers(
    client: ApiClient, key: Key, resource: Mapping[str, Any], wanted: tuple[str, ...]
) -> Mapping[str, Any]:
    """Write the finalizers wanted and return the object as it then is.

    Raises Conflict where the object has changed since it was observed, and other ApiErrors.
    """
    identity = {name: resource["metadata"][name] for name in ("resourceVersion", "uid")}
    body = {"metadata": {**identity, "finalizers": list(wanted)}}
    written: Mapping[str, Any] = await client.merge_patch(path_of(key), body)
    return written
