"""Looking at the admission policies of the cluster, which are entered beside our own kinds (``policy_kinds``).

They are listed from time to time, and not watched: there are a few dozen, and they change seldom. What changes twice
between two looks is seen once; where the API server tells its audit log, that says both.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from tradeplane_operator.acting.errors import ApiError
from tradeplane_operator.observing.relisting import Collection
from tradeplane_operator.recording.policy_kinds import PART_OF, POLICY_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.observing.watching import Settling
    from tradeplane_operator.recording.policy_kinds import PolicyKind

log = logging.getLogger(__name__)
LOOK_SECONDS = 30.0
_CHUNK = 200
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class PolicyLooks:
    """Lists them, and tells ``see`` of each; ``settling`` is told what is there no more."""

    client: ApiClient
    settling: Settling
    see: Callable[[str, Mapping[str, Any]], None]
    seconds: float = LOOK_SECONDS

    async def run(self) -> NoReturn:
        """Look until cancelled."""
        while True:
            for kind in POLICY_KINDS:
                await self.look(kind)
            await asyncio.sleep(self.seconds)

    async def look(self, kind: PolicyKind) -> None:
        """List a kind once. One that it does not have has no objects; one that it does not let us list is logged."""
        selector = "=".join(PART_OF) if kind.labelled else ""
        collection = Collection(kind.plural, "", f"/apis/{kind.api_version}/{kind.plural}", selector)
        there: list[dict[str, Any]] = []
        before = self.settling.known(collection)
        try:
            async with aclosing(self.client.pages(collection.path, _CHUNK, collection.selector)) as pages:
                async for page in pages:
                    there += [{**one, "apiVersion": kind.api_version, "kind": kind.kind} for one in page["items"] or ()]
        except ApiError as error:
            if error.status != _NOT_FOUND:
                log.warning("%s cannot be listed, and what becomes of them is not recorded: %s", kind.plural, error)
                return
        for body in there:
            self.see("ADDED", body)
        self.settling.settle(collection, before, {one["metadata"]["uid"] for one in there})
