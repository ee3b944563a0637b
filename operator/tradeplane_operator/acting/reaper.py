"""Removing Jobs whose end is recorded, many in one request.

One deletion a run would be a quarter of the operator's writes. Jobs are selected by the labels of their runs, so a
request names each Job it removes and can reach no other.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_operator.acting.errors import ApiError
from tradeplane_operator.planning.names import MANAGED_BY, MANAGED_BY_LABEL, RUN_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_operator.acting.client import ApiClient

log = logging.getLogger(__name__)
_AT_ONCE = 100
"""Runs named in one request; at 64 characters each this stays well within the length a URL may have."""


@dataclass(slots=True)
class Reaper:
    """Jobs to be removed, by namespace.

    ``removed`` is told the owner's UID and the name of each Job that was, so that its going is no news to anybody.
    ``pause``: seconds between requests, in which more gather.
    """

    client: ApiClient
    removed: Callable[[str, str], None]
    pause: float = 0.5
    _wanted: dict[str, dict[str, str]] = field(default_factory=dict)
    _some: asyncio.Event = field(default_factory=asyncio.Event)

    def want(self, namespace: str, run: str, owner_uid: str) -> None:
        """Have a run's Job removed soon. Wanting it twice is wanting it once."""
        self._wanted.setdefault(namespace, {})[run] = owner_uid
        self._some.set()

    async def run(self) -> None:
        """Remove what is wanted, for ever. Raises NotLeading."""
        while True:
            await self._some.wait()
            await asyncio.sleep(self.pause)
            self._some.clear()
            for namespace in list(self._wanted):
                await self._remove(namespace, self._wanted.pop(namespace))

    async def _remove(self, namespace: str, owners: dict[str, str]) -> None:
        """Remove the Jobs of runs; those that could not be are wanted again."""
        runs = list(owners)
        for start in range(0, len(runs), _AT_ONCE):
            some = runs[start : start + _AT_ONCE]
            selector = f"{MANAGED_BY_LABEL}={MANAGED_BY},{RUN_LABEL} in ({','.join(some)})"
            try:
                await self.client.delete_collection(f"/apis/batch/v1/namespaces/{namespace}/jobs", selector)
            except ApiError as error:
                log.warning("%d Jobs in %s could not be removed yet: %s", len(some), namespace, error)
                for run in some:
                    self.want(namespace, run, owners[run])
                await asyncio.sleep(self.pause * 10)
            else:
                for run in some:
                    self.removed(owners[run], run)
