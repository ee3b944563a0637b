"""Strategies: those built in, and those of users found by entry point."""

from tradeplane_workloads.strategies.protocol import API_VERSION, Strategy
from tradeplane_workloads.strategies.registry import ENTRY_POINTS, find_strategy, parse_parameters, strategy_names

__all__ = ["API_VERSION", "ENTRY_POINTS", "Strategy", "find_strategy", "parse_parameters", "strategy_names"]
