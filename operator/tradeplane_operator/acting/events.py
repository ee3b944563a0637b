"""Kubernetes Events for people: at refusals, waits and failures, never for a run that goes well.

Best effort: an Event that cannot be written is logged, because the condition says the same.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradeplane_operator.acting.errors import ApiError
from tradeplane_operator.planning.names import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.observing.keys import Key
    from tradeplane_operator.planning.wanted import Notice

log = logging.getLogger(__name__)
_COMPONENT = "tradeplane-operator"


@dataclass(slots=True)
class EventWriter:
    """Writes Events of the events.k8s.io API."""

    client: ApiClient
    identity: str

    async def tell(self, key: Key, uid: str, notices: tuple[Notice, ...]) -> None:
        """Write notices about an object. Raises NotLeading."""
        for notice in notices:
            path = f"/apis/events.k8s.io/v1/namespaces/{key.namespace}/events"
            try:
                await self.client.create(path, self._event(key, uid, notice))
            except ApiError as error:
                log.warning("an Event could not be written: %s", error, extra={"key": str(key)})

    def _event(self, key: Key, uid: str, notice: Notice) -> Mapping[str, Any]:
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": f"{key.name[:200]}.{uuid.uuid4().hex[:16]}", "namespace": key.namespace},
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": notice.type.value,
            "reason": notice.reason,
            "note": notice.message,
            "action": "Reconcile",
            "reportingController": f"tradeplane.dev/{_COMPONENT}",
            "reportingInstance": self.identity[:128],
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": key.kind.value,
                "namespace": key.namespace,
                "name": key.name,
                "uid": uid,
            },
        }
