"""The writes of one run, recorded from the operator, so that a client without any of its thinking can repeat them.

A Strategy is run once by the operator while its status is watched. What was written is kept as bytes in which the
names, UIDs and versions of that one Strategy are to be replaced by those of others.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
from tradeplane_api.conditions import UNSEEN
from tradeplane_api.strategy import PinnedInputs, RunStatus, StrategySpec
from tradeplane_operator.acting.merging import merge_patch
from tradeplane_operator.planning.jobs import build_job
from tradeplane_operator.settings import Settings

from tests.bench.control.documents import STRATEGIES, is_true, strategy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.control.client import ApiClient
    from tests.bench.control.documents import Json

_NAME, _SEED, _VERSION = "recorded-name", 987_654_321, "recorded-version"
_PATIENCE = 60.0


@dataclass(frozen=True)
class Writes:
    """Bodies of the three requests of a run, and what in them is particular to the Strategy they were recorded from."""

    running: bytes
    """Status patch that records the run, before its Job is created."""
    job: bytes
    done: bytes
    """Status patch that records the run's end."""
    uid: bytes
    run: bytes

    def body(self, of: bytes, name: str, uid: str, run: str, *, version: str = "", seed: int = 0) -> bytes:
        """Return a recorded body as it is for another Strategy."""
        changed = of.replace(self.run, run.encode()).replace(_NAME.encode(), name.encode())
        changed = changed.replace(self.uid, uid.encode()).replace(_VERSION.encode(), version.encode())
        return changed.replace(str(_SEED).encode(), str(seed).encode())

    def write(self, path: Path) -> None:
        """Keep the bodies in a file for another process."""
        path.write_bytes(orjson.dumps({name: getattr(self, name).decode() for name in self.__dataclass_fields__}))

    @classmethod
    def read(cls, path: Path) -> Writes:
        """Return what ``write`` kept."""
        return cls(**{name: text.encode() for name, text in orjson.loads(path.read_bytes()).items()})


async def record_writes(client: ApiClient, settings: Json) -> Writes:
    """Have a running operator run one Strategy, and return what it wrote. Raises TimeoutError."""
    statuses: list[Json] = []
    await client.request("POST", STRATEGIES, strategy(_NAME, _SEED))
    async with asyncio.timeout(_PATIENCE):
        async for _, seen in client.watch(STRATEGIES, f"fieldSelector=metadata.name%3D{_NAME}"):
            if seen:
                resource = seen
                statuses.append(seen.get("status") or {})
            if is_true(seen, "Ready"):
                break
    running, done = statuses[-2:]
    unseen = {"conditions": [UNSEEN.model_dump(mode="json", by_alias=True, exclude_none=True)]}
    return Writes(
        running=_patch(resource, merge_patch(unseen, running)),
        job=orjson.dumps(_job(resource, running, settings)),
        done=_patch(resource, merge_patch(running, done)),
        uid=resource["metadata"]["uid"].encode(),
        run=running["latest"]["name"].encode(),
    )


def _patch(resource: Json, status: Json) -> bytes:
    metadata = {"resourceVersion": _VERSION, "uid": resource["metadata"]["uid"]}
    return orjson.dumps({"metadata": metadata, "status": status})


def _job(resource: Json, running: Json, settings: Json) -> Json:
    return build_job(
        resource["metadata"],
        StrategySpec.model_validate(resource["spec"]),
        PinnedInputs.model_validate(running["pinned"]),
        RunStatus.model_validate(running["latest"]),
        Settings.model_validate(settings),
    )
