"""Making a Snapshot of a bundle or of a session: by POST, and what is there already is looked at, never changed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tradeplane_operator.acting.errors import AlreadyExists, Refused
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.planning.observed import Refusal
from tradeplane_operator.running.status import path_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.observing.index import Index

log = logging.getLogger(__name__)


async def make_snapshot(
    client: ApiClient,
    index: Index,
    key: Key,
    manifest: Mapping[str, Any],
    now: datetime,
    wake: Callable[[Key], None],
) -> Refusal | None:
    """Make a Snapshot, or see the one of its name that is there; return why it was refused. Raises ApiError.

    Another pass of the object at ``key``, which is woken, judges and records what was seen.
    """
    found_at = Key(Kind.SNAPSHOT, key.namespace, manifest["metadata"]["name"])
    try:
        body = await client.create(path_of(found_at).rpartition("/")[0], manifest)
    except AlreadyExists:
        body = await client.get(path_of(found_at))
    except Refused as error:
        log.warning("a Snapshot was refused: %s", error, extra={"key": str(key), "snapshot": found_at.name})
        wake(key)
        return Refusal(error.reason, error.message, now)
    if index.snapshots.put(body, confirmed=False):
        wake(found_at)
    wake(key)
    return None
