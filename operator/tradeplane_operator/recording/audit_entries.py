"""Deeds of the audit log, brought into the ledger: what it has of their objects is asked first, all of it at once.

An entry of what somebody did stands for itself: one that a watch entered as claimed before is no reason to leave it
out. So that nobody sees the same twice without need, the watch waits for it (``recorder``).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_evidence.ledger.appending import MAX_BATCH, append
from tradeplane_evidence.ledger.events import Action
from tradeplane_evidence.ledger.reading import applied_of, authenticated_of

from tradeplane_operator.recording.audit_events import entry_of, is_told, noted
from tradeplane_operator.recording.specifications import kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine
    from tradeplane_evidence.configurations.payloads import Payloads
    from tradeplane_evidence.ledger.events import Event

    from tradeplane_operator.recording.audit_events import Deed

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Entered:
    """What of some deeds stands in the ledger now."""

    events: list[Event] = field(default_factory=list)
    known: int = 0
    """Deeds that stood there, or changed nothing."""
    deeds: Sequence[Deed] = ()


@dataclass(slots=True)
class AuditEntries:
    """Enters deeds: in some namespaces, and of what is in none, or everywhere where none is named."""

    engine: Engine
    payloads: Payloads
    namespaces: Sequence[str] = ()

    def enter(self, deeds: Sequence[Deed]) -> Entered:
        """Enter deeds; once this returns they are on the disk. Raises what ``append`` and ``put`` raise."""
        wanted = [deed for deed in deeds if not self.namespaces or deed.object.namespace in {*self.namespaces, ""}]
        entered = Entered(known=len(deeds) - len(wanted), deeds=wanted)
        known = authenticated_of(self.engine, [deed.object for deed in wanted])
        configurations: dict[str, dict[int, str | None]] = {}
        for deed in wanted:
            uid = deed.object.uid
            stands = known.setdefault(uid, {})
            if is_told(deed, stands):
                entered.known += 1
                continue
            if deed.action is not Action.DELETED and uid not in configurations:
                configurations[uid] = applied_of(self.engine, deed.object)
            digest, told = self._kept(deed)
            earlier = configurations.get(uid, {})
            event = entry_of(told, digest, earlier)
            if event is None:
                entered.known += 1
                continue
            entered.events.append(event)
            stands[deed.generation] = deed.occurred
            if deed.generation is not None and earlier.get(deed.generation) is None:
                earlier[deed.generation] = digest
        for first in range(0, len(entered.events), MAX_BATCH):
            append(self.engine, entered.events[first : first + MAX_BATCH])
        return entered

    def _kept(self, deed: Deed) -> tuple[str | None, Deed]:
        if deed.configuration is None:
            return None, deed
        digest, why = kept(self.payloads, deed.configuration)
        return digest, deed if why is None else noted(deed, why)
