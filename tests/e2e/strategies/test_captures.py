"""A capture of an exchange of the cluster: bundles arrive, go on after a kill, the oldest go, at last all but them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import yaml
from tradeplane_api.capture import SealedBundle
from tradeplane_stacks.demo.scenario import EXAMPLES
from tradeplane_store import layout
from tradeplane_store.objects import open_store
from tradeplane_workloads.market.snapshot_manifests import read_manifest
from tradeplane_workloads.market.snapshots import verify_snapshot

from tests.e2e.platform import Object, kill, processes_with, runs_now, said, until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_store.objects import ObjectStore

    from tests.e2e.platform import Tenant

CONNECTION = "simulated-book"
KEPT = 4
"""Snapshots that the capture's retention leaves."""
_LIMIT_S = 360.0
_BUNDLES_LIMIT_S = 240.0
_ROTATION_S = 5


@pytest.fixture(scope="module")
def capture(tenant: Tenant) -> Object:
    """Apply the examples of an exchange and of a capture, whose bundles are short here, and see three bundles come."""
    tenant.reach_exchanges()
    session = yaml.safe_load_all((EXAMPLES / "live-session.yaml").read_text(encoding="utf-8"))
    tenant.apply(*(one for one in session if one["kind"] in {"Secret", "BrokerConnection"}))
    asked: Object = yaml.safe_load((EXAMPLES / "capture.yaml").read_text(encoding="utf-8"))
    asked["spec"]["source"]["connectionRef"]["name"] = CONNECTION
    asked["spec"] |= {"rotation": {"seconds": _ROTATION_S}, "retention": {"count": KEPT}}
    tenant.apply(asked)
    name = asked["metadata"]["name"]
    tenant.await_said("snapshotcapture", name, "Capturing", limit_s=_LIMIT_S)
    return _until_bundles(tenant, name, 3)


@pytest.fixture(scope="module")
def killed_at(tenant: Tenant, capture: Object) -> datetime:
    """Kill the agent's process, and return when, once it has captured again for a while."""
    before = _number(tenant.get("snapshotcapture", capture["metadata"]["name"]))
    pod = f"{capture['metadata']['name']}-capture-0"
    victims = until(f"the process of pod {pod}", lambda: processes_with("HOSTNAME", pod), bool, _LIMIT_S)
    moment = datetime.now(UTC)
    kill(victims)
    until(
        f"pod {pod} to be started again",
        lambda: tenant.get("pod", pod)["status"]["containerStatuses"][0],
        lambda container: container["restartCount"] >= 1 and "running" in container["state"],
        _LIMIT_S,
    )
    _until_bundles(tenant, capture["metadata"]["name"], before + KEPT)
    tenant.await_said("snapshotcapture", capture["metadata"]["name"], "Capturing", limit_s=_LIMIT_S)
    return moment


def test_bundles_become_snapshots_that_are_verified(tenant: Tenant, capture: Object) -> None:
    name = capture["metadata"]["name"]
    made = until(
        "three verified Snapshots",
        lambda: _snapshots(tenant, name),
        lambda found: sum(said(one)[1] == "Verified" for one in found) >= 3,
        _LIMIT_S,
    )
    assert all(one["metadata"]["name"].startswith(f"{name}-0") for one in made)
    assert all(one["status"]["instruments"] == ["SYNUSDT"] for one in made if said(one)[1] == "Verified")


def test_a_kill_is_a_gap_and_bundles_go_on_without_overlap(
    tenant: Tenant, capture: Object, killed_at: datetime
) -> None:
    store = open_store(tenant.store)
    bundles = _bundles(store, capture)
    assert [one.number for one in bundles] == list(range(1, len(bundles) + 1))
    sealed = _sealed(bundles)
    before: SealedBundle | None = None
    for one in sealed:
        assert one.snapshot is not None
        assert verify_snapshot(store, one.snapshot) == []
        assert read_manifest(store, one.snapshot).previous == (None if before is None else before.snapshot)
        assert before is None or _moment(one.start) >= _moment(before.end)
        before = one
    across = next(one for one in sealed if _moment(one.end) >= killed_at)  # the first there is after the kill
    assert across.gaps >= 1
    whole = [one for one in sealed if one.number < across.number]
    assert [one.gaps for one in whole] == [0] * len(whole)


