"""Failures of tasks that run together."""

from __future__ import annotations

import asyncio

import pytest
from tradeplane_operator.acting.errors import NotLeading
from tradeplane_operator.failures import alone, first


async def _failing(failure: Exception) -> None:
    raise failure


async def _together(*failures: Exception) -> None:
    async with asyncio.TaskGroup() as group:
        for failure in failures:
            group.create_task(_failing(failure))


async def test_a_failure_of_the_kind_is_raised_by_itself() -> None:
    lost = NotLeading("another leads")
    with pytest.raises(NotLeading) as raised, alone(NotLeading):
        await _together(lost, NotLeading("and another"))
    assert raised.value is lost


async def test_of_groups_within_groups_it_is_still_one() -> None:
    lost = NotLeading("another leads")
    with pytest.raises(NotLeading) as raised, alone(NotLeading):
        raise ExceptionGroup("outer", [ExceptionGroup("inner", [lost])])
    assert raised.value is lost


async def test_what_else_failed_is_not_hidden_by_it() -> None:
    broken = OSError("broken")
    with pytest.raises(ExceptionGroup) as raised, alone(NotLeading):
        await _together(NotLeading("another leads"), broken)
    assert first(raised.value) is broken


async def test_what_does_not_fail_goes_on() -> None:
    with alone(NotLeading):
        await _together()


def test_what_is_no_group_is_its_own_first() -> None:
    failure = OSError("broken")
    assert first(failure) is failure
