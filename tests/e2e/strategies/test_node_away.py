"""A node goes away under a strategy that trades: nothing trades in its place, and its session goes on once it is back.

The node is really gone: its kubelet, its container runtime and all its containers are killed at once, as where a
machine loses power. What had been acknowledged is on its disk.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import yaml
from tradeplane_stacks.demo.scenario import EXAMPLES, tradeplane
from tradeplane_store.objects import open_store
from tradeplane_workloads.market.snapshot_manifests import read_manifest

from tests.e2e.platform import Object, until

if TYPE_CHECKING:
    from tradeplane_stacks.local.cluster import EmbeddedCluster

    from tests.e2e.platform import Tenant

ARCHITECTURE = "arm64"
"""Of the node that goes: exchange and operator are on the other."""
TRADED_SECONDS = 10.0
_LIMIT_S = 360.0


def _trader(tenant: Tenant) -> Object:
    """Return the one pod that trades, which is there whatever becomes of its node."""
    (pod,) = tenant.items("pods", "-l", "tradeplane.dev/role=trader")
    return pod


def _take_away(cluster: EmbeddedCluster) -> None:
    """End all that runs on the node, in the order in which nothing is started again."""
    names = (f"kubelet-{ARCHITECTURE}", f"containerd-{ARCHITECTURE}")
    agents = {one.name: one.placement.processes() for one in cluster.components() if one.name in names}
    containers = cluster.isolation.cgroups.processes(f"nodes/{ARCHITECTURE}")
    for processes in (*(agents[name] for name in names), containers):
        assert processes, "there is something to end"
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def _bring_back() -> None:
    subprocess.run([sys.executable, "-m", "tradeplane_stacks.local", "up"], check=True, timeout=_LIMIT_S)


@pytest.fixture(scope="module")
def trading(tenant: Tenant) -> Object:
    """Have the example's strategy trade on the node that is to go; return its pod."""
    tenant.reach_exchanges()
    documents = list(yaml.safe_load_all((EXAMPLES / "live-session.yaml").read_text(encoding="utf-8")))
    for one in documents:
        if one["kind"] == "Strategy":
            one["spec"]["architecture"] = ARCHITECTURE
    tenant.apply(*(one for one in documents if one["kind"] != "SnapshotCapture"))
    tenant.await_said("strategy", "quoting", "Trading", limit_s=_LIMIT_S)
    tenant.await_traded(TRADED_SECONDS, _LIMIT_S)
    return _trader(tenant)


def test_a_session_outlives_its_node(cluster: EmbeddedCluster, tenant: Tenant, trading: Object) -> None:
    try:
        _take_away(cluster)
        away = tenant.await_said("strategy", "quoting", "NodeAway", limit_s=_LIMIT_S)
        assert _trader(tenant)["metadata"]["uid"] == trading["metadata"]["uid"], "nothing trades in its place"
        assert tenant.jobs(away) == {}, "nothing closes what may trade yet"
    finally:
        _bring_back()
    tenant.await_said("strategy", "quoting", "Trading", limit_s=_LIMIT_S)
    (container,) = _trader(tenant)["status"]["containerStatuses"]
    assert _trader(tenant)["metadata"]["uid"] == trading["metadata"]["uid"]
    assert container["restartCount"] > 0, "it was really gone"
    tenant.await_traded(TRADED_SECONDS, _LIMIT_S)

    tenant.patch("strategy", "quoting", {"suspend": True})
    closed = tenant.await_said("strategy", "quoting", "Suspended", limit_s=_LIMIT_S)["status"]["session"]
    assert (closed["state"], closed["outcome"], closed["positions"], closed["openOrders"]) == ("Closed", "Flat", [], 0)
    assert closed["closing"]["number"] == 1, "it is the session that was begun before"
    sealed = read_manifest(open_store(tenant.store), closed["snapshot"]).session
    assert sealed is not None
    assert sealed.gaps > 0, "that it heard nothing meanwhile is recorded"
    told = json.loads(tradeplane("replay", closed["snapshot"], "--store", tenant.store, "-o", "json"))
    assert (told["verdict"]["decisions"], told["verdict"]["execution"]) == ("Exact", "Exact")
    assert told["verdict"]["fills"] == closed["fills"] > 0
    until(
        "no trader", lambda: tenant.items("pods", "-l", "tradeplane.dev/role=trader"), lambda pods: not pods, _LIMIT_S
    )
