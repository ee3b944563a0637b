"""Execution parity: an exchange, given its own recorded input order, gives the same outcomes and the same accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_workloads.exchange.market import tapes_of
from tradeplane_workloads.exchange.venue import Venue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_api.exchange import ExchangeSpecification
    from tradeplane_native import ExchangeOutcome, ExchangeStep
    from tradeplane_store.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class Parting:
    """The first outcome that differs: of which input, in which field (None where one is missing), and both."""

    words: str
    input: int
    field: str | None
    expected: ExchangeOutcome | None
    got: ExchangeOutcome | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a record came to when it was run again; ``venue`` is the exchange as it was then.

    ``steps``: the inputs that led to something, up to where it parted from the record.
    """

    venue: Venue
    parting: Parting | None
    steps: Sequence[ExchangeStep]

    @property
    def is_exact(self) -> bool:
        """Whether every outcome is the recorded one."""
        return self.parting is None


def replay_record(specification: ExchangeSpecification, store: ObjectStore | None, record: bytes) -> Verdict:
    """Run a record again. Raises DataRefused for one that is damaged or of another market, or for its tapes."""
    venue = Venue(specification, tapes_of(specification, store), _no_clock)
    replayed = venue.replay(record)
    if replayed.divergence is None:
        return Verdict(venue, None, replayed.steps)
    words, number, _, field, expected, got = replayed.divergence
    return Verdict(venue, Parting(words, number, field, expected, got), replayed.steps)


def _no_clock() -> int:
    raise AssertionError("a replay asked for the time: all its times are recorded")
