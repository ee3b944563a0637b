"""What is wanted for a connection's exchange: made once, rolled by a change, its record kept, and gone in the end."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tradeplane_api.broker_connection import BrokerConnectionSpec, ExchangeStatus, endpoint_of
from tradeplane_api.exchange import EXCHANGE_VARIABLE, ExchangeSpecification
from tradeplane_api.run import STORE_VARIABLE
from tradeplane_api.simulated import exchange_name
from tradeplane_operator.planning.conditions import Standing
from tradeplane_operator.planning.exchange import ObservedExchange, WantedExchange, plan_exchange
from tradeplane_operator.planning.exchange_state import is_of_exchange
from tradeplane_operator.planning.names import APPLIED_ANNOTATION, EXCHANGE_LABEL, ROLE_LABEL, STORE_LABEL
from tradeplane_operator.planning.observed import (
    JobPods,
    ObservedChild,
    ObservedSet,
    PodFacts,
    Refusal,
    SnapshotView,
)
from tradeplane_operator.planning.times import rfc3339

from tests.unit.operator.simulation import SETTINGS, SNAPSHOT

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
METADATA: Json = {"name": "sim", "namespace": "research", "uid": "uid-of-sim", "generation": 1}
NAME = "sim-exchange"
SIMULATED: Json = {"type": "Simulated", "market": "UsdMargined", "simulated": {"synthetic": {"seed": 7}}}
ELSEWHERE: Json = {"type": "Simulated", "endpoint": {"rest": "http://x:1", "stream": "ws://x:1"}}
RECORDED: Json = {"type": "Simulated", "simulated": {"snapshotRef": {"name": "tapes"}}}
READY = SnapshotView(SNAPSHOT, "default", ready=True, stalled=False)


@dataclass
class Cluster:
    """The children of a connection as the API server has them, and what was pinned in the status."""

    spec: Json = field(default_factory=lambda: SIMULATED)
    now: datetime = NOW
    snapshot: SnapshotView | None = None
    pinned: ExchangeStatus | None = None
    sets: dict[str, ObservedSet] = field(default_factory=dict)
    services: dict[str, ObservedChild] = field(default_factory=dict)
    manifests: dict[str, Json] = field(default_factory=dict)
    writes: int = 0
    _uids: Any = field(default_factory=itertools.count)

    def observed(self, **others: Any) -> ObservedExchange:
        """Return what a watch shows of it now."""
        return ObservedExchange(dict(self.sets), dict(self.services), self.snapshot, **others)

    def plan(self, observed: ObservedExchange | None = None, **others: Any) -> WantedExchange:
        """Ask for the plan, of an older view where one is given."""
        spec = BrokerConnectionSpec.model_validate(self.spec)
        seen = observed or self.observed(**others)
        return plan_exchange(METADATA, spec, self.pinned, seen, SETTINGS, self.now)

    def act(self, wanted: WantedExchange) -> WantedExchange:
        """Do what a plan wants, as the loop does: the status first; what is gone by UID is left alone."""
        if wanted.needs:
            return wanted
        self.pinned = wanted.status
        for removal in wanted.remove:
            known: dict[str, Any] = self.sets if removal.kind == "StatefulSet" else self.services
            if removal.name in known and known[removal.name].uid == removal.uid:
                del known[removal.name]
                self.writes += 1
        for manifest in wanted.apply:
            self._apply(manifest)
        return wanted

    def _apply(self, manifest: Mapping[str, Any]) -> None:
        self.writes += 1
        name, kind = manifest["metadata"]["name"], manifest["kind"]
        self.manifests[kind] = json.loads(json.dumps(manifest))
        applied = manifest["metadata"]["annotations"][APPLIED_ANNOTATION]
        if kind == "Service":
            self.services[name] = replace(self._child(name, self.services.get(name)), applied=applied)
            return
        before = self.sets.get(name)
        made = ObservedSet(**{one: getattr(self._child(name, before), one) for one in ObservedChild.__slots__})
        counts: Json = {} if before is None else {"pods": before.pods, "ready": before.ready}
        generation = 1 if before is None else before.generation + 1
        self.sets[name] = replace(
            made, applied=applied, wanted=manifest["spec"]["replicas"], generation=generation, updated=0, **counts
        )

    def _child(self, name: str, known: ObservedChild | None) -> ObservedChild:
        uid = f"uid-{next(self._uids)}" if known is None else known.uid
        created = rfc3339(self.now) if known is None else known.created
        return ObservedChild(name, "research", uid, METADATA["uid"], "sim", "BrokerConnection", 1, created)

    def controller(self) -> None:
        """Have the StatefulSet controller and the kubelet do their work."""
        for name, found in self.sets.items():
            count = found.wanted
            self.sets[name] = replace(
                found, observed_generation=found.generation, pods=count, ready=count, updated=count
            )

    def settle(self) -> WantedExchange:
        """Make passes until nothing is to be done any more."""
        for _ in range(8):
            wanted = self.act(self.plan())
            self.controller()
            if not wanted.apply and not wanted.remove:
                return self.plan()
        raise AssertionError("no rest after 8 passes")

    @property
    def pod(self) -> Json:
        """The pod's spec as it was last asked for."""
        found: Json = self.manifests["StatefulSet"]["spec"]["template"]["spec"]
        return found

    @property
    def told(self) -> ExchangeSpecification:
        """What the pod is told."""
        values = {one["name"]: one.get("value", "") for one in self.pod["containers"][0]["env"]}
        return ExchangeSpecification.model_validate_json(values[EXCHANGE_VARIABLE].replace("$$(", "$("))

    @property
    def record(self) -> str:
        """The file the pod records in."""
        command = self.pod["containers"][0]["command"]
        return str(command[command.index("--record") + 1])


