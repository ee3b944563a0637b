"""No admission policy is without a table of what it lets through and what it refuses."""

from __future__ import annotations

import yaml

from tests.integration.policies.tables import TABLES
from tests.integration.policies.trials import ADMISSION


def test_every_policy_that_is_shipped_has_a_table() -> None:
    documents = (
        (file.parent.name, document)
        for file in sorted(ADMISSION.glob("*/*.yaml"))
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))
    )
    shipped = [
        (directory, document["metadata"]["name"])
        for directory, document in documents
        if document["kind"] == "ValidatingAdmissionPolicy"
    ]
    assert shipped
    assert sorted((table.directory, table.policy) for table in TABLES) == sorted(shipped)


def test_every_table_has_cases_of_both_ends() -> None:
    for table in TABLES:
        assert {bool(case.refused) for case in table.cases} == {True, False}, table.policy
