"""Whether two runs, or two sets of market data, are the same; and where they first part.

``again`` (running a finished run once more) is not imported here: what only compares loads no engine.
"""

from tradeplane_workloads.replay.divergence import Divergence, first_divergence
from tradeplane_workloads.replay.fields import FieldDifference
from tradeplane_workloads.replay.results import ResultsComparison, compare_results
from tradeplane_workloads.replay.snapshots import SnapshotComparison, compare_snapshots
from tradeplane_workloads.replay.verdict import judge

__all__ = [
    "Divergence",
    "FieldDifference",
    "ResultsComparison",
    "SnapshotComparison",
    "compare_results",
    "compare_snapshots",
    "first_divergence",
    "judge",
]
