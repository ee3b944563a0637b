"""The versions of an object: what the ledger says was applied to it, counted from 1 in the order of the ledger.

The ledger is the only record of it, so that what makes the ledger hard to change makes a history hard to change. An
object that was deleted and made again under its name goes on with the count: the name is what people ask for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import NotAttested
from tradeplane_evidence.ledger.events import APPLIES, Authenticated

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tradeplane_evidence.ledger.entries import Entry
    from tradeplane_evidence.ledger.events import Claimed, Event


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object's specification; ``entries`` are all that say it was applied, the first of them first.

    More than one say so where the audit log and a recorder each saw it.
    """

    number: int
    digest: str
    entries: tuple[Entry, ...]

    @property
    def event(self) -> Event:
        """What is said of it: by the audit log where that says it, and else what was claimed."""
        told = [entry.event for entry in self.entries]
        return next((event for event in told if isinstance(event.actor, Authenticated)), told[0])

    @property
    def actor(self) -> Authenticated | Claimed:
        """Who applied it."""
        return self.event.actor


def versions_of(entries: Iterable[Entry]) -> tuple[Version, ...]:
    """Return the versions that entries of one name tell of, in the order of the ledger."""
    found: dict[tuple[str, int | None, str], list[Entry]] = {}
    for entry in entries:
        event = entry.event
        if event.action in APPLIES and event.configuration is not None:
            found.setdefault((event.object.uid, event.generation, event.configuration), []).append(entry)
    return tuple(Version(number, digest, tuple(told)) for number, ((_, _, digest), told) in enumerate(found.items(), 1))


def version(versions: Sequence[Version], number: int | None, what: str) -> Version:
    """Return a version by its number, the newest where none is given. Raises NotAttested."""
    if not versions:
        raise NotAttested(f"the ledger says nothing of {what} being applied; check kind, name and namespace")
    if number is None:
        return versions[-1]
    if not 1 <= number <= len(versions):
        raise NotAttested(f"{what} has no version {number}; it has 1 to {len(versions)}")
    return versions[number - 1]
