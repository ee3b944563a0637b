"""The ConfigMap in which signed bundles are claimed before they are pushed (``running.claims``): read, and changed.

It is written against the resourceVersion that was read, so that of several writers one gets through. Of all ConfigMaps
the operator may read and write this one, and the list of verified images; nobody else has a reason to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_operator.acting.client import ApiClient

NAME = "tradeplane-signed"


@dataclass(frozen=True, slots=True)
class ClaimedBundles:
    """That ConfigMap, in the operator's namespace."""

    client: ApiClient
    namespace: str

    async def read(self) -> tuple[str, dict[str, str]]:
        """Return its resourceVersion, and what is in it. Raises ApiError."""
        found = await self.client.get(self.path)
        return str(found["metadata"]["resourceVersion"]), dict(found.get("data") or {})

    async def change(self, version: str, data: Mapping[str, str | None]) -> str:
        """Put values under keys, and take away those with None; return the new resourceVersion.

        Raises Conflict where it is not what was read any more, NotLeading and other ApiErrors.
        """
        body = {"metadata": {"resourceVersion": version}, "data": data}
        found = await self.client.merge_patch(self.path, body)
        return str(found["metadata"]["resourceVersion"])

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/api/v1/namespaces/{self.namespace}/configmaps/{NAME}"
