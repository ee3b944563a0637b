"""Every rule of the API, as pydantic applies it; tests/integration/crds puts the same table to the API server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from tradeplane_api.base import API_VERSION, Document
from tradeplane_api.kinds import KINDS

CASES = Path(__file__).parent / "cases"


def _cases(verdict: str) -> list[Any]:
    found = []
    for kind in KINDS:
        table = yaml.safe_load((CASES / f"{kind.name.lower()}.yaml").read_text(encoding="utf-8"))
        for case in table[verdict]:
            spec = {key: value for key, value in {**table["base"], **case["spec"]}.items() if value is not None}
            document = {"apiVersion": API_VERSION, "kind": kind.name, "metadata": {"name": "case"}, "spec": spec}
            found.append(pytest.param(kind.model, document, case, id=f"{kind.name}: {case['name']}"))
    return found


def _path(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


@pytest.mark.parametrize(("model", "document", "case"), _cases("accepted"))
def test_accepted(model: type[Document], document: dict[str, Any], case: dict[str, Any]) -> None:
    accepted = model.model_validate(document)
    assert model.model_validate_json(accepted.model_dump_json(exclude_none=True)) == accepted


@pytest.mark.parametrize(("model", "document", "case"), _cases("refused"))
def test_refused(model: type[Document], document: dict[str, Any], case: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refusal:
        model.model_validate(document)
    named = [error["msg"] for error in refusal.value.errors() if _path(error["loc"]) == case["field"]]
    assert named, f"{case['field']} is not named in:\n{refusal.value}"
    assert any(case.get("message", "") in message for message in named), named


def test_a_number_where_a_decimal_string_belongs_is_told_of_quotation_marks() -> None:
    with pytest.raises(ValidationError, match='put quotation marks around it, "1000000"'):
        KINDS[0].model.model_validate(
            {"spec": {"algorithm": {"name": "a"}, "snapshotRef": {"name": "b"}, "capital": 1000000}}
        )