def _with(spec: Json, **changes: Any) -> Json:
    return {**spec, "simulated": {**spec["simulated"], **changes}}


def _running(**fields: Any) -> Cluster:
    cluster = Cluster(**fields)
    assert cluster.settle().verdict is None
    return cluster


def test_a_service_and_a_set_are_made_and_then_left_alone() -> None:
    cluster = _running()
    assert cluster.writes == 2
    assert set(cluster.manifests) == {"Service", "StatefulSet"}
    for _ in range(3):
        assert cluster.act(cluster.plan()) == WantedExchange(cluster.pinned)
    assert cluster.writes == 2


def test_an_exchange_is_told_what_was_asked_and_where_to_record() -> None:
    cluster = _running(spec=_with(SIMULATED, speed="10", balances=[{"asset": "USDT", "amount": "5"}]))
    assert cluster.told.synthetic is not None
    assert (cluster.told.synthetic.seed, cluster.told.speed) == (7, "10")
    assert [one.amount for one in cluster.told.balances] == ["5"]
    assert cluster.record.startswith("/record/")
    assert cluster.pinned is not None
    assert cluster.record.endswith(cluster.pinned.record)


def test_its_pod_has_no_token_no_right_and_a_volume_that_goes_with_it() -> None:
    cluster = _running(spec=SIMULATED | {"credentialsSecretRef": {"name": "keys"}})
    (container,) = cluster.pod["containers"]
    assert cluster.pod["automountServiceAccountToken"] is False
    assert cluster.pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["limits"]["memory"]
    (keys,) = cluster.pod["volumes"]
    assert keys["secret"]["optional"] is True
    assert [item["key"] for item in keys["secret"]["items"]] == ["apiKey", "apiSecret"]
    assert all("valueFrom" not in one for one in container["env"])
    spec = cluster.manifests["StatefulSet"]["spec"]
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Delete", "whenScaled": "Retain"}
    assert spec["podManagementPolicy"] == "Parallel"


