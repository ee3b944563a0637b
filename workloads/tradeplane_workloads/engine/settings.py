"""From a specification's decimal strings to the integers the engine counts in.

Amounts and ratios become billionths, exactly: the API admits nine decimals and no more. Nothing is checked here, for a
simulation that exists is valid: its model has refused what is out of range.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from tradeplane_api.simulation import Costs, RiskLimits, Simulation, Sizing


@dataclass(frozen=True, slots=True)
class Settings:
    """What the core is told besides bars and targets: billionths where nothing else is said.

    ``slippage_basis_points`` and the second of each of ``commission_tiers`` are billionths of a basis point;
    ``target_volatility`` and ``risk_free_rate`` are yearly, as float64; ``window`` is in bars.
    """

    capital: int
    commission_per_trade: int
    commission_per_share: int
    commission_tiers: list[tuple[int, int]]
    slippage_basis_points: int
    borrow_rate: int
    financing_rate: int
    sizing: str
    fraction: int
    target_volatility: float
    window: int
    stop_loss: int | None
    take_profit: int | None
    trailing_stop: int | None
    max_leverage: int
    maintenance_margin: int
    max_drawdown: int | None
    allow_short: bool
    periods_per_year: int
    risk_free_rate: float


class _Costs(TypedDict):
    commission_per_trade: int
    commission_per_share: int
    commission_tiers: list[tuple[int, int]]
    slippage_basis_points: int
    borrow_rate: int
    financing_rate: int


class _Sizing(TypedDict):
    sizing: str
    fraction: int
    target_volatility: float
    window: int


class _Risk(TypedDict):
    stop_loss: int | None
    take_profit: int | None
    trailing_stop: int | None
    max_leverage: int
    maintenance_margin: int
    max_drawdown: int | None
    allow_short: bool


def settings_of(simulation: Simulation) -> Settings:
    """Read the settings of a simulation."""
    return Settings(
        capital=billionths(simulation.capital),
        **_costs(simulation.costs),
        **_sizing(simulation.sizing),
        **_risk(simulation.risk),
        periods_per_year=simulation.periods_per_year,
        risk_free_rate=float(Decimal(simulation.risk_free_rate)),
    )


def billionths(text: str) -> int:
    """Read a decimal string of at most nine decimals in billionths, exactly."""
    return int(Decimal(text).scaleb(9))


def _costs(costs: Costs) -> _Costs:
    commission = costs.commission
    return {
        "commission_per_trade": billionths(commission.per_trade),
        "commission_per_share": billionths(commission.per_share),
        "commission_tiers": [(billionths(t.from_notional), billionths(t.basis_points)) for t in commission.tiers],
        "slippage_basis_points": billionths(costs.slippage_basis_points),
        "borrow_rate": billionths(costs.borrow_rate),
        "financing_rate": billionths(costs.financing_rate),
    }


def _sizing(sizing: Sizing) -> _Sizing:
    return {
        "sizing": str(sizing.method),
        "fraction": billionths(sizing.fraction),
        "target_volatility": float(Decimal(sizing.target_volatility or "0")),
        "window": sizing.window,
    }


def _risk(risk: RiskLimits) -> _Risk:
    def optional(text: str | None) -> int | None:
        return None if text is None else billionths(text)

    return {
        "stop_loss": optional(risk.stop_loss),
        "take_profit": optional(risk.take_profit),
        "trailing_stop": optional(risk.trailing_stop),
        "max_leverage": billionths(risk.max_leverage),
        "maintenance_margin": billionths(risk.maintenance_margin),
        "max_drawdown": optional(risk.max_drawdown),
        "allow_short": risk.allow_short,
    }
