"""Golden results: every built-in strategy on recorded daily bars, as digests of its tables and its summary.

``uv run python -m tests.unit.workloads.golden_results`` writes them anew. A change of them is a change of results, to
be explained in the commit that makes it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradeplane_api.simulation import Algorithm, Commission, Costs, RiskLimits, Simulation, Sizing, SizingMethod
from tradeplane_store.records import table_digest
from tradeplane_workloads.engine.backtest import backtest
from tradeplane_workloads.market.importing import import_arch
from tradeplane_workloads.market.snapshots import align

if TYPE_CHECKING:
    from tradeplane_workloads.market.bars import Bars

FOLDER = Path(__file__).parent / "golden"
COSTS = Costs(
    commission=Commission(per_trade="1", per_share="0.005"),
    slippage_basis_points="2",
    borrow_rate="0.03",
    financing_rate="0.06",
)
LONG_SHORT = RiskLimits(allow_short=True, max_leverage="1.5", stop_loss="0.08", trailing_stop="0.15")
KELLY = Sizing(method=SizingMethod.KELLY, fraction="0.3", window=60)
VOLATILITY = Sizing(method=SizingMethod.VOLATILITY_TARGET, target_volatility="0.12")


def simulation(name: str, **rest: Any) -> Simulation:
    """Make a case: a million, costs, and what else is said."""
    given: dict[str, Any] = {"capital": "1000000", "costs": COSTS, "risk_free_rate": "0.02", **rest}
    return Simulation(algorithm=Algorithm(name=name), **given)


CASES = {
    "buy-and-hold": simulation("buy-and-hold", costs=Costs()),
    "sma-cross": simulation("sma-cross", sizing=VOLATILITY),
    "macd-momentum": simulation("macd-momentum", risk=LONG_SHORT),
    "rsi-reversion": simulation("rsi-reversion", risk=LONG_SHORT, sizing=Sizing(fraction="1.4")),
    "bollinger-reversion": simulation("bollinger-reversion", risk=RiskLimits(take_profit="0.02", max_drawdown="0.3")),
    "zscore-reversion": simulation("zscore-reversion", sizing=KELLY),
    "pairs": simulation("pairs", risk=RiskLimits(allow_short=True)),
}


@cache
def recorded_bars(*data_sets: str) -> Bars:
    """Align daily bars of the arch package's data sets."""
    return align([series for data_set in data_sets for series in import_arch(data_set).series])


def result(name: str) -> dict[str, Any]:
    """Run a case and give what is compared: rows and digest of each table, and the summary."""
    bars = recorded_bars("sp500", "nasdaq") if name == "pairs" else recorded_bars("sp500")
    outcome = backtest(bars, CASES[name])
    tables = {part: getattr(outcome, part) for part in ("equity", "trades", "positions")}
    digests = {part: {"rows": table.num_rows, "digest": table_digest(table)[0]} for part, table in tables.items()}
    return {"tables": digests, "summary": outcome.summary.model_dump(mode="json")}


def main() -> None:
    """Write every golden result."""
    for name in CASES:
        text = json.dumps(result(name), indent=2) + "\n"
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
