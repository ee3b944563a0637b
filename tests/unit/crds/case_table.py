"""The table of documents that are accepted and refused, read for two tests: of the models and of the API server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_api.base import API_VERSION
from tradeplane_api.kinds import KINDS

if TYPE_CHECKING:
    from tradeplane_api.kinds import Kind

_TABLES = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Case:
    """A document; where it is refused, the field the refusal must name and words it must have."""

    kind: Kind
    document: dict[str, Any]
    field: str = ""
    message: str = ""


def cases(verdict: str) -> list[Any]:
    """Return parameters of the cases of a verdict, ``accepted`` or ``refused``, for every kind."""
    return [
        pytest.param(_case(kind, table["base"], entry), id=f"{kind.name}: {entry['name']}")
        for kind in KINDS
        for table in [yaml.safe_load((_TABLES / f"{kind.name.lower()}.yaml").read_text(encoding="utf-8"))]
        for entry in table[verdict]
    ]


def _case(kind: Kind, base: dict[str, Any], entry: dict[str, Any]) -> Case:
    spec = {key: value for key, value in {**base, **entry["spec"]}.items() if value is not None}
    document = {"apiVersion": API_VERSION, "kind": kind.name, "metadata": {"name": "case"}, "spec": spec}
    return Case(kind, document, entry.get("field", ""), entry.get("message", ""))
