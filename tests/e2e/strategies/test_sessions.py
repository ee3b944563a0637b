"""A strategy trades an exchange of the cluster, survives its pod, is sealed meanwhile and suspended flat.

What it did replays exactly, from what was sealed while it went on and from what was sealed at the end.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from tradeplane_stacks.demo.scenario import EXAMPLES, tradeplane
from tradeplane_store.objects import open_store
from tradeplane_workloads.market.snapshot_manifests import read_manifest

from tests.e2e.platform import Object, ready, until

if TYPE_CHECKING:
    from tests.e2e.platform import Tenant

TRADED_SECONDS = 15.0
"""How long it trades, so that its orders are filled."""
SHORTEST_CADENCE_S = 60
CAPTURE = "sessions-of-quoting"
_LIMIT_S = 360.0


@pytest.fixture(scope="module")
def trading(tenant: Tenant) -> Object:
    """Apply the example to a namespace whose pods may reach exchanges."""
    tenant.reach_exchanges()
    tenant.apply(*yaml.safe_load_all((EXAMPLES / "live-session.yaml").read_text(encoding="utf-8")))
    tenant.await_said("brokerconnection", "simulated-book", "Connected", limit_s=_LIMIT_S)
    return tenant.await_said("strategy", "quoting", "Trading", limit_s=_LIMIT_S)


@pytest.fixture(scope="module")
def sealed_meanwhile(tenant: Tenant, trading: Object) -> Object:
    """Have it sealed as it goes on, end its pod meanwhile as a node that goes away would, and see it trade again.

    Returned is the Strategy as it trades after its session was sealed; the capture is gone by then, so that the next
    sealing is that of its suspension.
    """
    asked: Object = yaml.safe_load((EXAMPLES / "capture-sessions.yaml").read_text(encoding="utf-8"))
    tenant.apply({**asked, "spec": asked["spec"] | {"cadenceSeconds": SHORTEST_CADENCE_S}})
    tenant.await_traded(TRADED_SECONDS, _LIMIT_S)
    pod = trading["status"]["session"]["pod"]
    before = tenant.get("pod", pod)["metadata"]["uid"]
    tenant.kubectl("delete", "pod", pod, "--grace-period=0", "--force")
    until(
        f"another pod {pod}, ready",
        lambda: tenant.items("pods", "-l", "tradeplane.dev/role=trader"),
        lambda pods: any(ready(one) and one["metadata"]["uid"] != before for one in pods),
        _LIMIT_S,
    )
    until(
        f"the session to be counted by capture {CAPTURE}",
        lambda: tenant.get("snapshotcapture", CAPTURE)["status"],
        lambda status: (status.get("bundles") or {}).get("count", 0) >= 1,
        _LIMIT_S,
    )
    tenant.kubectl("delete", "snapshotcapture", CAPTURE, "--timeout=120s")
    return tenant.await_said("strategy", "quoting", "Trading", limit_s=_LIMIT_S)


@pytest.fixture(scope="module")
def suspended(tenant: Tenant, sealed_meanwhile: Object) -> Object:
    """Let it trade after that, and suspend it."""
    del sealed_meanwhile
    tenant.await_traded(TRADED_SECONDS, _LIMIT_S)
    tenant.patch("strategy", "quoting", {"suspend": True})
    return tenant.await_said("strategy", "quoting", "Suspended", limit_s=_LIMIT_S)


def test_sealed_meanwhile_the_same_session_goes_on(tenant: Tenant, sealed_meanwhile: Object, suspended: Object) -> None:
    going, closed = (one["status"]["session"] for one in (sealed_meanwhile, suspended))
    assert (going["closing"]["way"], going["closing"]["number"], closed["closing"]["number"]) == ("Leave", 1, 2)
    assert CAPTURE in going["closing"]["because"]
    made = {one["spec"]["digest"] for one in tenant.items("snapshots", "-l", "tradeplane.dev/strategy=quoting")}
    (meanwhile,) = made - {closed["snapshot"]}
    store = open_store(tenant.store)
    begun, ended = (read_manifest(store, one).session for one in (meanwhile, closed["snapshot"]))
    assert begun is not None
    assert ended is not None
    assert begun.name == ended.name, "it is the same session"
    assert (begun.over, ended.over) == (False, True)
    assert 0 < begun.inputs < ended.inputs
    told = json.loads(tradeplane("replay", meanwhile, "--store", tenant.store, "-o", "json"))
    assert (told["verdict"]["decisions"], told["verdict"]["execution"]) == ("Exact", "Exact")
    assert told["verdict"]["fills"] == begun.fills


def test_suspended_it_is_flat(suspended: Object) -> None:
    session = suspended["status"]["session"]
    assert (session["state"], session["outcome"], session["positions"]) == ("Closed", "Flat", [])
    assert session["fills"] > 0
    assert session["openOrders"] == 0


def test_its_session_is_a_snapshot_that_is_verified(tenant: Tenant, suspended: Object) -> None:
    session = suspended["status"]["session"]
    made = tenant.await_said("snapshot", session["snapshotName"], "Verified", limit_s=_LIMIT_S)
    assert made["spec"]["digest"] == session["snapshot"]
    assert made["metadata"]["labels"]["tradeplane.dev/strategy"] == "quoting"
    assert (made["status"]["holds"], made["status"]["instruments"]) == ("Session", ["SYNUSDT"])
    folder = tenant.directory / "snapshots" / session["snapshot"].removeprefix("sha256:")
    assert json.loads((folder / "environment.json").read_text())["image"] == session["image"]


def test_what_it_did_replays_exactly_with_both_verdicts(tenant: Tenant, suspended: Object) -> None:
    session = suspended["status"]["session"]
    told = json.loads(tradeplane("replay", session["snapshot"], "--store", tenant.store, "-o", "json"))
    assert (told["verdict"]["decisions"], told["verdict"]["execution"]) == ("Exact", "Exact")
    assert told["verdict"]["fillsMatched"] == told["verdict"]["fills"] == session["fills"]


def test_no_pod_is_left(tenant: Tenant, suspended: Object) -> None:
    del suspended
    assert [
        one["metadata"]["name"] for one in tenant.items("pods", "-l", "tradeplane.dev/role=trader") if ready(one)
    ] == []


def test_resumed_it_is_another_session_and_deleted_it_leaves_nothing(tenant: Tenant, suspended: Object) -> None:
    tenant.patch("strategy", "quoting", {"suspend": False})
    tenant.await_said("strategy", "quoting", "Trading", limit_s=_LIMIT_S)
    uid = suspended["metadata"]["uid"]
    tenant.kubectl("delete", "strategy", "quoting", "--timeout=300s")
    kinds = "statefulsets,jobs,pods,persistentvolumeclaims"
    until(
        "nothing of the strategy",
        lambda: tenant.items(kinds, "-l", f"tradeplane.dev/strategy-uid={uid}"),
        lambda left: not left,
        _LIMIT_S,
    )
    sealed = tenant.items("snapshots", "-l", f"tradeplane.dev/strategy-uid={uid}")
    assert [one["spec"]["digest"] for one in sealed].count(suspended["status"]["session"]["snapshot"]) == 1
    assert len(sealed) == 3, "what it was sealed as outlives it"
