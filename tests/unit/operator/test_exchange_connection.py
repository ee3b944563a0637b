"""A connection whose exchange is run for it: not tried before that answers, nor while it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tradeplane_operator.planning.broker_connection import ObservedConnection, plan
from tradeplane_operator.planning.exchange import ObservedExchange
from tradeplane_operator.planning.names import ProbeName, probe_name
from tradeplane_operator.planning.observed import JobEnd, JobPods, ObservedJob, PodFacts
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.planning.wanted import Fact, Need, Plan

from tests.unit.operator.connection_simulation import report
from tests.unit.operator.simulation import SETTINGS
from tests.unit.operator.test_exchange_plan import ELSEWHERE, METADATA, NOW, SIMULATED, Cluster

Json = dict[str, Any]


def _resource(spec: Json, status: Json | None = None, generation: int = 1) -> Json:
    metadata = METADATA | {"generation": generation, "creationTimestamp": rfc3339(NOW)}
    return {"metadata": metadata, "spec": spec, "status": status or {}}


def _plan(cluster: Cluster, status: Json | None = None, *, fresh: bool = True, **others: Any) -> Plan:
    seen = ObservedConnection(_resource(cluster.spec, status), fresh=fresh, exchange=cluster.observed(), **others)
    return plan(seen, SETTINGS, cluster.now)


def _ready(wanted: Plan) -> Json:
    assert wanted.status is not None
    found: Json = next(said for said in wanted.status["conditions"] if said["type"] == "Ready")
    return found


def test_nothing_is_made_before_the_object_is_read_anew() -> None:
    cluster = Cluster()
    assert _plan(cluster, fresh=False).needs == (Need(Fact.FRESH_RESOURCE),)
    assert [one["kind"] for one in _plan(cluster).apply] == ["Service", "StatefulSet"]


def test_it_is_tried_once_its_exchange_answers_and_not_before() -> None:
    cluster = Cluster()
    first = _plan(cluster)
    assert (_ready(first)["reason"], first.create) == ("ExchangeStarting", ())
    cluster.settle()
    second = _plan(cluster, dict(first.status or {}))
    assert _ready(second)["reason"] == "Probing"
    (probe,) = second.create
    assert "sim-exchange.research.svc:9090" in probe["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"]


def _tried(cluster: Cluster) -> tuple[Json, ObservedJob, JobPods]:
    """Return the status after a probe that found it connected, and that probe."""
    name = probe_name("sim", METADATA["uid"], ProbeName(1, int(cluster.now.timestamp()) // 60))
    job = ObservedJob(name, "research", "j", METADATA["uid"], "sim", 1, rfc3339(cluster.now), end=JobEnd.COMPLETE)
    pods = JobPods((PodFacts(f"{name}-x", job.created, "Succeeded", exit_code=0, termination_message=report()),))
    before = dict(_plan(cluster).status or {})
    wanted = _plan(cluster, before, jobs={name: job}, pods={name: pods})
    assert _ready(wanted)["reason"] == "Connected"
    return dict(wanted.status or {}), job, pods


def test_while_its_exchange_does_not_answer_it_is_not_ready_and_not_tried() -> None:
    cluster = Cluster()
    cluster.settle()
    status, job, pods = _tried(cluster)
    running = dict(cluster.sets)
    cluster.now += timedelta(seconds=90)
    for name, found in running.items():
        cluster.sets[name] = replace(found, ready=0)
    seen = ObservedExchange(dict(cluster.sets), dict(cluster.services), pods=JobPods(()))
    resource = _resource(cluster.spec, status)
    down = plan(
        ObservedConnection(resource, {job.name: job}, fresh=True, pods={job.name: pods}, exchange=seen),
        SETTINGS,
        cluster.now,
    )
    assert (_ready(down)["status"], _ready(down)["reason"]) == ("False", "ExchangeStarting")
    assert down.create == ()

    cluster.sets = running
    again = _plan(cluster, dict(down.status or {}) | {"failures": 7}, jobs={job.name: job}, pods={job.name: pods})
    assert _ready(again)["reason"] == "Probing"
    assert len(again.create) == 1, "seven failures of an exchange that was down do not put the next probe off"


@pytest.mark.parametrize("suspend", [True, False])
def test_another_probe_interval_leaves_what_was_pinned(*, suspend: bool) -> None:
    cluster = Cluster()
    cluster.settle()
    before = dict(_plan(cluster).status or {})
    spec = SIMULATED | {"probe": {"intervalSeconds": 30}, "suspend": suspend}
    seen = ObservedConnection(_resource(spec, before, generation=2), fresh=True, exchange=cluster.observed())
    newer = SETTINGS.images.model_copy(update={"default": "registry.example/runner@sha256:" + "1" * 64})
    wanted = plan(seen, SETTINGS.model_copy(update={"images": newer}), cluster.now)
    assert wanted.status is not None
    assert wanted.status["exchange"] == before["exchange"]
    assert len(wanted.apply) == suspend


def test_with_an_endpoint_nothing_is_said_of_an_exchange() -> None:
    cluster = Cluster()
    cluster.settle()
    cluster.spec = ELSEWHERE
    wanted = _plan(cluster)
    assert {one.kind for one in wanted.remove} == {"StatefulSet", "Service"}
    assert wanted.status is not None
    assert "exchange" not in wanted.status
    assert len(wanted.create) == 1


def test_suspended_it_says_that_its_exchange_ends_and_then_that_it_does_not_run() -> None:
    cluster = Cluster()
    cluster.settle()
    cluster.spec = SIMULATED | {"suspend": True}
    ending = cluster.act(cluster.plan())
    assert ending.apply
    assert _ready(_plan(cluster))["reason"] == "Suspending"
    cluster.controller()
    said = _ready(_plan(cluster))
    assert (said["reason"], "its record is kept" in said["message"]) == ("Suspended", True)
