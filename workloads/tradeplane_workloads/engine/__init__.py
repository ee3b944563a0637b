"""The bar engine: a simulation of a strategy on bars, to the same bits everywhere."""

from tradeplane_workloads.engine.backtest import BacktestResult, backtest, prepare

__all__ = ["BacktestResult", "backtest", "prepare"]
