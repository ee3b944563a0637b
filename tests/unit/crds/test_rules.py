"""Every rule of the API, as pydantic applies it; tests/integration/crds puts the same table to the API server."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from tradeplane_api.strategy import Strategy

from tests.unit.crds.case_table import Case, cases
from tests.unit.crds.rule_table import Placed, broken, every_rule


def _path(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


@pytest.mark.parametrize("case", cases("accepted"))
def test_accepted(case: Case) -> None:
    accepted = case.kind.model.model_validate(case.document)
    assert case.kind.model.model_validate_json(accepted.model_dump_json(exclude_none=True)) == accepted


@pytest.mark.parametrize("case", cases("refused"))
def test_refused(case: Case) -> None:
    with pytest.raises(ValidationError) as refusal:
        case.kind.model.model_validate(case.document)
    named = [error["msg"] for error in refusal.value.errors() if _path(error["loc"]) == case.field]
    assert named, f"{case.field} is not named in:\n{refusal.value}"
    assert any(case.message in message for message in named), named


@every_rule
def test_every_rule_is_broken_by_a_document_where_it_stands(rule: Placed) -> None:
    """Where none is found, an accepted case lacks the place, or TEXTS one that breaks the rule."""
    assert broken(rule) is not None


def test_a_number_where_a_decimal_string_belongs_is_told_of_quotation_marks() -> None:
    with pytest.raises(ValidationError, match='put quotation marks around it, "1000000"'):
        Strategy.model_validate(
            {"spec": {"algorithm": {"name": "a"}, "snapshotRef": {"name": "b"}, "capital": 1000000}}
        )
