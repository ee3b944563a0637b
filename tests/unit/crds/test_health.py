"""The health checks for Argo CD, run as its own tests run them: in Lua 5.1, on the cases of each health_test.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa.lua51 import LuaRuntime
from tradeplane_api.base import GROUP
from tradeplane_api.conditions import UNSEEN
from tradeplane_api.kinds import KINDS

ROOT = Path(__file__).parents[3] / "resource_customizations" / GROUP
STATUSES = {"Healthy", "Progressing", "Degraded", "Suspended"}


def _cases() -> list[Any]:
    return [
        pytest.param(kind, case["inputPath"], case["healthStatus"], id=f"{kind.name}: {Path(case['inputPath']).stem}")
        for kind in KINDS
        for case in yaml.safe_load((ROOT / kind.name / "health_test.yaml").read_text(encoding="utf-8"))["tests"]
    ]


def _health(kind: str, resource: dict[str, Any]) -> dict[str, Any]:
    # Argo CD gives scripts no library that reads files or starts programs; neither does this.
    lua = LuaRuntime(unpack_returned_tuples=True, register_eval=False, register_builtins=False)
    for library in ("io", "os", "package", "require", "dofile", "loadfile"):
        lua.globals()[library] = None
    lua.globals().obj = lua.table_from(resource, recursive=True)
    return dict(lua.execute((ROOT / kind / "health.lua").read_text(encoding="utf-8")))


@pytest.mark.parametrize(("kind", "path", "expected"), _cases())
def test_health(kind: Any, path: str, expected: dict[str, str]) -> None:
    resource = yaml.safe_load((ROOT / kind.name / path).read_text(encoding="utf-8"))
    kind.model.model_validate(resource)
    assert _health(kind.name, resource) == expected


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_has_its_cases(kind: Any) -> None:
    tested = {case.values[1]: case.values[2]["status"] for case in _cases() if case.values[0] is kind}
    assert set(tested) == {f"testdata/{path.name}" for path in (ROOT / kind.name / "testdata").iterdir()}
    assert set(tested.values()) >= STATUSES - {"Suspended"}
    assert ("Suspended" in tested.values()) == ("suspend" in kind.model.model_fields["spec"].annotation.model_fields)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_the_api_server_fills_in_is_progressing(kind: Any) -> None:
    unseen = {"metadata": {"generation": 1}, "spec": {}, "status": {"conditions": [UNSEEN.model_dump(mode="json")]}}
    assert _health(kind.name, unseen)["status"] == "Progressing"
    without = {"metadata": {"generation": 1}, "spec": {}, "status": {}}
    assert _health(kind.name, without)["status"] == "Progressing"
