"""``python -m tests.parity.suite``: prints the digests of golden backtests, of examples on tapes, and of a tape.

They are as this Python computes them; lines are as the Rust example prints them. ``decisions``, ``equity``, ``fills``
and ``figures`` are digests of the same bytes there and here; ``result`` is what a run's result digest is made of, Arrow
tables and summary.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import yaml
from tradeplane_api.simulation import Simulation
from tradeplane_store.records import table_digest
from tradeplane_workloads.engine.backtest import decide, prepare
from tradeplane_workloads.events.backtest import backtest_tapes
from tradeplane_workloads.market.synthetic import synthetic_tapes

from tests.parity import recorded
from tests.parity.inputs import golden_bars
from tests.unit.workloads.golden_results import CASES, result

EXAMPLES = Path(__file__).parents[2] / "docs/examples"
ON_TAPES = {"macd-on-trades": "order-book", "market-maker": "order-book", "pairs-trader": "pair"}
"""Examples that run on made-up order flow, and its name."""
EQUITY = ("equity", "cash", "gross")
INTEGERS = ("decision", "bar", "instrument", "reason", "quantity", "position")
AMOUNTS = ("notional", "commission", "slippage", "realized")
FIGURES = (
    *("final_equity", "total_return", "annual_return", "volatility", "sharpe", "sortino", "calmar", "max_drawdown"),
    *("turnover", "exposure", "hit_rate"),
)


def digests(strategy: str) -> dict[str, str]:
    """Compute what is compared of a golden backtest."""
    bars, simulation = golden_bars(strategy), CASES[strategy]
    simulator = prepare(bars, simulation)
    simulator.run()
    integers = np.stack([simulator.fill_integers(name) for name in INTEGERS], axis=1)
    amounts = np.stack([simulator.fill_amounts(name) for name in AMOUNTS], axis=1)
    figures = simulator.figures()
    return {
        "decisions": _sha256(decide(bars, simulation).tobytes()),
        "equity": _sha256(*(simulator.equity_column(name).tobytes() for name in EQUITY)),
        "fills": _sha256(integers.tobytes(), amounts.tobytes()),
        "figures": _sha256("\n".join(str(getattr(figures, name)) for name in FIGURES).encode()),
        "result": _sha256(json.dumps(result(strategy), sort_keys=True).encode()),
    }


def tape_result(name: str) -> str:
    """Compute what is compared of an example on tapes: its tables, the log among them, and its summary."""
    spec = list(yaml.safe_load_all((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")))[-1]["spec"]
    asked = {key: value for key, value in spec.items() if key != "snapshotRef"}
    outcome = backtest_tapes(synthetic_tapes(ON_TAPES[name]).tapes, Simulation.model_validate(asked))
    tables = {part: table_digest(table)[0] for part, table in outcome.tables().items()}
    return _sha256(json.dumps([tables, outcome.summary.model_dump(mode="json")], sort_keys=True).encode())


def _sha256(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


def main() -> None:
    """Print the digests of every golden backtest, of every example on tapes, and of a recording that becomes a tape."""
    for strategy in sorted(CASES):
        for part, digest in digests(strategy).items():
            print(f"golden.{strategy}.{part} {digest}")
    for name in ON_TAPES:
        print(f"tapes.{name}.result {tape_result(name)}")
    for part, digest in recorded.digests().items():
        print(f"tape.package.{part} {digest}")


if __name__ == "__main__":
    main()
