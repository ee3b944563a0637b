"""Latency and clock skew from samples of the broker's time. Pure, in integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_workloads.brokers.errors import NotTheApiExpected

if TYPE_CHECKING:
    from collections.abc import Sequence

_LATEST_MILLISECONDS = 253_402_300_799_999
"""The end of the year 9999."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One request of the broker's time. ``round_trip`` is measured on a clock that is never set."""

    sent_microseconds: int
    """On our clock, since 1970."""
    round_trip_microseconds: int
    server_milliseconds: int

    @property
    def skew_microseconds(self) -> int:
        """Return the broker's time less the middle of the request's time on our clock."""
        middle = self.sent_microseconds + self.round_trip_microseconds // 2
        return self.server_milliseconds * 1_000 - middle


def median(values: Sequence[int]) -> int:
    """Return the middle of the values, or the middle between the two middle ones, rounded down."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) // 2


def latency(samples: Sequence[Sample]) -> int:
    """Return the median round trip in microseconds."""
    return median([sample.round_trip_microseconds for sample in samples])


def skew(samples: Sequence[Sample]) -> int:
    """Return the median skew in microseconds."""
    return median([sample.skew_microseconds for sample in samples])


def server_time(answer: dict[str, Any], what: str) -> int:
    """Return the milliseconds since 1970 in an answer. Raises NotTheApiExpected."""
    found = answer.get("serverTime")
    if not isinstance(found, int) or isinstance(found, bool) or not 0 < found <= _LATEST_MILLISECONDS:
        raise NotTheApiExpected(f"{what}: the answer has no serverTime; check spec.endpoint.rest and spec.market")
    return found
