"""Every policy on a real API server: what its table says it lets through, and what it says it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.policies.tables import TABLES
from tests.integration.policies.trials import Rules, Trial, begin, leave, unbind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.policies.cases import Case, Table
    from tests.integration.policies.server import Server

_CASES = [
    pytest.param(table, case, id=f"{table.policy.removeprefix('tradeplane-')}: {case.name}")
    for table in TABLES
    for case in table.cases
]


@pytest.fixture(scope="module")
def trials(server: Server) -> Iterator[dict[str, Trial]]:
    """Bind a copy of every policy to namespaces of its own."""
    made = {table.policy: Trial(f"t{number}", table, Rules.of(table)) for number, table in enumerate(TABLES)}
    begin(server, tuple(made.values()))
    yield made
    unbind(server, tuple(made.values()))
    leave(server, tuple(made.values()))


@pytest.mark.parametrize(("table", "case"), _CASES)
def test_each_case_ends_as_its_table_says(server: Server, trials: dict[str, Trial], table: Table, case: Case) -> None:
    assert trials[table.policy].fault(server, case) == ""


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.policy.removeprefix("tradeplane-"))
def test_what_cannot_be_judged_is_refused(table: Table) -> None:
    rules = Rules.of(table)
    assert rules.open_ends() == []
    assert len(rules.bindings) == 1
