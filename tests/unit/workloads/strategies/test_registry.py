"""Strategies of users: found by entry point, and refused where they do not fit."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from pydantic import BaseModel, field_validator
from tradeplane_api.simulation import Algorithm, Simulation
from tradeplane_workloads.engine.backtest import backtest
from tradeplane_workloads.errors import InvalidSpecification, StrategyFailed
from tradeplane_workloads.strategies import find_strategy, parse_parameters, registry, strategy_names
from tradeplane_workloads.strategies.causality import first_lookahead
from tradeplane_workloads.strategies.quoting import QUOTING

from tests.synthetic import random_bars

if TYPE_CHECKING:
    from tradeplane_native import Generator


class Coin:
    """Long or flat by the toss of a coin."""

    name: ClassVar[str] = "coin"
    api_version: ClassVar[str] = "v1"

    class Parameters(BaseModel):
        bias: float = 0.5

    def targets(self, bars: Any, parameters: Parameters, rng: Generator) -> np.ndarray:
        tossed: np.ndarray = rng.uniform(len(bars.time_ns)) < parameters.bias
        return tossed.astype(np.float64)[:, None]


class Old(Coin):
    api_version: ClassVar[str] = "v0"


class Misnamed(Coin):
    name: ClassVar[str] = "dice"


class Bare:
    name: ClassVar[str] = "coin"
    api_version: ClassVar[str] = "v1"


class Peeking(Coin):
    """Long before each rise: it looks one bar ahead."""

    def targets(self, bars: Any, parameters: Coin.Parameters, rng: Generator) -> np.ndarray:
        later = np.append(bars.close[1:, 0], bars.close[-1, 0])
        rises: np.ndarray = later > bars.close[:, 0]
        return rises.astype(np.float64)[:, None]


class Trader(Bare):
    """Answers to events."""

    class Parameters(BaseModel):
        pass

    def trader(self, instruments: Any, parameters: Parameters, rng: Generator) -> object:
        return self


class Empty(Bare):
    """Does nothing at all."""

    class Parameters(BaseModel):
        pass


class Torn(Coin):
    """Decides on bars and answers to events."""

    def trader(self, instruments: Any, parameters: Coin.Parameters, rng: Generator) -> object:
        return self


class Excessive(Coin):
    def targets(self, bars: Any, parameters: Coin.Parameters, rng: Generator) -> np.ndarray:
        return np.full((len(bars.time_ns), 1), 1.5)


class Shapeless(Coin):
    def targets(self, bars: Any, parameters: Coin.Parameters, rng: Generator) -> np.ndarray:
        return np.zeros(len(bars.time_ns))


class Undefined(Coin):
    def targets(self, bars: Any, parameters: Coin.Parameters, rng: Generator) -> np.ndarray:
        return np.full((len(bars.time_ns), 1), np.nan)


def install(monkeypatch: pytest.MonkeyPatch, *classes: str) -> None:
    points = EntryPoints(EntryPoint("coin", f"{__name__}:{name}", registry.ENTRY_POINTS) for name in classes)
    monkeypatch.setattr(registry, "entry_points", lambda group: points.select(group=group))
    loaded = {f"{__name__}:{name}": globals().get(name) for name in classes}

    def load(point: EntryPoint) -> object:
        if loaded[point.value] is None:
            raise SystemExit(0) if point.value.endswith("Leaving") else ImportError("cannot import name 'Missing'")
        return loaded[point.value]

    monkeypatch.setattr(EntryPoint, "load", load)


def run(seed: int = 0) -> Any:
    simulation = Simulation(algorithm=Algorithm(name="coin"), capital="1000000", seed=seed)
    return backtest(random_bars(100), simulation)


def test_a_users_strategy_is_found_and_run(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "Coin")
    assert "coin" in strategy_names()
    assert run(1).trades.equals(run(1).trades)
    assert not run(1).trades.equals(run(2).trades)


def test_what_is_missing_among_parameters_is_named_as_it_is_written() -> None:
    with pytest.raises(InvalidSpecification, match=r"parameters.maxPosition: must be given") as refused:
        parse_parameters(find_strategy("market-maker"), {"quantity": "1", "halfSpread": 2})
    assert "parameters.halfSpread: there is no such parameter; it takes quantity, maxPosition" in str(refused.value)


class Worded(Coin):
    """Says itself what a parameter must be."""

    class Parameters(BaseModel):
        bias: float = 0.5
        side: str = "heads"

        @field_validator("bias")
        @classmethod
        def _fair(cls, bias: float) -> float:
            if bias != 0.5:
                raise ValueError("this house tosses fair coins: leave bias at 0.5")
            return bias

        @field_validator("side")
        @classmethod
        def _known(cls, side: str) -> str:
            return {"heads": "heads", "tails": "tails"}[side]


def test_a_strategy_s_own_words_about_a_parameter_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "Worded")
    told = r"parameters.bias: this house tosses fair coins: leave bias at 0.5; given 0.7 \(algorithm coin\)"
    with pytest.raises(InvalidSpecification, match=told):
        parse_parameters(find_strategy("coin"), {"bias": 0.7})


def test_parameters_that_cannot_be_read_for_a_fault_of_the_strategy_are_told_as_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, "Worded")
    with pytest.raises(StrategyFailed, match="'coin' failed when it read its parameters with KeyError: 'edge'; mend"):
        parse_parameters(find_strategy("coin"), {"side": "edge"})


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("Old",), r"'coin' .*was written for strategy API 'v0', and this is 'v1'"),
        (("Misnamed",), r"calls itself 'dice'"),
        (("Bare",), r"no Parameters"),
        (("Empty",), r"must have one of the methods targets\(.*\) and trader\(.*\), and has neither"),
        (("Torn",), r"must have one of the methods .*, and has targets and trader"),
        (("Trader",), r"coin trades on tapes, and the snapshot holds bars; give a snapshot of tapes"),
        (("Missing",), r"cannot be imported: ImportError: cannot import name 'Missing'"),
        (("Leaving",), r"cannot be imported: SystemExit: 0; mend or reinstall"),
        (("Coin", "Old"), r"'coin' is claimed by .*uninstall all but one"),
        (("Excessive",), r"gave the target 1.5 at bar 0, instrument 0; targets lie from -1 to 1"),
        (("Undefined",), r"gave the target nan at bar 0"),
        (("Shapeless",), r"gave float64 of shape \(100,\) for targets; .*shape \(100, 1\)"),
    ],
)
def test_a_strategy_that_does_not_fit_is_refused(
    monkeypatch: pytest.MonkeyPatch, classes: tuple[str, ...], message: str
) -> None:
    install(monkeypatch, *classes)
    with pytest.raises(InvalidSpecification, match=message):
        run()


def test_a_look_ahead_is_found_at_its_bar() -> None:
    bars = random_bars(50, seed=5)
    rises = np.flatnonzero(np.diff(bars.close[:, 0]) > 0)
    last = int(rises[rises < 40][-1])
    # Without the bar after it, the rise at that bar cannot be known.
    assert first_lookahead(Peeking(), bars, Coin.Parameters(), 0, (last + 1,)) == last


def test_built_in_parameters_read_back_as_given() -> None:
    parameters = parse_parameters(find_strategy("macd-momentum"), {"fast": 5, "slow": 9})
    assert parameters.model_dump() == {"fast": 5, "slow": 9, "signal": 9}


def test_names_of_strategies_on_events_are_those_there_are() -> None:
    assert [find_strategy(name).name for name in registry.ON_EVENTS] == list(registry.ON_EVENTS)
    assert set(registry.ON_EVENTS) == set(QUOTING)
    assert set(registry.ON_EVENTS) <= set(strategy_names())
