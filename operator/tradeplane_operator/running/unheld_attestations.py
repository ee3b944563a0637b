"""What is asked for of objects that nothing keeps from going yet, and is tried again where they have gone.

A finalizer is put on an object once its first attestation was delayed. Until that is there, the object may go at any
moment, and what it is owed stands nowhere but here: as long as this process leads, and as long as the object would have
been kept, it is attempted all the same. What was held and has gone was let go by somebody, who gave that up.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from tradeplane_evidence.statements.run import AskingStrategy

from tradeplane_operator.planning.attesting import pause

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_api.strategy import RunStatus

    from tradeplane_operator.observing.keys import Key
    from tradeplane_operator.planning.attesting import AttestationFacts
    from tradeplane_operator.planning.replay_attesting import JudgedReplays
    from tradeplane_operator.planning.snapshot_attesting import SealedSnapshot
    from tradeplane_operator.settings import Evidence

log = logging.getLogger(__name__)
_MOST_ORPHANS = 1_000
"""Attestations of objects that are gone that are tried again at a time."""


What: TypeAlias = "tuple[Key, str, str]"
"""What an attestation is of: an object, by its key and UID, and the name of what is of it between them."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """What was owed to an object that went before a finalizer could hold it.

    ``since``: when that was found, by the steady clock. ``tries``: attempts in a row that came to nothing.
    """

    since: float
    tries: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A run that is to be attested, what the replays of one, or of a session, found, or what a capture sealed.

    ``uid``: that of the object it is of; "" where nobody asks for it. ``orphan``: of one whose object has gone.
    """

    key: Key
    store: str
    run: RunStatus | JudgedReplays | SealedSnapshot
    uid: str = ""
    orphan: Orphan | None = None

    @property
    def what(self) -> What:
        """What it is of. Another object of the same name may have come since, with a run of the same name."""
        return self.key, self.run.name, self.uid

    def strategy(self, run: RunStatus) -> AskingStrategy:
        """Return the Strategy that asked for a run of it."""
        return AskingStrategy(
            namespace=self.key.namespace,
            name=self.key.name,
            uid=self.uid or None,
            generation=run.generation,
            configuration=run.configuration,
        )


@dataclass(slots=True)
class UnheldAttestations:
    """What was asked for of objects that are not held; ``again`` is given what is to be attempted once more."""

    evidence: Evidence
    steady: Callable[[], float]
    again: Callable[[Asked], None]
    _asked: dict[Key, dict[str, Asked]] = field(default_factory=dict)
    _orphans: int = 0

    def __len__(self) -> int:
        return sum(len(asked) for asked in self._asked.values())

    def add(self, asked: Asked) -> None:
        """Note what is asked for of an object that no finalizer holds."""
        self._asked.setdefault(asked.key, {})[asked.run.name] = asked

    def of(self, key: Key) -> tuple[Asked, ...]:
        """Return what was asked for of an object that is not held."""
        return tuple(self._asked.get(key, {}).values())

    def held(self, key: Key) -> None:
        """Note that an object is held from now on: what it is owed stands in it."""
        self._asked.pop(key, None)

    def forget(self, asked: Asked) -> None:
        """Forget what needs no attempt any more: it came, or is given up."""
        there = self._asked.get(asked.key, {})
        if asked.run.name in there and there[asked.run.name].uid == asked.uid:
            del there[asked.run.name]
        if not there:
            self._asked.pop(asked.key, None)
        self._orphans -= asked.orphan is not None

    def try_again(self, asked: Asked, found: AttestationFacts) -> bool:
        """Have an attempt made again whose object is gone, unless that was held; return whether it will be."""
        if asked.orphan is None and asked.run.name not in self._asked.get(asked.key, {}):
            return False
        orphan = asked.orphan or Orphan(self.steady(), 0)
        waited = self.steady() - orphan.since
        told = {"key": str(asked.key), "run": asked.run.name}
        if found.changed or waited > self.evidence.deletion_wait_seconds:
            log.warning("deleted without its attestation: %s", found.message, extra=told)
            return False
        if asked.orphan is None and self._orphans >= _MOST_ORPHANS:
            log.warning("deleted without its attestation, as %d others: %s", _MOST_ORPHANS, found.message, extra=told)
            return False
        again = replace(asked, orphan=Orphan(orphan.since, found.tries))
        self._orphans += asked.orphan is None
        log.warning("it is gone, and its attestation is tried again all the same", extra=told)
        asyncio.get_running_loop().call_later(pause(found, self.evidence).total_seconds(), self.again, again)
        return True