def test_labels_are_what_policies_and_the_service_select() -> None:
    cluster = _running()
    labels = cluster.manifests["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    assert labels[EXCHANGE_LABEL] == METADATA["uid"]
    assert (labels[ROLE_LABEL], labels[STORE_LABEL]) == ("exchange", "none")
    selector = cluster.manifests["Service"]["spec"]["selector"]
    assert selector == cluster.manifests["StatefulSet"]["spec"]["selector"]["matchLabels"]
    assert selector.items() <= labels.items()


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"speed": "10"}, True),
        ({"balances": [{"asset": "USDT", "amount": "5"}]}, True),
        ({"faults": [{"kind": "Drop", "channel": "User", "after": 1}]}, True),
        ({"synthetic": {"seed": 8}}, False),
        ({"seed": 1}, False),
        ({"leverage": 5}, False),
        ({"fees": {"minimum": "1"}}, False),
    ],
)
def test_a_change_rolls_it_and_another_market_or_terms_begin_another_record(change: Json, *, same: bool) -> None:
    cluster = _running()
    before, uid = cluster.record, cluster.sets[NAME].uid
    cluster.spec = _with(SIMULATED, **change)
    changed = cluster.act(cluster.plan())
    assert [one["kind"] for one in changed.apply] == ["StatefulSet"]
    assert changed.verdict is not None
    assert (cluster.record == before) is same
    assert cluster.settle().verdict is None
    assert cluster.sets[NAME].uid == uid


def test_an_operator_of_another_version_rolls_nothing_until_something_else_is_asked() -> None:
    cluster = _running()
    image = "registry.example/runner@sha256:" + "1" * 64
    newer = SETTINGS.model_copy(update={"images": SETTINGS.images.model_copy(update={"default": image})})
    spec = BrokerConnectionSpec.model_validate(cluster.spec)
    assert plan_exchange(METADATA, spec, cluster.pinned, cluster.observed(), newer, NOW).apply == ()
    other = BrokerConnectionSpec.model_validate(_with(SIMULATED, speed="2"))
    (rolled,) = plan_exchange(METADATA, other, cluster.pinned, cluster.observed(), newer, NOW).apply
    assert rolled["spec"]["template"]["spec"]["containers"][0]["image"] == image


def test_suspended_it_has_no_pod_and_keeps_what_it_runs() -> None:
    cluster = _running()
    cluster.spec = SIMULATED | {"suspend": True}
    ending = cluster.act(cluster.plan())
    assert ending.verdict is not None
    assert (ending.verdict.reason, cluster.sets[NAME].wanted) == ("Suspending", 0)
    assert cluster.plan().verdict is not None, "its pod is not gone yet"
    cluster.controller()
    assert cluster.plan() == WantedExchange(cluster.pinned)
    cluster.spec = SIMULATED
    assert cluster.settle().verdict is None


def test_suspended_from_the_beginning_nothing_is_made() -> None:
    cluster = Cluster(spec=SIMULATED | {"suspend": True})
    assert cluster.settle().verdict is None
    assert cluster.writes == 0


def test_suspended_while_the_snapshot_it_asks_for_is_missing_it_ends_all_the_same() -> None:
    cluster = _running()
    cluster.spec = RECORDED | {"suspend": True}
    cluster.settle()
    assert cluster.sets[NAME].empty


def test_with_an_endpoint_instead_all_of_it_goes() -> None:
    cluster = _running()
    cluster.spec = ELSEWHERE
    assert cluster.settle() == WantedExchange()
    assert (cluster.sets, cluster.services) == ({}, {})


def test_what_is_being_deleted_is_made_again_once_it_is_gone() -> None:
    cluster = _running()
    cluster.sets[NAME] = replace(cluster.sets[NAME], deleting=True)
    cluster.spec = _with(SIMULATED, speed="10")
    waiting = cluster.act(cluster.plan())
    assert waiting.apply == ()
    assert waiting.verdict is not None
    del cluster.sets[NAME]
    assert cluster.settle().verdict is None


