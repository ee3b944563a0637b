"""A Job is removed once a watch has shown the record of its end, however late that comes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.operator.simulation import Server, SimulatedOperator

_KEPT_S = 5


def _see_all(operator: SimulatedOperator) -> None:
    while operator.see_strategy() or operator.see_job():
        pass


@pytest.fixture
def recorded() -> SimulatedOperator:
    """Give an operator that has recorded the end of a run, which no watch has shown it yet."""
    server = Server()
    server.change_spec(ttlSecondsAfterFinished=_KEPT_S)
    operator = SimulatedOperator(server)
    operator.lead()
    while not server.jobs:
        assert operator.reconcile(fresh=True)
        _see_all(operator)
    (run,) = server.jobs
    server.end_job(run, well=True)
    while operator.see_job():
        pass
    assert operator.reconcile()
    assert server.outcome(run) == "Succeeded"
    assert operator.look_again_at == server.now + timedelta(seconds=_KEPT_S)
    return operator


def test_a_record_that_is_shown_after_the_time_to_remove_its_job_is_news(recorded: SimulatedOperator) -> None:
    server = recorded.server
    server.now += timedelta(seconds=_KEPT_S)
    assert recorded.reconcile()
    assert recorded.look_again_at is None, "there is no time at which more is known"
    assert len(server.jobs) == 1, "what was not shown may be lost"
    shown = [recorded.index.strategies.put(event, confirmed=True) for event in server.strategy_events]
    assert shown[-1], "nobody else would have a pass made"
    assert recorded.reconcile()
    assert server.jobs == {}


def test_a_record_that_is_shown_before_that_time_is_no_news(recorded: SimulatedOperator) -> None:
    server = recorded.server
    shown = [recorded.index.strategies.put(event, confirmed=True) for event in server.strategy_events]
    assert not shown[-1], "a pass for it would find nothing to do"
    server.now += timedelta(seconds=_KEPT_S)
    assert recorded.reconcile()
    assert server.jobs == {}
