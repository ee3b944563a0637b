"""Every weakening of every policy is noticed by a case of its table: ``pytest tests/integration/policies/weakened.py``.

Apart from the tests that CI runs, as each table is run once for each weakening, each bound to namespaces of its own.
``-k live-strategies`` tries one policy, and ``-s`` shows the figures.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.integration.policies.derived import weakenings
from tests.integration.policies.tables import TABLES
from tests.integration.policies.trials import Rules, Trial, begin, unbind

if TYPE_CHECKING:
    from tests.integration.policies.cases import Table
    from tests.integration.policies.server import Server

_AT_ONCE = 8
_BATCH = 20
"""So many copies of a policy are bound at a time: the API server looks at each for every request."""


def _noticed(server: Server, trial: Trial) -> bool:
    """Return whether a case ends otherwise, or, of what no request can show, whether it says that it is open."""
    return any(trial.fault(server, case) for case in trial.table.cases) or bool(trial.rules.open_ends())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.policy.removeprefix("tradeplane-"))
def test_every_weakening_is_noticed(server: Server, table: Table) -> None:
    rules = Rules.of(table)
    every = list(weakenings(rules))
    survivors = []
    for start in range(0, len(every), _BATCH):
        batch = every[start : start + _BATCH]
        tag = f"w{TABLES.index(table)}"
        trials = [Trial(f"{tag}-{start + number}", table, weaker) for number, (_, weaker) in enumerate(batch)]
        as_it_is = Trial(f"{tag}-{start}-as-it-is", table, rules)
        begin(server, [as_it_is, *trials])
        assert [fault for case in table.cases if (fault := as_it_is.fault(server, case))] == []
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            noticed = list(pool.map(lambda trial: _noticed(server, trial), trials))
        survivors += [what for (what, _), seen in zip(batch, noticed, strict=True) if not seen]
        unbind(server, [as_it_is, *trials])  # namespaces go with the server: to empty each takes longer than the rest
    print(f"\n{table.policy}: {len(every) - len(survivors)} of {len(every)} weakenings noticed")
    assert survivors == []
