"""What is said of a connection after a probe, when the next one comes, and what that costs the API server."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.broker_connection import BrokerConnectionSpec, CredentialsState
from tradeplane_api.probe import ProbeOutcome, ProbeSpecification
from tradeplane_operator.acting.errors import Refused
from tradeplane_operator.planning.broker_connection import ObservedConnection, plan
from tradeplane_operator.planning.names import ProbeName, probe_name, read_probe_name
from tradeplane_operator.planning.observed import JobEnd, JobPods, ObservedJob, PodFacts
from tradeplane_operator.planning.probe_jobs import build_probe
from tradeplane_operator.planning.probing import finding_of, milliseconds, pause_after
from tradeplane_operator.planning.times import parse_rfc3339, rfc3339
from tradeplane_operator.planning.wanted import Fact
from tradeplane_operator.settings import Pace

from tests.unit.operator.connection_simulation import UID, Server, SimulatedOperator, report
from tests.unit.operator.simulation import NAMESPACE, SETTINGS

METADATA = {"name": "binance", "namespace": NAMESPACE, "uid": UID}


def _started() -> tuple[Server, SimulatedOperator]:
    server = Server()
    operator = SimulatedOperator(server)
    operator.settle()
    return server, operator


def _ready(server: Server) -> dict[str, Any]:
    return next(said for said in server.status["conditions"] if said["type"] == "Ready")


def _standing(server: Server) -> dict[str, str]:
    return {said["type"]: said["status"] for said in server.status["conditions"]}


def _probed(server: Server, operator: SimulatedOperator, said: str) -> None:
    """Have the probe that runs end, the next one having been waited for."""
    if all(job["status"].get("conditions") for job in server.jobs.values()):
        operator.wait()
    (name,) = server.jobs
    server.now += timedelta(seconds=2)
    server.end_job(name, said)
    operator.settle()


def test_a_new_connection_is_tried_at_once_and_ready_when_it_answers() -> None:
    server, operator = _started()
    assert (_ready(server)["reason"], _standing(server)["Reconciling"]) == ("Probing", "True")
    _probed(server, operator, report())
    assert _standing(server) == {"Ready": "True", "Reconciling": "False", "Stalled": "False"}
    assert _ready(server)["reason"] == "Connected"
    assert _ready(server)["message"] == ("latency 12.0 ms, clock skew 1.5 ms, no credentials: public market data alone")
    assert server.status["latencyMilliseconds"] == "12.0"
    assert server.status["clockSkewMilliseconds"] == "1.5"
    assert server.status["credentials"] == "None"
    assert server.status["failures"] == 0


@pytest.mark.parametrize("outcome", [one for one in ProbeOutcome if one is not ProbeOutcome.CONNECTED])
def test_what_may_mend_itself_is_said_and_tried_again(outcome: ProbeOutcome) -> None:
    server, operator = _started()
    _probed(server, operator, report(outcome, credentials=CredentialsState.UNKNOWN))
    assert _standing(server) == {"Ready": "False", "Reconciling": "True", "Stalled": "False"}
    assert (_ready(server)["reason"], _ready(server)["message"]) == (outcome.value, "said by the test")
    assert operator.look_again_at is not None
    _probed(server, operator, report())
    assert _ready(server)["reason"] == "Connected"
    assert server.status["failures"] == 0


def test_a_report_of_a_newer_probe_is_read_without_what_is_not_known_here() -> None:
    server, operator = _started()
    _probed(server, operator, report()[:-1] + ', "venueVersion": "9"}')
    assert _ready(server)["reason"] == "Connected"


def test_a_probe_without_a_report_is_a_failure_in_words() -> None:
    server, operator = _started()
    _probed(server, operator, "garbage")
    assert _ready(server)["reason"] == "ProbeFailed"
    assert "is no report; is the runner's image of this version?" in _ready(server)["message"]


def test_figures_that_are_the_same_to_a_person_are_written_every_fifth_time() -> None:
    server, operator = _started()
    _probed(server, operator, report())
    written = []
    for number in range(12):
        before = server.status_writes
        _probed(server, operator, report(latency=12_000 + 100 * number))
        written.append(server.status_writes - before)
    assert sum(written) == 2, written
    assert sum(server.created.values()) == 13
    assert len(server.jobs) == 1


def test_a_connection_in_good_health_costs_two_writes_a_probe_and_one_more_every_fifth() -> None:
    server, operator = _started()
    _probed(server, operator, report())
    before = server.writes
    for _ in range(10):
        _probed(server, operator, report())
    assert server.writes - before == 10 * 2 + 2


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"latency": 40_000}, "latency 40.0 ms"),
        ({"clock_skew_microseconds": -90_000}, "clock skew -90.0 ms"),
        ({"credentials": CredentialsState.ACCEPTED}, "credentials accepted"),
    ],
)
def test_what_a_person_would_call_another_figure_is_written_at_once(others: dict[str, Any], message: str) -> None:
    server, operator = _started()
    _probed(server, operator, report())
    _probed(server, operator, report(**others))
    assert message in _ready(server)["message"]


def test_failures_make_the_distance_grow_up_to_a_limit() -> None:
    server, operator = _started()
    distances = []
    for _ in range(7):
        _probed(server, operator, report(ProbeOutcome.ENDPOINT_UNREACHABLE))
        (job,) = server.jobs.values()
        assert operator.look_again_at is not None
        distances.append((operator.look_again_at - parse_rfc3339(job["metadata"]["creationTimestamp"])).seconds)
    assert distances == [60, 120, 240, 480, 600, 600, 600]
    assert server.status["failures"] == 7


def test_a_broker_that_limits_is_left_alone_and_it_is_said_until_when() -> None:
    server, operator = _started()
    _probed(server, operator, report(ProbeOutcome.RATE_LIMITED, retry_after_seconds=7_200))
    until = rfc3339(server.now + timedelta(seconds=7_200))
    assert server.status["notBefore"] == until
    assert f"the broker is asked again at {until}" in _ready(server)["message"]
    assert operator.look_again_at == parse_rfc3339(until)
    _probed(server, operator, report())
    assert "notBefore" not in server.status


def test_another_spec_is_tried_at_once_and_forgets_what_the_old_one_did() -> None:
    server, operator = _started()
    _probed(server, operator, report(ProbeOutcome.RATE_LIMITED, retry_after_seconds=7_200))
    server.change_spec(market="UsdMargined")
    operator.settle()
    assert _ready(server)["reason"] == "Probing"
    assert "latencyMilliseconds" not in server.status
    (name,) = server.jobs
    assert read_probe_name(name) == ProbeName(2, int(server.now.timestamp()) // 60)


def test_suspended_it_is_idle_and_has_no_probe() -> None:
    server, operator = _started()
    server.change_spec(suspend=True)
    operator.settle()
    assert _ready(server)["reason"] == "Suspended"
    assert set(_standing(server).values()) == {"False"}
    assert server.jobs == {}
    assert operator.look_again_at is None
    server.change_spec(suspend=False)
    operator.settle()
    assert len(server.jobs) == 1


def test_a_spec_that_cannot_be_read_is_stalled_and_names_the_field() -> None:
    server, operator = _started()
    server.change_spec(market="Options")
    operator.settle()
    assert _standing(server)["Stalled"] == "True"
    assert (_ready(server)["reason"], "spec.market" in _ready(server)["message"]) == ("InvalidSpec", True)


def test_a_status_that_cannot_be_read_is_found_again() -> None:
    server, operator = _started()
    _probed(server, operator, report())
    server.connection["status"] = {"failures": "many", "conditions": [{"type": "Ready"}]}
    server.connection["metadata"]["resourceVersion"] = server.bump()
    server.tell()
    operator.settle()
    assert _ready(server)["reason"] == "Connected"


def test_a_refused_job_is_said_and_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    operator = SimulatedOperator(server)

    def refuse(_body: Any) -> Any:
        raise Refused(403, "Forbidden", "exceeded quota: jobs=0")

    monkeypatch.setattr(server, "add_job", refuse)
    operator.settle()
    assert _ready(server)["reason"] == "JobRefused"
    assert "exceeded quota: jobs=0" in _ready(server)["message"]
    monkeypatch.undo()
    operator.wait()
    _probed(server, operator, report())
    assert _ready(server)["reason"] == "Connected"


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(days=1)])
def test_a_clock_that_jumps_neither_ends_a_refusal_nor_draws_it_out(
    monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    server, asked = Server(), []
    operator = SimulatedOperator(server)

    def refuse(body: Any) -> Any:
        asked.append(body)
        raise Refused(403, "Forbidden", "exceeded quota: jobs=0")

    monkeypatch.setattr(server, "add_job", refuse)
    operator.settle()
    before, pause = len(asked), SETTINGS.pace.pod_again_seconds
    server.jump = jump
    server.now += timedelta(seconds=pause - 1)
    operator.reconcile()
    assert len(asked) == before
    assert operator.look_again_at == server.now + jump + timedelta(seconds=1)
    server.now += timedelta(seconds=1)
    operator.reconcile()
    assert len(asked) == before + 1


def test_an_operator_whose_clock_was_set_back_goes_on_probing() -> None:
    server, operator = _started()
    _probed(server, operator, report())
    server.now -= timedelta(hours=5)
    operator.settle()
    (name,) = server.jobs
    assert read_probe_name(name) == ProbeName(1, int(server.now.timestamp()) // 60)
    _probed(server, operator, report())
    assert _ready(server)["reason"] == "Connected"


@pytest.mark.parametrize("change", [{"suspend": True}, {"market": "UsdMargined"}])
def test_who_has_not_seen_the_new_spec_starts_no_probe_of_the_old_one(change: dict[str, Any]) -> None:
    server, operator = _started()
    _probed(server, operator, report())
    server.change_spec(**change)
    server.now += timedelta(seconds=90)
    operator.reconcile()
    assert server.of_another_spec == []
    assert len(server.created) == 1 + ("market" in change)


def test_who_has_not_seen_the_last_probe_asks_for_the_same_one() -> None:
    server, operator = _started()
    _probed(server, operator, report())
    behind = SimulatedOperator(server)
    operator.wait()
    behind.reconcile()
    assert list(server.asked.values()) == [1, 1]


def test_a_ban_outlasts_the_one_who_was_told_of_it() -> None:
    server, operator = _started()
    _probed(server, operator, report(ProbeOutcome.RATE_LIMITED, retry_after_seconds=7_200))
    server.now += timedelta(seconds=3_600)
    SimulatedOperator(server).settle()
    assert len(server.created) == 1
    server.lose_job(*server.jobs)
    SimulatedOperator(server).settle()
    assert len(server.created) == 1, "nor does it end where its probe was removed"


def test_nothing_is_started_before_the_object_is_read_anew() -> None:
    server = Server()
    assert plan(ObservedConnection(server.connection), SETTINGS, server.now).needs[0].fact is Fact.FRESH_RESOURCE
    assert plan(ObservedConnection(server.connection, fresh=True), SETTINGS, server.now).create


def test_a_deleted_connection_wants_nothing() -> None:
    server = Server()
    server.connection["metadata"]["deletionTimestamp"] = rfc3339(server.now)
    wanted = plan(ObservedConnection(server.connection, fresh=True), SETTINGS, server.now)
    assert (wanted.status, wanted.create, wanted.delete) == (None, (), ())


def _job(name: str, created: str, **others: Any) -> ObservedJob:
    defaults: dict[str, Any] = {
        "namespace": NAMESPACE,
        "uid": "j",
        "owner_uid": UID,
        "owner_name": "binance",
        "resource_version": 5,
    }
    return ObservedJob(name=name, created=created, **defaults | others)


def _waiting(status: dict[str, Any] | None = None) -> Any:
    """Return the plan for a connection whose probe's pod finds no node."""
    server = Server()
    server.connection["status"] = status or {}
    name = probe_name("binance", UID, ProbeName(1, int(server.now.timestamp()) // 60))
    job = _job(name, rfc3339(server.now - timedelta(seconds=30)))
    pods = JobPods((PodFacts(f"{name}-x", job.created, "Pending", unschedulable="0/2 nodes are available"),))
    return plan(ObservedConnection(server.connection, {name: job}, pods={name: pods}), SETTINGS, server.now)


def test_why_a_first_probe_does_not_start_is_said() -> None:
    ready = _waiting().status["conditions"][0]
    assert (ready["reason"], "0/2 nodes are available" in ready["message"]) == ("Unschedulable", True)


def test_what_was_found_lately_holds_while_the_next_probe_waits() -> None:
    server, operator = _started()
    _probed(server, operator, report())
    assert _waiting(server.status).status == server.status


def _ended(**pod: Any) -> tuple[str, str]:
    job = _job("binance-1-2", "2026-03-01T12:00:00Z", end=JobEnd.FAILED, reason="DeadlineExceeded", message="too long")
    facts = (PodFacts("p", job.created, "Failed", **pod),) if pod else ()
    verdict = finding_of(job, JobPods(facts)).verdict
    return verdict.reason, verdict.message


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        ({}, "too long"),
        ({"terminated_reason": "OOMKilled", "exit_code": 137}, "ran out of memory"),
        ({"status_reason": "Evicted", "status_message": "low on disk"}, "Evicted: low on disk"),
        ({"exit_code": 2, "termination_message": "no specification"}, "exit code 2: no specification"),
        ({"exit_code": 1, "termination_message": report()}, "exit code 1"),
        ({"exit_code": 0, "termination_message": "{}"}, "DeadlineExceeded: too long"),
    ],
)
def test_a_probe_that_left_no_report_says_how_it_ended(pod: dict[str, Any], words: str) -> None:
    reason, message = _ended(**pod)
    assert reason == "ProbeFailed"
    assert words in message


