"""The snapshots of a store as an index has them, listed and entered again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.printing import columns
from tradeplane_cli.progress import bar

if TYPE_CHECKING:
    from tradeplane_store.index import Entry

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_SYMBOLS = 4
"""Symbols of a snapshot shown to people; JSON has them all."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Snapshots of a store, by start."""

    entries: tuple[Entry, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {"items": [_item(entry) for entry in self.entries]}

    def as_text(self) -> str:
        """Lines for people."""
        if not self.entries:
            return "no snapshots"
        rows = [
            [entry.id, _symbols(entry), item["start"], item["end"], f"{entry.records:,}", f"{entry.bytes:,}"]
            for entry, item in ((entry, _item(entry)) for entry in self.entries)
        ]
        return columns(["Snapshot", "Instruments", "Start", "End", "Records", "Bytes"], rows)


@dataclass(frozen=True, slots=True)
class Reindexed:
    """An index that was built again."""

    store: str
    entered: int
    faults: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {"store": self.store, "entered": self.entered, "faults": list(self.faults)}

    def as_text(self) -> str:
        """Lines for people."""
        snapshots = "one snapshot is" if self.entered == 1 else f"{self.entered:,} snapshots are"
        return "\n".join([f"{snapshots} in the index of {self.store}", *(f"  {fault}" for fault in self.faults)])


def list_of(url: str, index: str | None, wanted: tuple[str | None, str | None, str | None]) -> Listed:
    """Return the snapshots of a store that hold an instrument, from a time on, before another.

    Raises CommandFailure for what is no time, IndexFailure where there is no index.
    """
    instrument, since, until = wanted
    from_ns, to_ns = _nanoseconds("--from", since), _nanoseconds("--to", until)

    from tradeplane_store.index import Wanted
    from tradeplane_store.objects import open_store
    from tradeplane_workloads.market.indexing import find

    return Listed(tuple(find(open_store(url), Wanted(instrument, from_ns, to_ns), index)))


def reindexed(url: str, index: str | None) -> Reindexed:
    """Build the index of a store again."""
    from tradeplane_store.objects import open_store
    from tradeplane_workloads.market import indexing

    store = open_store(url)
    with bar("Entering", len(indexing.snapshot_ids(store))) as advance:
        entered, faults = indexing.reindex(store, index, advance)
    return Reindexed(store.url, entered, tuple(faults))


def _item(entry: Entry) -> dict[str, Any]:
    from tradeplane_workloads.market.timestamps import rfc3339

    return {
        "id": entry.id,
        "store": entry.store,
        "form": entry.form,
        "instruments": [{"symbol": symbol, "kind": kind} for symbol, kind in entry.instruments],
        "start": rfc3339(entry.start_ns),
        "end": rfc3339(entry.end_ns),
        "records": entry.records,
        "bytes": entry.bytes,
        "previous": entry.previous,
        "sealed": rfc3339(entry.sealed_ns),
    }


def _symbols(entry: Entry) -> str:
    symbols = [symbol for symbol, _ in entry.instruments]
    more = f" and {len(symbols) - MAX_SYMBOLS} more" if len(symbols) > MAX_SYMBOLS else ""
    return ", ".join(symbols[:MAX_SYMBOLS]) + more


def _nanoseconds(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandFailure(
            f"{option} {text} is not a time", remedy=f"write for example {option} 2024-08-08T10:00:00Z"
        ) from error
    aware = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1) * 1_000
