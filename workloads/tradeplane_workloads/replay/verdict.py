"""The verdicts on a replay, from what it left and what its baseline left.

The log of a run on tapes tells decisions from execution by its own mark: what the trader did has no time at the
exchange. A run on bars has no log; its trades say what was decided in some columns, and what came of it in all.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
from tradeplane_api.parity import FirstDivergence, Parity, Verdict

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.series import column_values
from tradeplane_workloads.replay.divergence import first_divergence
from tradeplane_workloads.replay.results import CAUSES
from tradeplane_workloads.results import LOG_PART

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from tradeplane_api.run import Summary

    from tradeplane_workloads.replay.divergence import Divergence

    Tables = Mapping[str, pa.Table]

TRADES = "trades"
MOST_TEXT = 256
"""Characters of a value in a verdict, which travels in a termination message and a status."""
DECIDED = ("decision_time_ns", "instrument", "side", "quantity", "reason")


class Replayable(Protocol):
    """What is judged: the tables of a run by name, and its figures."""

    def tables(self) -> Tables:
        """Return the tables by the names of their parts."""

    @property
    def summary(self) -> Summary:
        """The figures of the run."""


def judge(expected: Replayable, got: Replayable) -> Verdict:
    """Return the verdicts on a replay (``got``) beside its baseline, both verified or just computed.

    Raises DataRefused where one is a run on bars and the other on tapes: a replay is of the kind of its baseline.
    """
    ours, theirs = expected.tables(), got.tables()
    if set(ours) != set(theirs):
        raise DataRefused(
            f"the baseline has the parts {', '.join(ours)}, and the replay {', '.join(theirs)}: one is a run on bars "
            "and the other on tapes; give the baseline's own snapshots"
        )
    decisions = _decisions(ours).equals(_decisions(theirs))
    executions = [_executed(ours, name).equals(_executed(theirs, name)) for name in ours]
    return Verdict(
        decisions=_parity(decisions),
        execution=_parity(all(executions) and expected.summary == got.summary),
        fills=ours[TRADES].num_rows,
        fills_matched=_matched(ours[TRADES], theirs[TRADES]),
        pnl_difference=format(Decimal(got.summary.final_equity) - Decimal(expected.summary.final_equity), "f"),
        divergence=_told(_first(ours, theirs)),
    )


def _parity(same: bool) -> Parity:
    return Parity.EXACT if same else Parity.DIVERGED


def _decisions(tables: Tables) -> pa.Table:
    log = tables.get(LOG_PART)
    return tables[TRADES].select(DECIDED) if log is None else log.filter(pa.array(_of_trader(log)))


def _executed(tables: Tables, name: str) -> pa.Table:
    table = tables[name]
    return table.filter(pa.array(~_of_trader(table))) if name == LOG_PART else table


def _of_trader(log: pa.Table) -> NDArray[np.bool_]:
    of_trader: NDArray[np.bool_] = column_values(log, "exchange_time") == 0
    return of_trader


def _first(expected: Tables, got: Tables) -> Divergence | None:
    found = (first_divergence(name, expected[name], got[name]) for name in CAUSES if name in expected)
    return next((one for one in found if one is not None), None)


def _told(divergence: Divergence | None) -> FirstDivergence | None:
    if divergence is None:
        return None
    first = divergence.fields[0]
    return FirstDivergence(
        part=divergence.part,
        sequence=divergence.sequence,
        field=first.field,
        expected=None if first.expected is None else first.expected[:MOST_TEXT],
        got=None if first.got is None else first.got[:MOST_TEXT],
    )


def _matched(expected: pa.Table, got: pa.Table) -> int:
    """Count the fills that are the same at the same place."""
    if expected.equals(got):
        return int(expected.num_rows)
    pairs = zip(expected.to_pylist(), got.to_pylist(), strict=False)
    return sum(one == other for one, other in pairs)
