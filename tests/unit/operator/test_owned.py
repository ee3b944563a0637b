"""Children that change: what is news of them, whose they are, and when one is as wanted."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_operator.observing.children import SERVICES, STATEFUL_SETS
from tradeplane_operator.observing.compact import compact_child, compact_pod, compact_set
from tradeplane_operator.observing.feeding import Feed
from tradeplane_operator.observing.index import Index
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.planning.applied import is_as_wanted, marked
from tradeplane_operator.planning.names import APPLIED_ANNOTATION, CONNECTION_UID_LABEL, STRATEGY_UID_LABEL
from tradeplane_store.canonical import canonical_json, sha256_digest

if TYPE_CHECKING:
    from tradeplane_operator.planning.observed import PodFacts

Json = dict[str, Any]
KEY = Key(Kind.BROKER_CONNECTION, "research", "sim")
UID = "uid-of-sim"


def _child(version: int = 1, *, spec: Json | None = None, **status: Any) -> Json:
    owner = {"kind": "BrokerConnection", "name": "sim", "uid": UID}
    return {
        "metadata": {
            "name": "sim-exchange",
            "namespace": "research",
            "uid": "uid-of-child",
            "generation": 2,
            "resourceVersion": str(version),
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {CONNECTION_UID_LABEL: UID},
            "annotations": {APPLIED_ANNOTATION: "sha256:1"},
            "ownerReferences": [owner],
        },
        "spec": spec or {"replicas": 1},
        "status": status,
    }


def _fed(*events: tuple[str, Json]) -> tuple[Index, list[Key]]:
    index, woken = Index(), list[Key]()
    index.connections.put(_connection(), confirmed=True)
    feed = Feed(index, woken.append)
    for event, body in events:
        feed.stateful_set(event, body)
    return index, woken


def _connection() -> Json:
    metadata = {"name": "sim", "namespace": "research", "uid": UID, "generation": 1, "resourceVersion": "1"}
    return {"metadata": metadata, "spec": {}}


def test_what_a_stateful_set_says_of_itself() -> None:
    body = _child(observedGeneration=2, replicas=1, readyReplicas=1, updatedReplicas=1)
    seen = compact_set(body)
    assert (seen.owner_uid, seen.owner_name, seen.owner_kind) == (UID, "sim", "BrokerConnection")
    assert (seen.applied, seen.wanted, seen.pods, seen.ready) == ("sha256:1", 1, 1, 1)
    assert seen.running
    assert not seen.empty


@pytest.mark.parametrize(
    "change",
    [{"observedGeneration": 1}, {"readyReplicas": 0}, {"updatedReplicas": 0}, {"replicas": 2}],
)
def test_a_set_runs_only_when_its_one_pod_is_new_and_answers(change: Json) -> None:
    whole: Json = {"observedGeneration": 2, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1}
    assert not compact_set(_child(**whole | change)).running


@pytest.mark.parametrize(
    ("status", "empty"),
    [
        ({"observedGeneration": 2}, True),
        ({"observedGeneration": 2, "replicas": 1}, False),
        ({"observedGeneration": 1}, False),
    ],
)
def test_a_set_is_empty_only_when_its_last_pod_is_gone(status: Json, *, empty: bool) -> None:
    assert compact_set(_child(spec={"replicas": 0}, **status)).empty is empty
    assert not compact_set(_child(spec={"replicas": 1}, **status)).empty


def test_news_of_a_set_wakes_its_owner_and_what_is_old_does_not() -> None:
    _, woken = _fed(("ADDED", _child(1)), ("MODIFIED", _child(2)), ("MODIFIED", _child(3, replicas=1)))
    assert woken == [KEY, KEY]
    index, woken = _fed(("ADDED", _child(5, replicas=1)), ("MODIFIED", _child(4)), ("MODIFIED", _child(5)))
    assert woken == [KEY]
    assert index.sets.of(UID)["sim-exchange"].pods == 1


def test_a_set_that_is_deleted_is_forgotten_unless_another_has_its_name() -> None:
    index, woken = _fed(("ADDED", _child(1)), ("DELETED", _child(2)))
    assert dict(index.sets.of(UID)) == {}
    assert woken == [KEY, KEY]
    again = _child(3)
    again["metadata"]["uid"] = "another"
    index, woken = _fed(("ADDED", _child(1)), ("ADDED", again), ("DELETED", _child(2)))
    assert index.sets.of(UID)["sim-exchange"].uid == "another"
    assert woken == [KEY, KEY]


def test_a_service_is_kept_apart_from_a_set_of_the_same_name() -> None:
    index, _ = _fed(("ADDED", _child(1)))
    assert len(index.owned(STATEFUL_SETS)) == 1
    assert len(index.owned(SERVICES)) == 0
    Feed(index, lambda _: None).service("ADDED", _child(1))
    assert len(index.owned(SERVICES)) == 1
    assert index.services.of(UID)["sim-exchange"].applied == "sha256:1"


def test_what_is_not_ours_is_not_kept() -> None:
    foreign = _child(1)
    foreign["metadata"]["labels"] = {"app": "other"}
    index, woken = _fed(("ADDED", foreign))
    assert len(index.sets) == 0
    assert woken == []
    with pytest.raises(ValueError, match="StatefulSet sim-exchange has none of the labels"):
        compact_set(foreign)
    with pytest.raises(ValueError, match="Service sim-exchange has none of the labels"):
        compact_child(foreign)


def test_a_strategy_may_own_a_set_too() -> None:
    body = _child(1)
    body["metadata"]["labels"] = {STRATEGY_UID_LABEL: UID}
    body["metadata"]["ownerReferences"] = [{"kind": "Strategy", "name": "maker", "uid": UID}]
    _, woken = _fed(("ADDED", body))
    assert woken == [Key(Kind.STRATEGY, "research", "maker")]


def test_a_container_that_was_started_again_tells_how_it_ended_before() -> None:
    ended = {"exitCode": 3, "reason": "Error", "message": "the record is of another exchange"}
    container = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": ended}}
    status = {"containerStatuses": [container]}
    pod = compact_pod({"metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"}, "status": status})
    assert (pod.waiting_reason, pod.exit_code) == ("CrashLoopBackOff", None)
    assert (pod.last_exit_code, pod.last_message) == (3, "the record is of another exchange")


def _seen(metadata: Json, ready: str, container: bool, *conditions: Json) -> PodFacts:
    told = [{"type": "Ready", "status": ready}, *conditions]
    status = {"phase": "Running", "conditions": told, "containerStatuses": [{"ready": container}]}
    return compact_pod(
        {"metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"} | metadata, "status": status}
    )


@pytest.mark.parametrize(
    ("ready", "container", "silent"), [("False", True, True), ("False", False, False), ("True", True, False)]
)
def test_a_pod_that_is_not_ready_while_its_container_was_is_of_a_silent_node(
    ready: str, container: bool, silent: bool
) -> None:
    assert _seen({}, ready, container).unreported is silent


def test_a_pod_without_containers_yet_is_of_no_silent_node() -> None:
    status = {"conditions": [{"type": "Ready", "status": "False"}]}
    pod = compact_pod({"metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"}, "status": status})
    assert not pod.unreported


def test_a_pod_that_is_removed_tells_why() -> None:
    deleted = {"deletionTimestamp": "2026-01-01T00:10:00Z"}
    evicted = {"type": "DisruptionTarget", "status": "True", "message": "Taint manager: deleting"}
    assert _seen({}, "True", True, evicted).removing == ""
    assert _seen(deleted, "False", True, evicted).removing == "Taint manager: deleting"
    assert _seen(deleted, "False", True).removing == "somebody deleted it"


MANIFEST: Json = {
    "kind": "StatefulSet",
    "metadata": {"name": "sim-exchange", "annotations": {"a": "b"}},
    "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "exchange"}]}}},
}


def _made_like(manifest: Json, **spec: Any) -> Any:
    body = _child(1, spec={"replicas": 1} | spec)
    body["metadata"]["annotations"] = marked(manifest)["metadata"]["annotations"]
    return compact_set(body)


def test_a_mark_is_the_digest_of_all_a_manifest_says_and_changes_nothing_else() -> None:
    before = copy.deepcopy(MANIFEST)
    found = marked(MANIFEST)
    assert before == MANIFEST
    assert found["spec"] == MANIFEST["spec"]
    assert found["metadata"]["annotations"].pop(APPLIED_ANNOTATION) == sha256_digest(canonical_json(MANIFEST))
    assert found == MANIFEST


def test_a_mark_is_of_what_a_manifest_says_and_not_of_how_it_is_written() -> None:
    assert marked(dict(reversed(MANIFEST.items())))["metadata"] == marked(MANIFEST)["metadata"]


def test_a_child_is_as_wanted_when_it_was_made_like_this() -> None:
    assert is_as_wanted(marked(MANIFEST), _made_like(MANIFEST))
    assert not is_as_wanted(marked(MANIFEST), None)


@pytest.mark.parametrize(
    "change", [{"kind": "Service"}, {"metadata": {"name": "sim-exchange"}}, {"spec": {"replicas": 1}}]
)
def test_a_child_that_was_made_like_another_manifest_is_not_as_wanted(change: Json) -> None:
    assert not is_as_wanted(marked(MANIFEST | change), _made_like(MANIFEST))


def test_a_set_that_somebody_scaled_is_not_as_wanted() -> None:
    assert not is_as_wanted(marked(MANIFEST), _made_like(MANIFEST, replicas=3))