@pytest.mark.parametrize(
    ("view", "reason", "standing"),
    [
        (None, "SnapshotNotFound", Standing.WORKING),
        (replace(READY, ready=False), "WaitingForSnapshot", Standing.WORKING),
        (replace(READY, ready=False, stalled=True, message="no manifest"), "SnapshotUnusable", Standing.STALLED),
        (replace(READY, store="elsewhere"), "UnknownStore", Standing.STALLED),
    ],
)
def test_a_recording_that_cannot_be_played_is_said_and_nothing_is_made(
    view: SnapshotView | None, reason: str, standing: Standing
) -> None:
    cluster = Cluster(spec=RECORDED, snapshot=view)
    wanted = cluster.act(cluster.plan())
    assert wanted.verdict is not None
    assert (wanted.verdict.reason, wanted.verdict.standing) == (reason, standing)
    assert is_of_exchange(reason)
    assert cluster.writes == 0 or reason == "UnknownStore"


def test_a_recording_is_pinned_and_its_store_is_mounted_to_be_read() -> None:
    cluster = _running(spec=RECORDED, snapshot=READY)
    assert cluster.told.snapshot == SNAPSHOT
    (container,) = cluster.pod["containers"]
    assert {"name": "store", "mountPath": "/store", "readOnly": True} in container["volumeMounts"]
    assert {"name": STORE_VARIABLE, "value": "file:///store"} in container["env"]
    assert STORE_LABEL not in cluster.manifests["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    cluster.snapshot = None
    assert cluster.plan() == WantedExchange(cluster.pinned), "a Snapshot that goes stops no exchange that plays it"


def _down(**pod: Any) -> WantedExchange:
    """Return the plan for an exchange whose pod does not answer, a minute after it was made."""
    cluster = _running()
    cluster.sets[NAME] = replace(cluster.sets[NAME], ready=0)
    cluster.now += timedelta(seconds=60)
    assert [need.run for need in cluster.plan().needs] == [NAME]
    return cluster.plan(pods=JobPods((PodFacts(f"{NAME}-0", rfc3339(NOW), "Running", **pod),) if pod else ()))


@pytest.mark.parametrize(
    ("pod", "reason", "standing", "words"),
    [
        ({}, "ExchangeStarting", Standing.WORKING, "is being started"),
        ({"unschedulable": "no volume"}, "ExchangeUnschedulable", Standing.WORKING, "finds no node: no volume"),
        ({"waiting_reason": "ErrImagePull"}, "ExchangeImagePullFailed", Standing.WORKING, "cannot be pulled"),
        ({"exit_code": 1}, "ExchangeFailed", Standing.WORKING, "exit code 1; it is started again"),
        ({"unreported": True, "last_exit_code": 1}, "ExchangeNodeAway", Standing.WORKING, "does not report"),
        ({"removing": "evicted"}, "ExchangePodTerminating", Standing.WORKING, "remove the pod by force"),
        (
            {"waiting_reason": "CrashLoopBackOff", "last_exit_code": 3, "last_message": "another market"},
            "ExchangeFailed",
            Standing.STALLED,
            "exit code 3: another market; put spec.simulated right",
        ),
    ],
)
def test_why_it_does_not_run_is_said(pod: Json, reason: str, standing: Standing, words: str) -> None:
    verdict = _down(**pod).verdict
    assert verdict is not None
    assert (verdict.reason, verdict.standing) == (reason, standing)
    assert words in verdict.message
    assert is_of_exchange(reason)


def test_while_it_does_not_run_it_is_looked_at_again() -> None:
    wanted = _down(unschedulable="no volume")
    assert wanted.look == NOW + timedelta(seconds=60 + SETTINGS.pace.pod_again_seconds)


def test_what_the_api_server_refuses_is_said_and_asked_again_after_a_pause() -> None:
    cluster = Cluster()
    refusal = Refusal("Forbidden", "exceeded quota", NOW)
    refused = cluster.plan(refusal=refusal)
    assert refused.verdict is not None
    assert (refused.verdict.reason, refused.apply) == ("ExchangeRefused", ())
    assert "exceeded quota" in refused.verdict.message
    assert refused.look is not None
    cluster.now = refused.look
    assert len(cluster.plan(refusal=refusal).apply) == 2


SPECS = st.sampled_from(
    [
        SIMULATED,
        _with(SIMULATED, speed="10"),
        _with(SIMULATED, synthetic={"seed": 8}),
        SIMULATED | {"suspend": True},
        RECORDED,
        RECORDED | {"suspend": True},
        ELSEWHERE,
    ]
)
STEPS = st.lists(
    st.one_of(
        SPECS.map(lambda spec: ("asks", spec)),
        st.sampled_from(["passes", "passes late", "controls", "scales", "loses set", "loses service"]).map(
            lambda what: (what, None)
        ),
    ),
    max_size=24,
)


def _step(cluster: Cluster, late: ObservedExchange, what: str) -> None:
    if what in ("passes", "passes late"):
        cluster.act(cluster.plan(late if what == "passes late" else None))
    elif what == "controls":
        cluster.controller()
    elif what == "scales" and cluster.sets:
        cluster.sets[NAME] = replace(cluster.sets[NAME], wanted=3)
    elif what == "loses set":
        cluster.sets.clear()
    elif what == "loses service":
        cluster.services.clear()


def _market(pinned: ExchangeStatus) -> str:
    told = ExchangeSpecification.model_validate_json(pinned.specification)
    return told.model_dump_json(include=set(told.market_fields))


@given(STEPS, SPECS)
def test_whatever_happens_and_is_seen_late_it_comes_to_what_is_asked(steps: list[tuple[str, Any]], last: Json) -> None:
    cluster = Cluster(snapshot=READY)
    late = cluster.observed()
    records: dict[str, str] = {}
    for what, spec in steps:
        if what == "asks":
            cluster.spec, late = spec, cluster.observed()
        _step(cluster, late, what)
        if cluster.pinned is not None:
            record = cluster.pinned.record
            assert records.setdefault(_market(cluster.pinned), record) == record
    assert len(set(records.values())) == len(records)
    cluster.spec = last
    rest = cluster.settle()
    assert (rest.verdict, rest.apply, rest.remove) == (None, (), ())
    if last is ELSEWHERE:
        assert (cluster.sets, cluster.services) == ({}, {})
    elif last.get("suspend"):
        assert all(found.empty for found in cluster.sets.values())
    else:
        assert cluster.sets[NAME].running
        assert set(cluster.services) == {NAME}
    written = cluster.writes
    cluster.settle()
    assert cluster.writes == written


@pytest.mark.parametrize("name", ["sim", "a", "a" * 43])
def test_a_plain_name_is_that_of_its_exchange(name: str) -> None:
    assert exchange_name(name) == f"{name}-exchange"
    spec = BrokerConnectionSpec.model_validate(SIMULATED)
    assert endpoint_of(spec, name, "research").rest == f"http://{name}-exchange.research.svc:9090"
    assert endpoint_of(spec, name, "research").stream == f"ws://{name}-exchange.research.svc:9090"


@given(st.from_regex(r"\A[a-z0-9]([-a-z0-9]{0,80}[a-z0-9])?(\.[a-z0-9]{1,60}){0,3}\Z"))
def test_the_name_of_an_exchange_is_one_a_service_may_have(name: str) -> None:
    found = exchange_name(name)
    assert len(found) <= 52, "the controller adds a hash of ten characters in a label"
    assert found[0].isalpha()
    assert found.replace("-", "").isalnum()
    assert "." not in found
    assert found != exchange_name(name + "0")


def test_without_an_exchange_the_place_is_the_one_given_or_binance_s() -> None:
    given_place = BrokerConnectionSpec.model_validate(ELSEWHERE)
    assert endpoint_of(given_place, "sim", "research") == given_place.endpoint
    binance = BrokerConnectionSpec.model_validate({"type": "Binance"})
    assert endpoint_of(binance, "sim", "research").rest == "https://api.binance.com"
