"""A program that replays a session, as a pod does, does something at the first input of its strategy, and ends."""

from __future__ import annotations

_PROGRAM = """
import os, runpy, sys, time
from tradeplane_workloads.strategies import registry
from tradeplane_workloads.strategies.quoting import QUOTING
class Watched:
    def start(self, desk):
        {action}
        sys.stdout.flush()
        os._exit(0)
class Replayed:
    name, api_version, Parameters = "market-maker", "v1", QUOTING["market-maker"].Parameters
    def trader(self, instruments, parameters, rng): return Watched()
registry.BUILT_IN["market-maker"] = Replayed()
runpy.run_module("tradeplane_workloads.replay", run_name="__main__", alter_sys=False)
"""


def at_first_input(action: str) -> str:
    """Return the program; ``action``: a line of Python, which may use ``sys`` and ``time``."""
    return _PROGRAM.format(action=action)
