"""Whether two runs, or two sets of market data, are the same; and where they first part."""

from tradeplane_workloads.replay.divergence import Divergence, FieldDifference, first_divergence
from tradeplane_workloads.replay.results import ResultsComparison, compare_results
from tradeplane_workloads.replay.snapshots import SnapshotComparison, compare_snapshots

__all__ = [
    "Divergence",
    "FieldDifference",
    "ResultsComparison",
    "SnapshotComparison",
    "compare_results",
    "compare_snapshots",
    "first_divergence",
]
