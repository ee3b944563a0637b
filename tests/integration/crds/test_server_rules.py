"""Every rule of the API, as the API server applies it: the table of tests/unit/crds/cases, by dry-run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_api.base import API_VERSION
from tradeplane_api.kinds import KINDS

if TYPE_CHECKING:
    from tests.integration.crds.conftest import Api

from pathlib import Path

CASES = Path(__file__).parents[2] / "unit" / "crds" / "cases"
BASE = f"/apis/{API_VERSION}/namespaces"
DIGEST = "sha256:" + "0" * 64


def _cases(verdict: str) -> list[Any]:
    found = []
    for kind in KINDS:
        table = yaml.safe_load((CASES / f"{kind.name.lower()}.yaml").read_text(encoding="utf-8"))
        for case in table[verdict]:
            spec = {key: value for key, value in {**table["base"], **case["spec"]}.items() if value is not None}
            found.append(pytest.param(kind.name, kind.plural, spec, case, id=f"{kind.name}: {case['name']}"))
    return found


def _document(kind: str, spec: dict[str, Any], name: str = "case") -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


@pytest.mark.usefixtures("kinds")
@pytest.mark.parametrize(("kind", "plural", "spec", "case"), _cases("accepted"))
def test_accepted(api: Api, kind: str, plural: str, spec: dict[str, Any], case: dict[str, Any]) -> None:
    answer = api.request("POST", f"{BASE}/default/{plural}?dryRun=All&fieldValidation=Strict", _document(kind, spec))
    assert answer.code == 201, answer.message


@pytest.mark.usefixtures("kinds")
@pytest.mark.parametrize(("kind", "plural", "spec", "case"), _cases("refused"))
def test_refused(api: Api, kind: str, plural: str, spec: dict[str, Any], case: dict[str, Any]) -> None:
    answer = api.request("POST", f"{BASE}/default/{plural}?dryRun=All&fieldValidation=Strict", _document(kind, spec))
    assert answer.code in {400, 422}, answer.body
    assert case["field"] in answer.message
    assert case.get("message", "") in answer.message


@pytest.mark.usefixtures("kinds")
@pytest.mark.parametrize(("kind", "plural", "spec", "case"), _cases("accepted"))
def test_what_the_server_fills_in_is_what_the_model_does(
    api: Api, kind: str, plural: str, spec: dict[str, Any], case: dict[str, Any]
) -> None:
    answer = api.request("POST", f"{BASE}/default/{plural}?dryRun=All", _document(kind, spec))
    model = next(known.model for known in KINDS if known.name == kind)
    ours = model.model_validate(_document(kind, spec)).model_dump(mode="json", exclude_none=True)
    assert answer.body["spec"] == ours["spec"]


def test_rerun_never_decreases(api: Api, namespace: str) -> None:
    path = f"{BASE}/{namespace}/strategies"
    spec = {"algorithm": {"name": "a"}, "snapshotRef": {"name": "b"}, "capital": "1", "rerun": 2}
    assert api.request("POST", path, _document("Strategy", spec)).code == 201
    for rerun, code in ((2, 200), (1, 422), (3, 200), (2, 422)):
        answer = _patch(api, f"{path}/case", {"spec": {"rerun": rerun}})
        assert answer.code == code, (rerun, answer.message)
        assert code == 200 or "spec.rerun: Invalid value" in answer.message
        assert code == 200 or "rerun never decreases: leave it as it is, or raise it" in answer.message
    taken_away = _patch(api, f"{path}/case", {"spec": {"rerun": None}})
    assert taken_away.code == 422, "the default of a rerun taken away is 0, which is a decrease too"


def test_a_snapshot_never_changes(api: Api, namespace: str) -> None:
    path = f"{BASE}/{namespace}/snapshots"
    assert api.request("POST", path, _document("Snapshot", {"digest": DIGEST})).code == 201
    for change in ({"digest": DIGEST[:-1] + "1"}, {"store": "other"}):
        answer = _patch(api, f"{path}/case", {"spec": change})
        assert answer.code == 422
        assert "create a Snapshot with another name" in answer.message
    assert _patch(api, f"{path}/case", {"metadata": {"labels": {"desk": "equities"}}}).code == 200
    assert _patch(api, f"{path}/case", {"spec": {"store": "default"}}).code == 200


def _patch(api: Api, path: str, change: dict[str, Any]) -> Any:
    return api.request("PATCH", path, change, content_type="application/merge-patch+json")