def test_the_oldest_snapshots_go_and_what_they_name_stays(tenant: Tenant, capture: Object, killed_at: datetime) -> None:
    del killed_at  # more bundles than are kept have come by then
    name = capture["metadata"]["name"]
    until(
        "the first Snapshot to be gone",
        lambda: [one["metadata"]["name"] for one in _snapshots(tenant, name)],
        lambda names: names != [] and f"{name}-000001" not in names,
        _LIMIT_S,
    )
    store = open_store(tenant.store)
    first = _bundles(store, capture)[0]
    assert first.snapshot is not None
    assert verify_snapshot(store, first.snapshot) == []


def test_suspended_it_has_no_pod_and_resumed_it_goes_on_from_its_volume(
    tenant: Tenant, capture: Object, killed_at: datetime
) -> None:
    del killed_at
    name = capture["metadata"]["name"]
    tenant.patch("snapshotcapture", name, {"suspend": True})
    tenant.await_said("snapshotcapture", name, "Suspended", limit_s=_LIMIT_S)
    assert [one for one in _of(tenant, "pods", capture) if runs_now(one)] == []
    assert [one["status"]["phase"] for one in _of(tenant, "persistentvolumeclaims", capture)] == ["Bound"]
    bundles = _bundles(open_store(tenant.store), capture)
    last, newest = bundles[-1].number, _sealed(bundles)[-1]
    _until_bundles(tenant, name, last)
    tenant.patch("snapshotcapture", name, {"suspend": False})
    _until_bundles(tenant, name, last + 2)
    following = _bundles(open_store(tenant.store), capture)[last : last + 2]
    assert [one.number for one in following] == [last + 1, last + 2]
    assert following[0].previous == newest.snapshot
    assert following[0].gaps >= 1, "nothing was captured meanwhile"


def test_deleted_it_leaves_its_snapshots_and_nothing_else(tenant: Tenant, capture: Object, killed_at: datetime) -> None:
    del killed_at
    name = capture["metadata"]["name"]
    tenant.kubectl("delete", "snapshotcapture", name, "--timeout=300s")
    until(
        "nothing of the capture but its Snapshots",
        lambda: _of(tenant, "statefulsets,pods,persistentvolumeclaims", capture),
        lambda left: not left,
        _LIMIT_S,
    )
    newest = _sealed(_bundles(open_store(tenant.store), capture))[-1]
    named = {one["spec"]["digest"] for one in _snapshots(tenant, name)}
    assert len(named) >= KEPT, "those that its retention has not come to stay"
    assert newest.snapshot in named


def _snapshots(tenant: Tenant, name: str) -> Sequence[Object]:
    return tenant.items("snapshots", "-l", f"tradeplane.dev/capture={name}")


def _of(tenant: Tenant, kinds: str, capture: Object) -> list[Object]:
    """Return what there is of a capture's own."""
    return tenant.items(kinds, "-l", f"tradeplane.dev/snapshot-capture-uid={capture['metadata']['uid']}")


def _number(capture: Object) -> int:
    return int(((capture.get("status") or {}).get("bundles") or {}).get("lastNumber", 0))


def _until_bundles(tenant: Tenant, name: str, number: int) -> Object:
    """Wait until so many bundles of a capture are Snapshots, and return it."""
    return until(
        f"bundle {number} of capture {tenant.name}/{name}",
        lambda: tenant.get("snapshotcapture", name),
        lambda found: _number(found) >= number,
        _BUNDLES_LIMIT_S,
    )


def _bundles(store: ObjectStore, capture: Object) -> list[SealedBundle]:
    """Return the bundles to which a capture's agent left pointers."""
    found: list[SealedBundle] = []
    while store.exists(path := layout.capture_pointer(capture["metadata"]["uid"], len(found) + 1)):
        found.append(SealedBundle.model_validate_json(bytes(store.get(path))))
    return found


def _sealed(bundles: Sequence[SealedBundle]) -> list[SealedBundle]:
    """Return the bundles in which something was."""
    return [one for one in bundles if one.snapshot is not None]


def _moment(text: str | None) -> datetime:
    """Return a bundle's time, to the microsecond."""
    assert text is not None
    return datetime.fromisoformat(text.rstrip("Z")[:26]).replace(tzinfo=UTC)
