"""Plays the tapes: each message when it is due by the clock, at the speed that was asked for."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

from tradeplane_api.exchange import AtEnd

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_workloads.exchange.market import Schedule
    from tradeplane_workloads.exchange.venue import Venue

BATCH = 64
"""Messages that are played in a row before others have a turn."""
LONGEST_SLEEP_S = 0.5
"""So long a clock that jumps goes unseen, at most."""
SECOND_NS = 1_000_000_000


class Player:
    """Goes through a schedule; ``played`` is how many of its steps were played before, by the record."""

    def __init__(
        self, venue: Venue, schedule: Schedule, speed: str, at_end: AtEnd, clock: Callable[[], int], played: int = 0
    ) -> None:
        self._venue, self._clock, self._at_end = venue, clock, at_end
        self._numerator, self._denominator = Decimal(speed).as_integer_ratio()
        self._messages = len(schedule)
        self._instruments = len(venue.listings.all)
        self._times: list[int] = schedule.time_ns.tolist()
        columns = (schedule.instrument.tolist(), schedule.first.tolist(), schedule.end.tolist())
        self._steps = list(zip(*columns, strict=True))
        self._place = played % (self._messages + self._instruments) if at_end is AtEnd.REPEAT else played
        self._begun_ns = 0

    @property
    def is_over(self) -> bool:
        """Whether all was played, and nothing begins again."""
        return self._at_end is not AtEnd.REPEAT and self._place >= self._messages

    async def play(self) -> None:
        """Play to the end of the tapes, or for ever where they repeat."""
        self._begin()
        while not self.is_over:
            self.play_due()
            await asyncio.sleep(self._until_next())

    def play_due(self) -> int:
        """Play what is due, a batch at most, and return how many steps that were."""
        for count in range(BATCH):
            if self.is_over or self._due_ns() > self._clock():
                return count
            self._step()
        return BATCH

    def _begin(self) -> None:
        """Set the clock so that the next message is due now."""
        self._begun_ns = self._clock() - self._offset_ns()

    def _step(self) -> None:
        place = self._place
        if place < self._messages:
            self._venue.play(*self._steps[place])
            self._place += 1
            return
        self._venue.begin_again(place - self._messages)
        self._place += 1
        if self._place == self._messages + self._instruments:
            self._place = 0
            self._begin()

    def _offset_ns(self) -> int:
        """Return how long after the first message the next one is due."""
        place = min(self._place, self._messages - 1)
        return (self._times[place] - self._times[0]) * self._denominator // self._numerator

    def _due_ns(self) -> int:
        return self._begun_ns + self._offset_ns()

    def _until_next(self) -> float:
        if self.is_over:
            return 0.0
        return min(max(0, self._due_ns() - self._clock()) / SECOND_NS, LONGEST_SLEEP_S)
