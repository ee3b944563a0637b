"""The API server's part of claims, in memory: of two who write against one version, one gets through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from tradeplane_operator.acting.claimed_bundles import ClaimedBundles
from tradeplane_operator.acting.errors import Conflict, NotFound
from tradeplane_operator.running.claims import SharedClaims

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradeplane_operator.acting.client import ApiClient

    Json = dict[str, Any]


@dataclass
class ObjectInMemory:
    """One ConfigMap; ``writes`` counts those that got through. ``there``: whether there is any."""

    data: dict[str, str] = field(default_factory=dict)
    writes: int = 0
    there: bool = True

    def claims(self, step: Callable[[], None] = lambda: None) -> SharedClaims:
        """Return the claims of another operator on it; ``step`` is called before and after each request."""
        return SharedClaims(ClaimedBundles(cast("ApiClient", _Client(self, step)), "tradeplane-system"))

    def _body(self) -> Json:
        return {"metadata": {"resourceVersion": str(self.writes)}, "data": dict(self.data)}


@dataclass
class _Client:
    """What is asked of a client of the API server."""

    kept: ObjectInMemory
    step: Callable[[], None]

    async def get(self, path: str) -> Json:
        self.step()
        if not self.kept.there:
            raise NotFound(404, "NotFound", f"{path} not found")
        return self.kept._body()

    async def merge_patch(self, _path: str, body: Mapping[str, Any]) -> Json:
        self.step()
        if body["metadata"]["resourceVersion"] != str(self.kept.writes):
            raise Conflict(409, "Conflict", "the object has been modified")
        self.kept.writes += 1
        for key, value in body["data"].items():
            if value is None:
                self.kept.data.pop(key, None)
            else:
                self.kept.data[key] = value
        self.step()
        return self.kept._body()
