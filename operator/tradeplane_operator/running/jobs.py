"""Asking for a Job by its name, so that asking twice makes one."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_operator.acting.errors import AlreadyExists, Refused
from tradeplane_operator.observing.compact import compact_job
from tradeplane_operator.planning.job_digest import job_digest
from tradeplane_operator.planning.names import OWNER_LABELS
from tradeplane_operator.planning.observed import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.observing.keys import Key
    from tradeplane_operator.observing.owned import JobIndex

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a Job that was asked for.

    ``refusal``: why there is none. ``created``: it is new. ``ended``: it is there and over, which no watch will tell.
    """

    refusal: Refusal | None = None
    created: bool = False
    ended: bool = False


async def ask_for_job(client: ApiClient, jobs: JobIndex, key: Key, manifest: Mapping[str, Any], now: datetime) -> Asked:
    """Create a Job; one that is there already is taken for it if it is of the same object and does the same.

    Labels alone say little: who may create Jobs in the namespace may have made one of this name. Raises ApiError.
    """
    path = f"/apis/batch/v1/namespaces/{key.namespace}/jobs"
    name, owner = manifest["metadata"]["name"], _owner(manifest)
    created = True
    try:
        job = await client.create(path, manifest)
    except AlreadyExists:
        created = False
        job = await client.get(f"{path}/{name}")
        if _owner(job) != owner:
            words = f"there is a Job {name} that is not of this {key.kind.value}; delete it"
            return Asked(Refusal("AlreadyExists", words, now))
        if job_digest(job) != job_digest(manifest):
            words = f"there is a Job {name} that does something else than was asked for; delete it"
            return Asked(Refusal("AlreadyExists", words, now))
    except Refused as error:
        log.warning("a Job was refused: %s", error, extra={"key": str(key), "job": name})
        return Asked(Refusal(error.reason, error.message, now))
    jobs.put(job)
    return Asked(created=created, ended=compact_job(job).end is not None)


def _owner(job: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return label and UID by which a Job says whose it is; None for one that is not ours."""
    labels = job["metadata"].get("labels") or {}
    return next(((label, labels[label]) for label in OWNER_LABELS if label in labels), None)
