"""The event engine from Python: a strategy on tapes, its terms, and the tables it leaves."""

from tradeplane_workloads.events.backtest import TapeResult, backtest_tapes

__all__ = ["TapeResult", "backtest_tapes"]
