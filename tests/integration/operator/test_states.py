"""What a test is told of an object's states: those that lasted a moment too, and none from before it did something."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tradeplane_operator.acting.client import ApiClient

from tests.integration.operator.cluster import condition

if TYPE_CHECKING:
    from tests.integration.operator.cluster import Bench


async def _says(bench: Bench, *reasons: str) -> None:
    """Have somebody else, as an operator is, say one thing after the other of Strategy ``macd``."""
    other = ApiClient(bench.client.access, 30.0)
    for reason in reasons:
        said = {"type": "Ready", "status": "False", "reason": reason, "message": "", "observedGeneration": 1}
        said["lastTransitionTime"] = "2026-01-01T00:00:00Z"
        await other.merge_patch(f"{bench._path('strategies', 'macd')}/status", {"status": {"conditions": [said]}})


async def _reached(bench: Bench, reason: str, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await bench.states.reached("strategies", "macd", lambda state: condition(state, "Ready")["reason"] == reason)


async def test_a_state_that_has_passed_is_found_and_then_those_that_followed(bench: Bench) -> None:
    await bench.create_strategy("macd")
    await _says(bench, "Passing", "PassingToo", "Lasting")
    for reason in ("Passing", "PassingToo", "Lasting", "Lasting"):
        assert condition(await bench.until("macd", reason), "Ready")["reason"] == reason
    with pytest.raises(TimeoutError):
        await _reached(bench, "Passing", 1.0)


async def test_what_was_said_before_the_test_last_wrote_does_not_count_but_for_what_held_then(bench: Bench) -> None:
    await bench.create_strategy("macd")
    await _says(bench, "Before", "Holding")
    await bench.change("macd", capital="5")
    with pytest.raises(TimeoutError):
        await _reached(bench, "Before", 1.0)
    await bench.until("macd", "Holding")
    await _says(bench, "Before")
    await bench.until("macd", "Before")


async def test_what_is_said_of_another_object_of_the_name_is_told(bench: Bench) -> None:
    first = await bench.create_strategy("macd")
    await _says(bench, "OfTheFirst")
    await bench.until("macd", "OfTheFirst")
    await bench.delete_strategy("macd")
    await bench.gone(bench._path("strategies", "macd"))
    second = await bench.create_strategy("macd")
    await _says(bench, "OfTheSecond")
    found = await bench.until("macd", "OfTheSecond")
    assert found["metadata"]["uid"] == second["metadata"]["uid"] != first["metadata"]["uid"]
    with pytest.raises(TimeoutError):
        await _reached(bench, "OfTheFirst", 1.0)
