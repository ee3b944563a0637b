"""What makes a replica unhealthy, and what does not."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from tradeplane_operator.running.health import Health


def _health(*, lease: float = 0.0, beat: float = 0.0, heard: tuple[float, ...] = (0.0, 0.0), **changes: Any) -> Health:
    """Return the health of a replica that did things so many seconds ago."""
    state: dict[str, Any] = {"leading": True, "idle": True} | changes
    now = time.monotonic()
    leadership = SimpleNamespace(clock=lambda: 1_000.0, contact=1_000.0 - lease, leading=state["leading"])
    loop, queue = SimpleNamespace(beat=now - beat), SimpleNamespace(idle=state["idle"])
    watches = [
        SimpleNamespace(
            heard=now - seconds,
            settings=SimpleNamespace(inactivity_seconds=70.0),
            collection=SimpleNamespace(path=f"/path/{place}"),
        )
        for place, seconds in enumerate(heard)
    ]
    return Health(leadership, loop, queue, watches)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"beat": 9_999.0},
        {"beat": 9_999.0, "idle": False, "leading": False},
        {"heard": (69.0, 180.0)},
        {"lease": 59.0},
    ],
)
def test_idle_standing_by_and_a_silence_that_is_being_ended_are_healthy(state: dict[str, Any]) -> None:
    assert _health(**state).failing() == ""


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"heard": (0.0, 200.0)}, "nothing was heard of /path/1 for 200 s"),
        ({"heard": (200.0, 0.0), "leading": False}, "nothing was heard of /path/0 for 200 s"),
        ({"lease": 61.0}, "the Lease was not reached for 61 s"),
        ({"beat": 130.0, "idle": False}, "no pass has ended for 130 s, though there is work"),
    ],
)
def test_what_is_stuck_says_what_is(state: dict[str, Any], words: str) -> None:
    assert _health(**state).failing() == words
