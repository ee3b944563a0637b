"""Server-side apply against a real API server: made, left alone, put right, and never laid over what others have."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_operator.acting.client import FIELD_OWNER
from tradeplane_operator.acting.errors import Conflict, NotFound
from tradeplane_operator.observing.children import child_kind
from tradeplane_operator.observing.index import Index
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.planning.applied import is_as_wanted, marked
from tradeplane_operator.planning.names import CONNECTION_UID_LABEL, MANAGED_BY, MANAGED_BY_LABEL
from tradeplane_operator.planning.wanted import Removal
from tradeplane_operator.running.applying import apply_child, remove_child

if TYPE_CHECKING:
    from tests.integration.operator.cluster import Bench

Json = dict[str, Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OWNER = "7d1f4c1e-0000-4000-8000-000000000000"
NAME = "sim-exchange"
LABELS = {MANAGED_BY_LABEL: MANAGED_BY, CONNECTION_UID_LABEL: OWNER}


def _stateful_set(image: str = "example.test/x@sha256:1", owner: str = OWNER, **spec: Any) -> Json:
    labels = LABELS | {CONNECTION_UID_LABEL: owner}
    container = {"name": "exchange", "image": image}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": NAME, "labels": labels},
        "spec": {
            "serviceName": NAME,
            "replicas": 1,
            "selector": {"matchLabels": {CONNECTION_UID_LABEL: owner}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        }
        | spec,
    }


def _service(owner: str = OWNER) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "labels": LABELS | {CONNECTION_UID_LABEL: owner}},
        "spec": {
            "clusterIP": "None",
            "selector": {CONNECTION_UID_LABEL: owner},
            "ports": [{"name": "x", "port": 9090}],
        },
    }


def _key(bench: Bench) -> Key:
    return Key(Kind.BROKER_CONNECTION, bench.namespace, "sim")


async def _apply(bench: Bench, index: Index, manifest: Json) -> Any:
    return await apply_child(bench.client, index, _key(bench), marked(manifest), NOW)


async def _there(bench: Bench, kind: str = "StatefulSet") -> Json:
    found: Json = await bench.client.get(child_kind(kind).path(bench.namespace, NAME))
    return found


async def test_what_is_made_is_known_as_it_is_wanted(bench: Bench) -> None:
    index = Index()
    for manifest in (_stateful_set(), _service()):
        assert await _apply(bench, index, manifest) is None
    assert is_as_wanted(marked(_stateful_set()), index.sets.of(OWNER)[NAME])
    assert is_as_wanted(marked(_service()), index.services.of(OWNER)[NAME])
    owners = {entry["manager"] for entry in (await _there(bench, "Service"))["metadata"]["managedFields"]}
    assert owners == {FIELD_OWNER}


async def test_a_change_is_applied_and_a_field_no_longer_wanted_goes(bench: Bench) -> None:
    index = Index()
    before = _stateful_set(podManagementPolicy="Parallel", minReadySeconds=7)
    assert await _apply(bench, index, before) is None
    after = _stateful_set("example.test/x@sha256:2", podManagementPolicy="Parallel")
    assert not is_as_wanted(marked(after), index.sets.of(OWNER)[NAME])
    assert await _apply(bench, index, after) is None
    there = await _there(bench)
    assert there["spec"]["template"]["spec"]["containers"][0]["image"] == "example.test/x@sha256:2"
    assert there["spec"].get("minReadySeconds", 0) == 0
    assert is_as_wanted(marked(after), index.sets.of(OWNER)[NAME])


async def test_what_somebody_changed_is_put_right(bench: Bench) -> None:
    index = Index()
    await _apply(bench, index, _stateful_set())
    path = child_kind("StatefulSet").path(bench.namespace, NAME)
    index.sets.put(await bench.client.merge_patch(path, {"spec": {"replicas": 3}}))
    assert not is_as_wanted(marked(_stateful_set()), index.sets.of(OWNER)[NAME])
    assert await _apply(bench, index, _stateful_set()) is None
    assert (await _there(bench))["spec"]["replicas"] == 1


@pytest.mark.parametrize("kind", ["StatefulSet", "Service"])
async def test_what_somebody_else_has_is_left_alone_and_said(bench: Bench, kind: str) -> None:
    foreign, ours = (
        (_stateful_set("theirs", "other"), _stateful_set())
        if kind == "StatefulSet"
        else (
            _service("other"),
            _service(),
        )
    )
    before = await bench.client.create(child_kind(kind).path(bench.namespace), foreign)
    refusal = await _apply(bench, Index(), ours)
    assert refusal.reason == "AlreadyExists"
    assert f"there is a {kind} {NAME} that is not of this BrokerConnection" in refusal.message
    there = await _there(bench, kind)  # whose status its own controller may have written
    kept = ("uid", "labels", "annotations", "ownerReferences")
    assert [there["metadata"].get(name) for name in kept] == [before["metadata"].get(name) for name in kept]
    assert there["spec"] == before["spec"]


async def test_what_an_operator_that_ended_had_made_is_taken_on(bench: Bench) -> None:
    await _apply(bench, Index(), _stateful_set())
    index = Index()
    assert await _apply(bench, index, _stateful_set("example.test/x@sha256:2")) is None
    assert is_as_wanted(marked(_stateful_set("example.test/x@sha256:2")), index.sets.of(OWNER)[NAME])


async def test_what_was_deleted_since_is_not_made_again_by_what_was_known_of_it(bench: Bench) -> None:
    index = Index()
    await _apply(bench, index, _stateful_set())
    known = index.sets.of(OWNER)[NAME]
    await remove_child(bench.client, _key(bench), Removal("StatefulSet", NAME, known.uid))
    await bench.gone(child_kind("StatefulSet").path(bench.namespace, NAME))
    with pytest.raises(Conflict):
        await _apply(bench, index, _stateful_set("example.test/x@sha256:2"))
    with pytest.raises(NotFound):
        await _there(bench)


async def test_a_change_the_api_server_does_not_allow_is_said(bench: Bench) -> None:
    index = Index()
    await _apply(bench, index, _stateful_set())
    refusal = await _apply(bench, index, _stateful_set(serviceName="another"))
    assert refusal.reason == "Invalid"
    assert "updates to statefulset spec" in refusal.message
    assert refusal.at == NOW


async def test_removing_names_what_was_seen_and_no_other(bench: Bench) -> None:
    index = Index()
    await _apply(bench, index, _service())
    known = index.services.of(OWNER)[NAME]
    another = replace(known, uid="6d1f4c1e-0000-4000-8000-000000000000")
    await remove_child(bench.client, _key(bench), Removal("Service", NAME, another.uid))
    assert (await _there(bench, "Service"))["metadata"]["uid"] == known.uid
    await remove_child(bench.client, _key(bench), Removal("Service", NAME, known.uid))
    await bench.gone(child_kind("Service").path(bench.namespace, NAME))
    await remove_child(bench.client, _key(bench), Removal("Service", NAME, known.uid))
