"""Objects of the kinds as people and other controllers meet them: new, printed, waited for, and under a newer CRD."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_api.base import API_VERSION
from tradeplane_api.conditions import UNSEEN
from tradeplane_api.generation.definitions import definition
from tradeplane_api.kinds import KINDS, SNAPSHOT, STRATEGY
from tradeplane_api.strategy import Strategy
from tradeplane_stacks.local.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradeplane_stacks.local.cluster import EmbeddedCluster

    from tests.integration.crds.conftest import Api

BASE = f"/apis/{API_VERSION}/namespaces"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DIGEST = "sha256:" + "0" * 64
SPECS: dict[str, dict[str, Any]] = {
    "Strategy": {"algorithm": {"name": "macd-momentum"}, "snapshotRef": {"name": "sp500"}, "capital": "1000000"},
    "Snapshot": {"digest": DIGEST},
    "BrokerConnection": {"type": "Binance"},
    "Replay": {"strategyRef": {"name": "macd-momentum"}},
    "Approval": {"strategyRef": {"name": "new"}, "configuration": DIGEST, "user": "alice", "bundle": "{}"},
    "SnapshotCapture": {"source": {"connectionRef": {"name": "sim"}, "instruments": ["SYNUSDT"]}},
}
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_SERVED_WITHIN_S = 120
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


def _condition(kind: str, status: str, **others: str) -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "reason": "Tested",
        "message": "",
        **others,
    }


def _create(api: Api, namespace: str, kind: str, plural: str) -> str:
    document = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "new"}, "spec": SPECS[kind]}
    answer = api.request("POST", f"{BASE}/{namespace}/{plural}", document)
    assert answer.code == 201, answer.message
    return f"{BASE}/{namespace}/{plural}/new"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_new_object_says_that_nobody_has_looked(api: Api, namespace: str, kind: Any) -> None:
    path = _create(api, namespace, kind.name, kind.plural)
    found = api.request("GET", path).body
    assert found["status"]["conditions"] == [UNSEEN.model_dump(mode="json")]
    assert kind.model.model_validate(found).status.conditions == (UNSEEN,)


def test_a_new_object_is_not_ready_to_those_who_wait(api: Api, namespace: str, control_plane: EmbeddedCluster) -> None:
    path = _create(api, namespace, "Strategy", "strategies")
    wait = ("wait", "--for=condition=Ready", "strategy/new", "-n", namespace)
    with pytest.raises(CommandError, match="timed out waiting"):
        control_plane.client.run(*wait, "--timeout=1s")
    status = {"observedGeneration": 1, "conditions": [_condition("Ready", "True")]}
    assert api.request("PATCH", f"{path}/status", {"status": status}, content_type=MERGE).code == 200
    assert "condition met" in control_plane.client.run(*wait, "--timeout=120s")


def test_a_status_that_loses_its_conditions_is_not_ready(api: Api, namespace: str) -> None:
    path = _create(api, namespace, "Strategy", "strategies")
    status = {"observedGeneration": 1, "conditions": [_condition("Ready", "True")]}
    api.request("PATCH", f"{path}/status", {"status": status}, content_type=MERGE)
    answer = api.request("PATCH", f"{path}/status", {"status": {"conditions": None}}, content_type=MERGE)
    assert answer.body["status"]["observedGeneration"] == 1
    assert answer.body["status"]["conditions"] == [UNSEEN.model_dump(mode="json")]


def test_a_status_in_the_spec_s_request_is_ignored(api: Api, namespace: str) -> None:
    path = _create(api, namespace, "Strategy", "strategies")
    forged = {"status": {"observedGeneration": 9, "conditions": [_condition("Ready", "True")]}}
    assert api.request("PATCH", path, forged, content_type=MERGE).code == 200
    assert api.request("GET", path).body["status"] == {"conditions": [UNSEEN.model_dump(mode="json")]}


def test_conditions_of_two_owners_are_merged_by_type(api: Api, namespace: str) -> None:
    path = _create(api, namespace, "Strategy", "strategies")
    for owner, kind in (("one", "Ready"), ("two", "Stalled")):
        applied = {
            "apiVersion": API_VERSION,
            "kind": "Strategy",
            "metadata": {"name": "new"},
            "status": {"conditions": [_condition(kind, "False")]},
        }
        answer = api.request("PATCH", f"{path}/status?fieldManager={owner}&force=true", applied, content_type=APPLY)
        assert answer.code == 200, answer.message
    assert {entry["type"] for entry in answer.body["status"]["conditions"]} == {"Ready", "Stalled"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"conditions": [_condition("Ready", "Maybe")]}, "status.conditions[0].status"),
        ({"conditions": [_condition("Ready", "True", reason="two words")]}, "status.conditions[0].reason"),
        ({"conditions": [_condition("Ready", "True"), _condition("Ready", "False")]}, "status.conditions[1]"),
        ({"latest": {"name": "x"}}, "status.latest.outcome"),
        ({"latest": {"resultDigest": "sha256:0"}}, "status.latest.resultDigest"),
        ({"observedGeneration": -1}, "status.observedGeneration"),
    ],
)
def test_a_status_that_is_wrong_is_refused(api: Api, namespace: str, change: dict[str, Any], field: str) -> None:
    path = _create(api, namespace, "Strategy", "strategies")
    answer = api.request("PATCH", f"{path}/status", {"status": change}, content_type=MERGE)
    assert answer.code == 422
    assert field in answer.message


def test_get_prints_the_state_in_one_line(api: Api, namespace: str) -> None:
    path = _create(api, namespace, "Strategy", "strategies")
    run = {
        "name": "new-1",
        "generation": 1,
        "trigger": "Generation",
        "architecture": "Any",
        "outcome": "Succeeded",
        "resultDigest": DIGEST,
        "totalReturn": "0.5",
        "sharpe": "1.1",
        "maxDrawdown": "0.2",
        "trades": 7,
    }
    status = {"conditions": [_condition("Ready", "True", reason="Succeeded", message="All is well.")], "latest": run}
    api.request("PATCH", f"{path}/status", {"status": status}, content_type=MERGE)
    table = api.request("GET", path, accept=TABLE).body
    cells = dict(zip((column["name"] for column in table["columnDefinitions"]), table["rows"][0]["cells"], strict=True))
    age = cells.pop("Age")
    assert age.endswith("s")
    assert cells == {
        "Name": "new",
        "Algorithm": "macd-momentum",
        "Mode": "Backtest",
        "Snapshot": "sp500",
        "Connection": None,
        "Session": None,
        "Outcome": None,
        "Ready": "True",
        "Status": "Succeeded",
        "Return": "0.5",
        "Sharpe": "1.1",
        "Drawdown": "0.2",
        "Trades": 7,
        "Result": DIGEST,
        "Architecture": "Any",
        "Next": None,
        "Message": "All is well.",
    }
    wide = {column["name"] for column in table["columnDefinitions"] if column["priority"]}
    assert wide == {"Trades", "Result", "Architecture", "Next", "Message", "Connection", "Session", "Outcome"}


def test_kubectl_knows_the_short_names_and_the_category(
    api: Api, namespace: str, control_plane: EmbeddedCluster
) -> None:
    _create(api, namespace, "Strategy", "strategies")
    _create(api, namespace, "Snapshot", "snapshots")
    for name in ("strat", "snap"):
        assert "new" in control_plane.client.run("get", name, "-n", namespace)
    everything = control_plane.client.run("get", "tradeplane", "-n", namespace, "-o", "name")
    assert everything.split() == ["snapshot.tradeplane.dev/new", "strategy.tradeplane.dev/new"]


def test_kubectl_explains_a_field(kinds: None, control_plane: EmbeddedCluster) -> None:
    text = control_plane.client.run("explain", "strategy.spec.risk.stopLoss")
    assert "share of the entry price" in " ".join(text.split())


@pytest.fixture
def older_definition(api: Api, namespace: str) -> Iterator[str]:
    """Put the API server back to a Strategy without history limit and without bounds on capital."""
    path = f"{DEFINITIONS}/strategies.tradeplane.dev"
    older = copy.deepcopy(definition(STRATEGY))
    spec = older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    del spec["historyLimit"]
    for constraint in ("pattern", "x-kubernetes-validations"):
        del spec["capital"][constraint]
    _apply_definition(api, path, older)
    yield path
    _apply_definition(api, path, definition(STRATEGY))


def _apply_definition(api: Api, path: str, wanted: dict[str, Any]) -> None:
    answer = api.request("PATCH", f"{path}?fieldManager=tests&force=true", wanted, content_type=APPLY)
    assert answer.code == 200, answer.message


def _until(met: Any, what: str) -> Any:
    """Ask again until the API server serves the definition it was given."""
    deadline = time.monotonic() + _SERVED_WITHIN_S
    while time.monotonic() < deadline:
        found = met()
        if found is not None:
            return found
        time.sleep(0.05)
    pytest.fail(f"after {_SERVED_WITHIN_S} s still not: {what}")


def test_objects_of_an_older_definition_live_on_under_the_new_one(
    api: Api, namespace: str, older_definition: str
) -> None:
    strategies = f"{BASE}/{namespace}/strategies"
    loose = {**SPECS["Strategy"], "capital": "lots"}
    document = {"apiVersion": API_VERSION, "kind": "Strategy", "metadata": {"name": "old"}, "spec": loose}

    def created() -> dict[str, Any] | None:
        answer = api.request("POST", strategies, document)
        return answer.body if answer.code == 201 else None

    old = _until(created, "the older definition served")
    assert "historyLimit" not in old["spec"]

    _apply_definition(api, older_definition, definition(STRATEGY))

    def filled() -> dict[str, Any] | None:
        found = api.request("GET", f"{strategies}/old").body
        return found if "historyLimit" in found["spec"] else None

    new = _until(filled, "the new definition served")
    assert new["spec"]["historyLimit"] == 10
    assert new["metadata"]["uid"] == old["metadata"]["uid"]
    assert new["metadata"]["generation"] == old["metadata"]["generation"], "a new default is no new generation"

    status = {"observedGeneration": 1, "conditions": [_condition("Stalled", "True")]}
    answer = api.request("PATCH", f"{strategies}/old/status", {"status": status}, content_type=MERGE)
    assert answer.code == 200, "the operator must be able to say that it cannot be run"
    answer = api.request("PATCH", f"{strategies}/old", {"spec": {"capital": "less"}}, content_type=MERGE)
    assert answer.code == 422
    assert api.request("PATCH", f"{strategies}/old", {"spec": {"capital": "1"}}, content_type=MERGE).code == 200


@pytest.fixture
def snapshots_before_policies(api: Api, namespace: str) -> Iterator[str]:
    """Put the API server back to a Snapshot without a policy, whose whole spec was immutable."""
    path = f"{DEFINITIONS}/snapshots.tradeplane.dev"
    older = copy.deepcopy(definition(SNAPSHOT))
    spec = older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    del spec["properties"]["deletionPolicy"]
    spec["x-kubernetes-validations"] = [{"rule": "self == oldSelf", "message": "spec is immutable"}]
    _apply_definition(api, path, older)
    yield path
    _apply_definition(api, path, definition(SNAPSHOT))


def test_snapshots_of_before_there_were_policies_are_retained_and_may_be_given_one(
    api: Api, namespace: str, snapshots_before_policies: str
) -> None:
    snapshots = f"{BASE}/{namespace}/snapshots"
    asked = {"digest": DIGEST, "deletionPolicy": "Delete"}
    document = {"apiVersion": API_VERSION, "kind": "Snapshot", "metadata": {"name": "old"}, "spec": asked}

    def pruned() -> dict[str, Any] | None:
        answer = api.request("POST", snapshots, document)
        if answer.code == 201 and "deletionPolicy" in answer.body["spec"]:
            api.request("DELETE", f"{snapshots}/old")
            return None
        return answer.body if answer.code == 201 else None

    old = _until(pruned, "the older definition served")
    _apply_definition(api, snapshots_before_policies, definition(SNAPSHOT))

    assert api.request("GET", f"{snapshots}/old").body["spec"] == old["spec"], "nothing is filled in"

    def given() -> dict[str, Any] | None:
        change = {"spec": {"deletionPolicy": "Delete"}}
        answer = api.request("PATCH", f"{snapshots}/old", change, content_type=MERGE)
        return answer.body if answer.code == 200 and answer.body["spec"].get("deletionPolicy") == "Delete" else None

    new = _until(given, "the new definition served")
    assert new["metadata"]["generation"] == old["metadata"]["generation"] + 1


def test_what_the_server_stores_the_model_reads(api: Api, namespace: str) -> None:
    found = api.request("GET", _create(api, namespace, "Strategy", "strategies")).body
    assert Strategy.model_validate(found).spec.capital == "1000000"
    assert Strategy.model_validate(yaml.safe_load(yaml.safe_dump(found))) == Strategy.model_validate(found)
