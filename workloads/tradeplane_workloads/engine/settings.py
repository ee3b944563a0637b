"""From a specification's decimal strings to the integers the engine counts in.

Amounts and ratios become billionths, exactly: the API admits nine decimals and no more. What an amount may be is
checked here, with the name of its field, so that the core never meets a number it cannot hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, TypedDict

from tradeplane_api.simulation import SizingMethod

from tradeplane_workloads.errors import InvalidSpecification

if TYPE_CHECKING:
    from tradeplane_api.simulation import CommissionTier, Costs, RiskLimits, Simulation, Sizing

ONE = 1_000_000_000
"""Billionths in one."""


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
    """Read the settings of a simulation.

    Raises InvalidSpecification when a number is out of range, with its field and range.
    """
    capital = _billionths("capital", simulation.capital, smallest=Decimal("0.000000001"))
    return Settings(
        capital=capital,
        **_costs(simulation.costs),
        **_sizing(simulation.sizing),
        **_risk(simulation.risk),
        periods_per_year=simulation.periods_per_year,
        risk_free_rate=float(Decimal(simulation.risk_free_rate)),
    )


def _billionths(field: str, text: str, smallest: Decimal = Decimal(0), largest: Decimal = Decimal("1e18")) -> int:
    number = Decimal(text)
    if not smallest <= number <= largest:
        raise InvalidSpecification(f"{field}: must be from {smallest:f} to {largest:f}; given {text}")
    return int(number.scaleb(9))


def _costs(costs: Costs) -> _Costs:
    commission = costs.commission
    percent = Decimal(10_000)
    return {
        "commission_per_trade": _billionths("costs.commission.perTrade", commission.per_trade),
        "commission_per_share": _billionths("costs.commission.perShare", commission.per_share),
        "commission_tiers": _tiers(commission.tiers),
        "slippage_basis_points": _billionths("costs.slippageBasisPoints", costs.slippage_basis_points, largest=percent),
        "borrow_rate": _billionths("costs.borrowRate", costs.borrow_rate, largest=Decimal(100)),
        "financing_rate": _billionths("costs.financingRate", costs.financing_rate, largest=Decimal(100)),
    }


def _tiers(tiers: tuple[CommissionTier, ...]) -> list[tuple[int, int]]:
    read: list[tuple[int, int]] = []
    for index, tier in enumerate(tiers):
        field = f"costs.commission.tiers[{index}]"
        start = _billionths(f"{field}.fromNotional", tier.from_notional)
        if read and start <= read[-1][0]:
            raise InvalidSpecification(
                f"{field}.fromNotional: must be greater than that of the tier before; given {tier.from_notional}"
            )
        read.append((start, _billionths(f"{field}.basisPoints", tier.basis_points, largest=Decimal(10_000))))
    return read


def _sizing(sizing: Sizing) -> _Sizing:
    target = sizing.target_volatility
    if sizing.method is SizingMethod.VOLATILITY_TARGET and (target is None or Decimal(target) == 0):
        raise InvalidSpecification(
            "sizing.targetVolatility: VolatilityTarget needs it; give a yearly volatility above 0, such as '0.15'"
        )
    return {
        "sizing": str(sizing.method),
        "fraction": _billionths("sizing.fraction", sizing.fraction, largest=Decimal(100)),
        "target_volatility": float(Decimal(target or "0")),
        "window": sizing.window,
    }


def _risk(risk: RiskLimits) -> _Risk:
    tiny = Decimal("0.000000001")

    def optional(field: str, text: str | None, largest: str) -> int | None:
        return None if text is None else _billionths(f"risk.{field}", text, tiny, Decimal(largest))

    leverage = _billionths("risk.maxLeverage", risk.max_leverage, tiny, Decimal(100))
    margin = _billionths("risk.maintenanceMargin", risk.maintenance_margin, largest=Decimal(1))
    if leverage * margin > ONE * ONE:
        most = Decimal(1) / Decimal(risk.max_leverage)
        raise InvalidSpecification(
            f"risk.maintenanceMargin: {risk.maintenance_margin} would call the margin of a position at maxLeverage "
            f"{risk.max_leverage} at once; give at most {most.normalize():.9f}"
        )
    return {
        "stop_loss": optional("stopLoss", risk.stop_loss, "0.999999999"),
        "take_profit": optional("takeProfit", risk.take_profit, "100"),
        "trailing_stop": optional("trailingStop", risk.trailing_stop, "0.999999999"),
        "max_leverage": leverage,
        "maintenance_margin": margin,
        "max_drawdown": optional("maxDrawdown", risk.max_drawdown, "1"),
        "allow_short": risk.allow_short,
    }
