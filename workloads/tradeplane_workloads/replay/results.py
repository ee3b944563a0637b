"""Whether two runs had the same result, and where they first part.

Equal digests settle it without reading a record. Otherwise the parts that differ are read, and checked against their
manifest first: what is compared is what the runs left, not what became of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_workloads.replay.divergence import Divergence, diverging_block, first_divergence
from tradeplane_workloads.replay.fields import FieldDifference, differing_fields
from tradeplane_workloads.results import LOG_PART, read_results_manifest, read_results_part

if TYPE_CHECKING:
    from tradeplane_api.run import ResultsManifest
    from tradeplane_store.objects import ObjectStore

CAUSES = (LOG_PART, "trades", "positions", "equity")
"""Parts in the order in which one thing leads to another: the first that differs is the one to look at first."""
_NAME_OF_RUN = frozenset({"run"})


@dataclass(frozen=True, slots=True)
class ResultsComparison:
    """How the result of a run differs from that of another.

    ``specification``: what was asked for differently, but for the runs' names. ``divergences``: the first record that
    differs of each part, in the order of ``CAUSES``. ``summary``: the figures that differ.
    """

    expected: ResultsManifest
    got: ResultsManifest
    specification: tuple[FieldDifference, ...]
    divergences: tuple[Divergence, ...]
    summary: tuple[FieldDifference, ...]

    @property
    def same(self) -> bool:
        """Whether both had the same result, whatever was asked for."""
        return self.expected.result_digest == self.got.result_digest


def compare_results(expected: tuple[ObjectStore, str], got: tuple[ObjectStore, str]) -> ResultsComparison:
    """Compare the results of two runs, each a store and the run's name.

    Raises DataRefused where a run has no result, or a part that has to be read is not what its manifest says.
    """
    ours, theirs = read_results_manifest(*expected), read_results_manifest(*got)
    return ResultsComparison(
        expected=ours,
        got=theirs,
        specification=differing_fields(ours.specification, theirs.specification, leave_out=_NAME_OF_RUN),
        divergences=_divergences((expected[0], ours), (got[0], theirs)),
        summary=differing_fields(ours.summary, theirs.summary, leave_out=frozenset()),
    )


def _divergences(
    expected: tuple[ObjectStore, ResultsManifest], got: tuple[ObjectStore, ResultsManifest]
) -> tuple[Divergence, ...]:
    found = []
    ours, theirs = ({part.name: part for part in manifest.parts} for _, manifest in (expected, got))
    for name in CAUSES:
        if name not in ours or name not in theirs:
            continue  # a run on bars has no log; that the two were of different kinds, the specification says
        block = diverging_block(ours[name], theirs[name])
        if block is not None:
            tables = [
                read_results_part(store, manifest.specification.run, parts[name])
                for (store, manifest), parts in ((expected, ours), (got, theirs))
            ]
            found.append(first_divergence(name, tables[0], tables[1], block))
    return tuple(one for one in found if one is not None)