@given(st.integers(-(2**62), 2**62))
def test_milliseconds_are_the_nearest_tenth(microseconds: int) -> None:
    text = milliseconds(microseconds)
    tenths = int(text.replace(".", ""))
    assert abs(tenths * 100 - microseconds) <= 50
    assert text != "-0.0"


@given(st.integers(0, 10**6), st.integers(10, 3_600))
def test_the_pause_has_a_limit_and_is_never_below_the_interval(failures: int, interval: int) -> None:
    spec = BrokerConnectionSpec(type="Binance", probe={"interval_seconds": interval})
    pause = pause_after(failures, spec, Pace()).total_seconds()
    assert interval <= pause <= max(interval, 600)


@given(
    st.from_regex(r"\A[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?\Z"), st.integers(0, 10**10 - 1), st.integers(0, 10**12 - 1)
)
def test_a_name_is_short_and_says_what_it_is_of(connection: str, generation: int, interval: int) -> None:
    name = probe_name(connection, UID, ProbeName(generation, interval))
    assert len(name) <= 63
    assert read_probe_name(name) == ProbeName(generation, interval)
    assert name != probe_name(connection, "another", ProbeName(generation, interval))


def _pod(**spec: Any) -> dict[str, Any]:
    job = build_probe(METADATA, BrokerConnectionSpec(type="Binance", **spec), "probe-1-2", SETTINGS)
    pod: dict[str, Any] = job["spec"]["template"]["spec"]
    return pod


def test_a_probe_has_no_token_and_no_right() -> None:
    pod = _pod()
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["containers"][0]["resources"]["limits"]["memory"]
    assert "volumes" not in pod


def test_the_secret_is_mounted_as_two_files_and_stands_nowhere_else() -> None:
    pod = _pod(credentials_secret_ref={"name": "keys"})
    (volume,) = pod["volumes"]
    assert volume["secret"]["secretName"] == "keys"
    assert volume["secret"]["optional"] is True
    assert [item["key"] for item in volume["secret"]["items"]] == ["apiKey", "apiSecret"]
    (container,) = pod["containers"]
    assert container["volumeMounts"] == [{"name": "credentials", "mountPath": "/credentials", "readOnly": True}]
    assert "envFrom" not in container
    assert all("valueFrom" not in variable for variable in container["env"])


def test_a_probe_is_told_where_binance_is_reached() -> None:
    (container,) = _pod(market="CoinMargined")["containers"]
    (variable,) = container["env"]
    asked = ProbeSpecification.model_validate_json(variable["value"])
    assert asked.endpoint.rest == "https://dapi.binance.com"
    assert json.loads(variable["value"])["rateLimits"]["weightPerMinute"] == 1_200
