"""A strategy that raises ends its run for good, with its name and the place, wherever it is called."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from pydantic import BaseModel
from tradeplane_api.run import ExitCode
from tradeplane_api.simulation import Algorithm, Simulation
from tradeplane_workloads.engine.backtest import backtest
from tradeplane_workloads.errors import DataRefused, InvalidSpecification, StrategyFailed, WorkloadError
from tradeplane_workloads.events.backtest import backtest_tapes
from tradeplane_workloads.strategies import registry
from tradeplane_workloads.strategies.faults import faults_of

from tests.synthetic import random_bars
from tests.unit.workloads.sample_tapes import quotes

if TYPE_CHECKING:
    from collections.abc import Callable

SIMULATION = Simulation(algorithm=Algorithm(name="broken"), capital="1000000")
ERRORS = [
    (ValueError("no data for 2020"), "ValueError: no data for 2020"),
    (KeyError("AAPL"), "KeyError: 'AAPL'"),
    (MemoryError(), "MemoryError"),
    (type("Odd", (Exception,), {})("twice"), "Odd: twice"),
    (SystemExit(0), "SystemExit: 0"),
    (SystemExit(), "SystemExit"),
]


class Broken:
    """A strategy whose methods are made one by one."""

    name: ClassVar[str] = "broken"
    api_version: ClassVar[str] = "v1"
    Parameters: ClassVar[type[BaseModel]] = type("Parameters", (BaseModel,), {})


def raising(error: BaseException) -> Callable[..., Any]:
    def method(*_: Any) -> object:
        raise error

    return method


def broken(monkeypatch: pytest.MonkeyPatch, method: str, error: BaseException) -> None:
    """Make a strategy whose one method raises."""
    monkeypatch.setitem(registry.BUILT_IN, "broken", type("Raising", (Broken,), {method: raising(error)})())


@pytest.mark.parametrize(("error", "words"), ERRORS)
def test_what_targets_raises_is_final_and_named(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, words: str
) -> None:
    broken(monkeypatch, "targets", error)
    with pytest.raises(StrategyFailed) as refused:
        backtest(random_bars(10), SIMULATION)
    expected = f"algorithm.name: strategy 'broken' failed in targets() with {words}; mend the strategy"
    assert str(refused.value) == expected
    assert refused.value.exit_code is ExitCode.INVALID
    assert refused.value.__cause__ is error


@pytest.mark.parametrize(("error", "words"), ERRORS)
def test_what_trader_raises_is_final_and_named(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, words: str
) -> None:
    broken(monkeypatch, "trader", error)
    with pytest.raises(StrategyFailed) as refused:
        backtest_tapes([quotes(10)], SIMULATION)
    expected = f"algorithm.name: strategy 'broken' failed in trader() with {words}; mend the strategy"
    assert str(refused.value) == expected
    assert refused.value.__cause__ is error


def test_what_its_construction_raises_is_final_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    made = type("Unmade", (Broken,), {"__init__": raising(OSError("no such file")), "targets": raising(ValueError())})
    point = EntryPoint("broken", f"{__name__}:Broken", registry.ENTRY_POINTS)
    monkeypatch.setattr(registry, "entry_points", lambda group: EntryPoints([point]).select(group=group))
    monkeypatch.setattr(EntryPoint, "load", lambda _: made)
    with pytest.raises(
        InvalidSpecification, match="strategy 'broken' failed when it was made with OSError: no such file"
    ):
        backtest(random_bars(10), SIMULATION)


@pytest.mark.parametrize("refusal", [InvalidSpecification("two instruments are needed"), DataRefused("no volume")])
def test_what_a_strategy_refuses_itself_stays_as_it_is(monkeypatch: pytest.MonkeyPatch, refusal: WorkloadError) -> None:
    broken(monkeypatch, "targets", refusal)
    with pytest.raises(type(refusal)) as refused:
        backtest(random_bars(10), SIMULATION)
    assert refused.value is refusal


@pytest.mark.parametrize("ended", [KeyboardInterrupt(), type("DeadlineExceeded", (BaseException,), {})()])
def test_who_ends_the_program_from_outside_is_not_kept_from_it(ended: BaseException) -> None:
    with pytest.raises(type(ended)), faults_of("broken", "in targets()"):
        raise ended
