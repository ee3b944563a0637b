"""A reason that people see in a condition or an Event stands in the docs, with what to do about it."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[3]
PLACES = {"Verdict": 1, "Notice": 1, "_working": 0, "_stalled": 0}
"""What says a reason, and which of its arguments that is."""


def reasons() -> set[str]:
    """Return the reasons that the operator's code spells out."""
    modules = (ROOT / "operator/tradeplane_operator").rglob("*.py")
    calls = [
        node for module in modules for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)
    ]
    said = [
        call.args[PLACES[call.func.id]]
        for call in calls
        if isinstance(call.func, ast.Name) and len(call.args) > PLACES.get(call.func.id, len(call.args))
    ]
    return {one.value for one in said if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def test_every_reason_is_documented() -> None:
    pages = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    found = reasons()
    assert {"SnapshotNotFound", "StoreUnavailable", "Succeeded", "Verified"} <= found
    assert [reason for reason in sorted(found) if f"`{reason}`" not in pages] == []
