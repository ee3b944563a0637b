"""From a session's specification to what the core takes: terms, the strategy, what it draws from, limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tradeplane_api.execution import Execution
from tradeplane_native import Generator

from tradeplane_workloads.events.prepared import check_instruments, check_simulation
from tradeplane_workloads.events.terms import BILLION, Terms, terms_of
from tradeplane_workloads.strategies.protocol import trades_events
from tradeplane_workloads.strategies.registry import find_strategy, parse_parameters

if TYPE_CHECKING:
    from tradeplane_workloads.sessions.specification import SessionSpecification


@dataclass(frozen=True, slots=True)
class Conduct:
    """What the core takes to begin or replay a session; a strategy, and its generator, are for one session alone."""

    terms: list[Terms]
    strategy: object
    generator: Generator
    seed: int
    rate: tuple[int, int] | None
    period_ns: int


def conduct_of(specification: SessionSpecification) -> Conduct:
    """Return what the core takes. Raises InvalidSpecification or DataRefused for what cannot be traded."""
    instruments, simulation = specification.traded(), specification.simulation
    check_simulation(simulation)
    check_instruments(instruments)
    strategy, generator = find_strategy(simulation.algorithm.name), Generator(simulation.seed)
    trader: object
    if trades_events(strategy):
        parameters = parse_parameters(strategy, simulation.algorithm.parameters)
        trader = strategy.trader(instruments, parameters, generator)
    else:
        # Half of the time to the first input is loading, and what decides on bars needs what only backtests need else.
        from tradeplane_workloads.sessions.deciding import bar_trader

        trader = bar_trader(instruments, simulation)
    execution = simulation.execution or Execution()
    limit = execution.limits.rate
    terms = [terms_of(one, simulation, brings_capital=not index) for index, one in enumerate(instruments)]
    return Conduct(
        terms=[_without_exchange(one) for one in terms],
        strategy=trader,
        generator=generator,
        seed=simulation.seed,
        rate=None if limit is None else (limit.orders, limit.nanoseconds),
        period_ns=execution.period_seconds * BILLION,
    )


def _without_exchange(terms: Terms) -> Terms:
    """Leave out what is the exchange's: a session sends orders, and how they trade is told to it."""
    return replace(
        terms,
        latency="constant",
        entry_ns=0,
        response_ns=0,
        observations=[],
        queue="risk-averse",
        queue_seed=None,
        impact="none",
    )
