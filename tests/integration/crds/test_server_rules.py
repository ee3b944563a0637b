"""Every rule of the API, as the API server applies it: the table of tests/unit/crds/cases, by dry-run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.base import API_VERSION

from tests.unit.crds.case_table import Case, cases
from tests.unit.crds.rule_table import Placed, broken, every_rule

if TYPE_CHECKING:
    from tradeplane_api.kinds import Kind

    from tests.integration.crds.conftest import Answer, Api

BASE = f"/apis/{API_VERSION}/namespaces"
DIGEST = "sha256:" + "0" * 64


def _dry_run(api: Api, kind: Kind, document: dict[str, Any]) -> Answer:
    path = f"{BASE}/default/{kind.plural}?dryRun=All&fieldValidation=Strict"
    return api.request("POST", path, document)


@pytest.mark.usefixtures("kinds")
@pytest.mark.parametrize("case", cases("accepted"))
def test_accepted_and_filled_in_as_the_model_does(api: Api, case: Case) -> None:
    answer = _dry_run(api, case.kind, case.document)
    assert answer.code == 201, answer.message
    ours = case.kind.model.model_validate(case.document).model_dump(mode="json", exclude_none=True)
    assert answer.body["spec"] == ours["spec"]


@pytest.mark.usefixtures("kinds")
@pytest.mark.parametrize("case", cases("refused"))
def test_refused(api: Api, case: Case) -> None:
    answer = _dry_run(api, case.kind, case.document)
    assert answer.code in {400, 422}, answer.body
    assert case.field in answer.message
    assert case.message in answer.message


@pytest.mark.usefixtures("kinds")
@every_rule
def test_every_rule_holds_where_it_stands(api: Api, rule: Placed) -> None:
    document = broken(rule)
    assert document is not None
    answer = _dry_run(api, rule.kind, document)
    assert answer.code == 422, answer.body
    causes = {(cause["field"], cause["message"]) for cause in answer.body["details"]["causes"]}
    assert any(field == rule.named and rule.message in message for field, message in causes), causes


def _document(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "case"}, "spec": spec}


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


def test_a_replay_s_rerun_never_decreases_either(api: Api, namespace: str) -> None:
    path = f"{BASE}/{namespace}/replays"
    assert api.request("POST", path, _document("Replay", {"strategyRef": {"name": "a"}, "rerun": 1})).code == 201
    for rerun, code in ((0, 422), (1, 200), (2, 200)):
        answer = _patch(api, f"{path}/case", {"spec": {"rerun": rerun}})
        assert answer.code == code, (rerun, answer.message)
        assert code == 200 or "rerun never decreases: leave it as it is, or raise it to replay again" in answer.message


def test_the_volume_of_a_session_keeps_its_size(api: Api, namespace: str) -> None:
    path = f"{BASE}/{namespace}/strategies"
    session = {"symbols": ["BTCUSDT"], "volume": {"size": "1Gi"}}
    paper = {"mode": "Paper", "connectionRef": {"name": "sim"}, "session": session}
    spec = {"algorithm": {"name": "a"}, "capital": "1", **paper}
    assert api.request("POST", path, _document("Strategy", spec)).code == 201
    for volume in ({"size": "2Gi"}, {"storageClassName": "fast"}):
        answer = _patch(api, f"{path}/case", {"spec": {"session": {"volume": volume}}})
        assert answer.code == 422
        assert "session.volume cannot be changed, a volume that is there keeps its size" in answer.message
    other = {"symbols": ["ETHUSDT"], "onSuspend": "Leave", "closingSeconds": 60}
    assert _patch(api, f"{path}/case", {"spec": {"session": other}}).code == 200
    no_longer = {"mode": "Backtest", "snapshotRef": {"name": "b"}, "connectionRef": None, "session": None}
    assert _patch(api, f"{path}/case", {"spec": no_longer}).code == 200


def test_a_snapshot_never_changes(api: Api, namespace: str) -> None:
    path = f"{BASE}/{namespace}/snapshots"
    assert api.request("POST", path, _document("Snapshot", {"digest": DIGEST})).code == 201
    for change in ({"digest": DIGEST[:-1] + "1"}, {"store": "other"}):
        answer = _patch(api, f"{path}/case", {"spec": change})
        assert answer.code == 422
        assert "create a Snapshot with another name" in answer.message
    assert _patch(api, f"{path}/case", {"metadata": {"labels": {"desk": "equities"}}}).code == 200
    assert _patch(api, f"{path}/case", {"spec": {"store": "default"}}).code == 200


def test_what_becomes_of_a_payload_may_change_and_what_it_is_may_not(api: Api, namespace: str) -> None:
    path = f"{BASE}/{namespace}/snapshots"
    created = api.request("POST", path, _document("Snapshot", {"digest": DIGEST}))
    assert created.body["spec"] == {"digest": DIGEST, "store": "default"}, "an older operator can read what it asks"
    for policy in ("Delete", "Retain", None, "Delete"):
        assert _patch(api, f"{path}/case", {"spec": {"deletionPolicy": policy}}).code == 200
    both = {"spec": {"deletionPolicy": "Retain", "digest": DIGEST[:-1] + "1"}}
    assert _patch(api, f"{path}/case", both).code == 422
    assert _patch(api, f"{path}/case", {"spec": {"deletionPolicy": "Recycle"}}).code == 422
    assert api.request("GET", f"{path}/case").body["spec"]["deletionPolicy"] == "Delete"


def _patch(api: Api, path: str, change: dict[str, Any]) -> Answer:
    return api.request("PATCH", path, change, content_type="application/merge-patch+json")
