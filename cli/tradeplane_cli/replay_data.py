"""Where the data come from that a verification runs something on: a store, or the registry that a statement names.

What comes from a registry goes into a store of its own in a temporary folder, and every record is read and held against
the digests of the snapshot's manifest before anything runs on it.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_api.run import ExitCode
from tradeplane_evidence.errors import DigestMismatch, Malformed, RegistryRefused
from tradeplane_evidence.registry.opened import Registries
from tradeplane_evidence.verification.snapshot_records import (
    Records,
    find_records,
    pull_records,
    pull_snapshot,
)
from tradeplane_store import layout
from tradeplane_store.objects import open_store

from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.local_store import store_url
from tradeplane_cli.progress import stage
from tradeplane_cli.registries import registry_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.stored_snapshots import StoredSnapshot

_REMEDY = "give the store that has them by --store"


@dataclass(frozen=True, slots=True)
class Found:
    """A store with the data, by its URL; whence they are, in words; and whether it is gone afterwards."""

    url: str
    whence: str
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class Data:
    """Where data are looked for.

    ``store``: URL of the one that was named; where none was, this user's own and then the registry, of which no more
    than ``most_bytes`` are pulled.
    """

    store: str | None
    most_bytes: int
    plain_http: bool

    @property
    def own_url(self) -> str:
        """The URL of the store that was named, or of this user's own."""
        return store_url(self.store)

    @contextmanager
    def of(self, snapshots: Mapping[str, Reference | None]) -> Iterator[Found]:
        """Give a store that has snapshots, by their ids; it lasts as long as the context.

        ``snapshots``: where the artifact of each is by what was signed, None where that does not say. Raises
        CommandFailure where one is neither in this user's own store nor with its records in the registry.
        """
        if self.store is not None:
            yield Found(self.own_url, "of the store")
            return
        own = open_store(self.own_url)
        if all(own.exists(layout.snapshot_manifest(one)) for one in snapshots):
            yield Found(self.own_url, "of this user's own store")
            return
        with tempfile.TemporaryDirectory(prefix="tradeplane-replay-") as folder:
            with stage("Pulling the data") as say:
                pulled = asyncio.run(_pulled(Pulling(self, Path(folder), say), snapshots))
            yield Found(Path(folder).as_uri(), f"of the registry, {pulled:,} bytes", temporary=True)


@dataclass(slots=True)
class Pulling:
    """Snapshots on their way from registries into a folder."""

    data: Data
    folder: Path
    say: Callable[[str], None]
    total: int = 0

    async def pull(self, registry: Registry, place: Reference, snapshot: str) -> None:
        """Pull a snapshot whose records are as its manifest says. Raises CommandFailure and what a registry raises."""
        pulled = await pull_snapshot(registry, place, snapshot)
        faults = []
        for records in await find_records(registry, place, pulled):
            fault = await self._fault(registry, records, pulled)
            if fault is None:
                self.total += records.bytes
                return
            faults.append(fault)
        if faults:
            raise CommandFailure(faults[0], code=ExitCode.REFUSED, remedy=_REMEDY)
        raise CommandFailure(
            f"{place} is snapshot {snapshot} without its records: whoever attested it left them in their store",
            code=ExitCode.REFUSED,
            remedy=_REMEDY,
        )

    async def _fault(self, registry: Registry, records: Records, pulled: StoredSnapshot) -> str | None:
        """Pull what may be the records of a snapshot; return what is wrong with them, and leave nothing then."""
        left = self.data.most_bytes - self.total
        if records.bytes > left:
            return (
                f"the records of snapshot {pulled.snapshot} have {records.bytes:,} bytes, and {left:,} more are pulled "
                "at most (--pull-mib)"
            )
        from tradeplane_workloads.market.snapshots import verify_snapshot

        store = open_store(self.folder.as_uri())
        try:
            await pull_records(registry, records, pulled, store, self.say)
            self.say(f"Checking the records of {pulled.snapshot}")
            faults = verify_snapshot(store, pulled.snapshot)
        except (DigestMismatch, Malformed, RegistryRefused) as error:
            faults = [str(error)]
        if faults:
            shutil.rmtree(self.folder / layout.snapshot_folder(pulled.snapshot), ignore_errors=True)
            return f"{records.reference} is not the records of snapshot {pulled.snapshot}: {faults[0]}"
        return None


async def _pulled(pulling: Pulling, snapshots: Mapping[str, Reference | None]) -> int:
    """Pull snapshots; return how many bytes their records have."""
    async with Registries(partial(registry_at, plain_http=pulling.data.plain_http)) as registries:
        for snapshot, place in snapshots.items():
            if place is None:
                raise CommandFailure(
                    f"no attestation of snapshot {snapshot} was signed with the run, which would say where it is",
                    code=ExitCode.REFUSED,
                    remedy=_REMEDY,
                )
            await pulling.pull(await registries.of(place), place, snapshot)
    return pulling.total


def refuse_image(reference: Reference, called: str, *, in_image: bool) -> None:
    """Raise CommandFailure where something else than a run is to be run again by its image."""
    if in_image:
        raise CommandFailure(
            f"{reference} is {called}, and --in-image is for runs", code=ExitCode.INVALID, remedy="leave it out"
        )
