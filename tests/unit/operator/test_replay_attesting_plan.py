"""Which replays are attested, what they wait for, and what a Replay says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.attestation import AttestationStatus
from tradeplane_api.run import ExitCode, Outcome, TerminationMessage
from tradeplane_api.simulation import Simulation
from tradeplane_operator.planning.attesting import AttestationEnd, AttestationFacts
from tradeplane_operator.planning.observed import (
    JobEnd,
    JobPods,
    Observed,
    PodFacts,
    ReplayFacts,
    ResultFacts,
    ResultState,
)
from tradeplane_operator.planning.replay import ObservedReplay, plan
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.running.replays import view
from tradeplane_operator.settings import Evidence

from tests.unit.operator.replay_planning import (
    DIVERGED,
    EXACT,
    NEWEST,
    NOW,
    OLDER,
    OTHER,
    RESULT,
    SESSION,
    SESSION_FOUND,
    STRATEGY,
    UNJUDGED,
    WHAT_IF,
    WITHIN,
    Everything,
    condition,
    job,
    names,
    of_session,
    ready,
    resource,
)
from tests.unit.operator.simulation import SETTINGS, as_asked

if TYPE_CHECKING:
    from datetime import datetime

    from tradeplane_api.parity import Verdict
    from tradeplane_operator.planning.replay_pins import StrategyView
    from tradeplane_operator.planning.wanted import Plan

EVIDENCE = Evidence(registry="registry.example.com/runs", signer="file:/key.pem")
REQUIRED = EVIDENCE.model_copy(update={"required": True})
REFERENCE = f"registry.example.com/runs/research/macd@sha256:{'a' * 64}"
ATTESTED = replace(STRATEGY, finished=(replace(NEWEST, reference=REFERENCE), OLDER))
STATUS = AttestationStatus(
    reference=REFERENCE, attestation="sha256:" + "b" * 64, key="sha256:" + "c" * 64, time=rfc3339(NOW)
)
DECIDES = Simulation.model_validate({"algorithm": {"name": "hold"}, "capital": "5"}).model_dump_json(exclude_none=True)
DONE = AttestationFacts(AttestationEnd.DONE, NOW, attestation=STATUS)
DOWN = AttestationFacts(
    AttestationEnd.UNAVAILABLE, NOW, 1, "RegistryUnavailable", "registry.example.com cannot be reached"
)
REFUSED = replace(DOWN, end=AttestationEnd.REFUSED, reason="AttestationRefused")


def _plan(
    of: dict[str, Any],
    strategy: StrategyView | None = ATTESTED,
    evidence: Evidence | None = EVIDENCE,
    now: datetime = NOW,
    **seen: Any,
) -> Plan:
    left = seen.pop("left", {})
    defaults: dict[str, Any] = {"admitted": Everything(), "snapshot": SESSION}
    seen["jobs"] = as_asked(of, seen.get("jobs", {}))
    cluster = Observed(resource=of, **(defaults | seen))
    settings = SETTINGS.model_copy(update={"evidence": evidence})
    return plan(ObservedReplay(cluster, strategy, left, SESSION_FOUND), settings, now)


def _with(of: dict[str, Any], wanted: Plan) -> dict[str, Any]:
    """Return a Replay with the status of a plan."""
    return {**of, "status": wanted.status}


def _ends(of: dict[str, Any], verdicts: list[Verdict], **seen: Any) -> dict[str, Any]:
    """Return what a plan sees once so many Jobs have ended, and the others go on."""
    found = dict(zip(names(of), verdicts, strict=False))
    facts = {
        name: ResultFacts(ResultState.FOUND, result_digest=RESULT if one.exact else OTHER, manifest_digest=OTHER)
        for name, one in found.items()
    }
    jobs = {name: job(name, JobEnd.COMPLETE if name in found else None) for name in names(of)}
    left = {name: ReplayFacts(facts[name], one) for name, one in found.items()}
    pods = {name: JobPods((_pod(OTHER),)) for name in found}
    return {"jobs": jobs, "results": facts, "left": left, "pods": pods} | seen


def _pod(manifest: str) -> PodFacts:
    """Return a pod that said at its end which record it left."""
    said = TerminationMessage(exit_code=ExitCode.OK, manifest_digest=manifest).model_dump_json(by_alias=True)
    return PodFacts("again-x", rfc3339(NOW), "Succeeded", exit_code=0, termination_message=said)


def _judged(
    *verdicts: Verdict, strategy: StrategyView | None = ATTESTED, evidence: Evidence | None = EVIDENCE, **spec: Any
) -> tuple[Plan, dict[str, Any]]:
    """Return the plan that records how all replays ended, and the Replay with its status."""
    of = resource(**spec)
    of = _with(of, _plan(of, strategy, evidence))
    wanted = _plan(of, strategy, evidence, **_ends(of, list(verdicts)))
    return wanted, _with(of, wanted)


def _attested(wanted: Plan) -> tuple[str, str]:
    told = condition(wanted, "Attested")
    return told["status"], told["reason"]


def test_replays_that_were_judged_are_attested_with_the_record_of_their_end() -> None:
    wanted, of = _judged(EXACT, EXACT)
    assert wanted.attest_replays is not None
    assert wanted.attest_replays.name == names(of)[0]
    assert wanted.attest_replays.pinned.reference == REFERENCE
    assert [each.verdict for each in wanted.attest_replays.replays] == [EXACT, EXACT]
    assert wanted.owed == {names(of)[0]}
    assert _attested(wanted) == ("False", "Attesting")
    assert ready(wanted) == ("True", "Exact"), "no more is asked for"
    recorded = _plan(of)
    assert recorded.attest_replays == wanted.attest_replays


def test_what_was_attested_is_recorded_and_asked_for_no_more() -> None:
    _, of = _judged(EXACT, EXACT)
    done = _plan(of, attestations={names(of)[0]: DONE})
    assert done.status is not None
    assert done.status["attestation"] == STATUS.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert (_attested(done), done.attest_replays, done.owed) == (("True", "Attested"), None, frozenset())
    again = _plan(_with(of, done), strategy=None, now=NOW + timedelta(hours=1))
    assert (again.status, again.attest_replays, again.owed) == (done.status, None, frozenset())


def test_a_record_that_no_pod_of_the_replay_left_is_not_attested() -> None:
    """All pods of a namespace can write where records lie; what its own pod left is said by the kubelet."""
    of = resource()
    of = _with(of, _plan(of))
    ended = _ends(of, [EXACT, EXACT])
    forged = {name: JobPods((_pod(RESULT),)) for name in ended["pods"]}
    wanted = _plan(of, **(ended | {"pods": forged}))
    assert wanted.attest_replays is None
    assert wanted.status is not None
    assert {each["outcome"] for each in wanted.status["replays"]} == {Outcome.FAILED.value}
    assert all(each["message"].startswith("ResultsReplaced: ") for each in wanted.status["replays"])


def test_one_that_differs_is_attested_as_well() -> None:
    wanted, of = _judged(EXACT, DIVERGED)
    assert wanted.attest_replays is not None
    assert ready(wanted) == ("False", "Diverged")
    done = _plan(of, attestations={names(of)[0]: DONE})
    assert _attested(done) == ("True", "Attested")
    assert ready(done) == ("False", "Diverged")


def test_nothing_is_attested_while_one_has_not_ended() -> None:
    of = resource()
    of = _with(of, _plan(of))
    wanted = _plan(of, **_ends(of, [DIVERGED]))
    assert ready(wanted) == ("False", "Diverged"), "that is told at once"
    assert wanted.attest_replays is None
    assert _attested(wanted) == ("False", "NotJudged")


@pytest.mark.parametrize("outcome", ["Failed", "Cancelled"])
def test_nothing_is_attested_where_one_came_to_no_verdict(outcome: str) -> None:
    _, of = _judged(EXACT, DIVERGED)
    (_, last) = of["status"]["replays"]
    del last["verdict"]
    last["outcome"] = outcome
    wanted = _plan(of)
    assert (wanted.attest_replays, wanted.owed) == (None, frozenset())
    assert _attested(wanted) == ("False", "NotJudged")


def test_it_waits_for_the_attestation_of_the_run() -> None:
    wanted, of = _judged(EXACT, EXACT, strategy=STRATEGY, evidence=REQUIRED)
    assert wanted.attest_replays is None
    assert _attested(wanted) == ("False", "RunNotAttested")
    assert ready(wanted) == ("False", "RunNotAttested")
    assert "reference" not in of["status"]["pinned"]
    found = _plan(of, ATTESTED, REQUIRED)
    assert found.attest_replays is not None
    assert found.status is not None
    assert found.status["pinned"]["reference"] == REFERENCE
    assert ready(found) == ("False", "Attesting")
    done = _plan(_with(of, found), None, REQUIRED, attestations={names(of)[0]: DONE})
    assert ready(done) == ("True", "Exact")


def test_what_is_known_of_the_run_is_kept_after_it_left_the_status_of_its_strategy() -> None:
    of = resource()
    of = _with(of, _plan(of))
    assert of["status"]["pinned"]["reference"] == REFERENCE
    wanted = _plan(of, replace(STRATEGY, finished=()), **_ends(of, [EXACT, EXACT]))
    assert wanted.attest_replays is not None


@pytest.mark.parametrize("strategy", [None, replace(STRATEGY, finished=(OLDER,))])
def test_a_run_that_is_gone_and_was_not_attested_is_said(strategy: StrategyView | None) -> None:
    _, of = _judged(EXACT, EXACT, strategy=STRATEGY, evidence=REQUIRED)
    wanted = _plan(of, strategy, REQUIRED)
    assert (_attested(wanted), wanted.owed) == (("False", "RunGone"), frozenset())
    assert condition(wanted, "Stalled")["status"] == "True"


def test_a_run_of_the_same_name_with_other_results_is_another() -> None:
    other = replace(NEWEST, manifest_digest=OTHER, reference=REFERENCE)
    _, of = _judged(EXACT, EXACT, strategy=STRATEGY)
    wanted = _plan(of, replace(STRATEGY, finished=(other,)))
    assert wanted.attest_replays is None


def test_a_registry_that_is_down_is_tried_again_and_said() -> None:
    _, of = _judged(EXACT, WITHIN, parity="Tolerance", tolerance={"pnl": "1"})
    waits = _plan(of, attestations={names(of)[0]: DOWN})
    assert (waits.attest_replays, waits.look_again_at) == (None, NOW + timedelta(seconds=EVIDENCE.again_seconds))
    assert _attested(waits) == ("False", "RegistryUnavailable")
    assert "registry.example.com cannot be reached" in condition(waits, "Attested")["message"]
    due = _plan(of, now=NOW + timedelta(seconds=5), attestations={names(of)[0]: DOWN})
    assert due.attest_replays is not None
    seldom = _plan(of, now=NOW + timedelta(seconds=5), attestations={names(of)[0]: REFUSED})
    assert seldom.attest_replays is None


def test_replays_that_are_asked_for_anew_are_attested_anew() -> None:
    _, of = _judged(EXACT, EXACT)
    of = _with(of, _plan(of, attestations={names(of)[0]: DONE}))
    again = resource(of["status"], generation=2, rerun=1)
    wanted = _plan(again)
    assert wanted.status is not None
    assert "attestation" not in wanted.status
    assert _attested(wanted) == ("False", "NotJudged")
    again = _with(again, wanted)
    wanted = _plan(again, **_ends(again, [EXACT, EXACT]), attestations={names(of)[0]: DONE})
    assert wanted.attest_replays is not None, "what is known of others says nothing of these"


@pytest.mark.parametrize(
    ("spec", "verdict"),
    [
        ({"whatIf": {"parameters": {"fast": 3}}}, WHAT_IF),
        ({"baseline": {"run": OLDER.name}}, EXACT),
        ({}, UNJUDGED),
    ],
)
def test_what_is_no_test_of_the_run_is_not_attested_and_holds_nothing_up(
    spec: dict[str, Any], verdict: Verdict
) -> None:
    with_evidence, _ = _judged(verdict, verdict, evidence=REQUIRED, **spec)
    without, _ = _judged(verdict, verdict, evidence=None, **spec)
    assert (with_evidence.attest_replays, with_evidence.owed) == (None, frozenset())
    assert _attested(with_evidence) == ("Unknown", "NothingToAttest")
    assert ready(with_evidence) == ready(without)


def _session_judged(*verdicts: Verdict, **spec: Any) -> tuple[Plan, dict[str, Any]]:
    """Return the plan that records how all replays of a session ended, and the Replay with its status."""
    of = of_session(**spec)
    of = _with(of, _plan(of, evidence=REQUIRED))
    wanted = _plan(of, evidence=REQUIRED, **_ends(of, list(verdicts)))
    return wanted, _with(of, wanted)


def test_replays_of_a_session_are_attested_and_wait_for_no_run() -> None:
    wanted, of = _session_judged(EXACT, DIVERGED)
    assert wanted.attest_replays is not None
    assert wanted.attest_replays.name == names(of)[0]
    assert wanted.owed == {names(of)[0]}
    assert wanted.attest_replays.pinned.session == SESSION.digest
    assert _attested(wanted) == ("False", "Attesting")
    assert f"session {SESSION.digest}" in condition(wanted, "Attested")["message"]
    done = _plan(of, None, REQUIRED, attestations={names(of)[0]: DONE})
    assert done.status is not None
    assert (_attested(done), done.status["attestation"]["reference"]) == (("True", "Attested"), REFERENCE)
    assert ready(done) == ("False", "Diverged")


def test_a_session_is_ready_once_it_is_attested_where_that_is_required() -> None:
    wanted, of = _session_judged(EXACT, EXACT)
    assert ready(wanted) == ("False", "Attesting")
    waits = _plan(of, None, REQUIRED, attestations={names(of)[0]: DOWN})
    assert (ready(waits), waits.attest_replays) == (("False", "RegistryUnavailable"), None)
    done = _plan(of, None, REQUIRED, attestations={names(of)[0]: DONE})
    assert ready(done) == ("True", "Exact")


@pytest.mark.parametrize(
    ("spec", "verdict"),
    [
        ({"strategyRef": {"name": "macd"}}, EXACT),
        ({"whatIf": {"parameters": {"fast": 3}}}, WHAT_IF),
        ({}, UNJUDGED),
    ],
)
def test_what_is_no_test_of_a_session_is_not_attested_and_holds_nothing_up(
    spec: dict[str, Any], verdict: Verdict
) -> None:
    of = of_session(**spec)
    strategy = replace(ATTESTED, simulation=DECIDES)
    of = _with(of, _plan(of, strategy, REQUIRED))
    wanted = _plan(of, strategy, REQUIRED, **_ends(of, [verdict, verdict]))
    without = _plan(of, strategy, None, **_ends(of, [verdict, verdict]))
    assert (wanted.attest_replays, wanted.owed) == (None, frozenset())
    assert _attested(wanted) == ("Unknown", "NothingToAttest")
    assert ready(wanted) == ready(without)


def test_without_settings_of_it_nothing_is_said_of_evidence() -> None:
    wanted, of = _judged(EXACT, EXACT, evidence=None)
    assert wanted.attest_replays is None
    assert "Attested" not in {each["type"] for each in of["status"]["conditions"]}
    assert _plan(of).attest_replays is not None, "what ended before there was a registry is attested too"


@given(
    verdicts=st.lists(st.sampled_from([EXACT, WITHIN, DIVERGED]), min_size=2, max_size=2),
    end=st.sampled_from([None, *AttestationEnd]),
    knows=st.sampled_from([ATTESTED, STRATEGY, None]),
    required=st.booleans(),
    late=st.booleans(),
)
def test_nothing_is_called_attested_that_is_not(
    verdicts: list[Verdict], end: AttestationEnd | None, knows: StrategyView | None, required: bool, late: bool
) -> None:
    evidence = REQUIRED if required else EVIDENCE
    spec = {"parity": "Tolerance", "tolerance": {"pnl": "1"}}
    _, of = _judged(*verdicts, strategy=STRATEGY, evidence=evidence, **spec)
    known = {None: None, AttestationEnd.DONE: DONE, AttestationEnd.REFUSED: REFUSED}.get(end, DOWN)
    facts = {} if known is None else {names(of)[0]: known}
    now = NOW + timedelta(days=1) if late else NOW
    found = _plan(of, knows, evidence, now, attestations=facts)
    assert found.status is not None
    done = knows is ATTESTED and end is AttestationEnd.DONE
    assert (condition(found, "Attested")["status"] == "True") == done == ("attestation" in found.status)
    assert (found.attest_replays is not None) == (knows is ATTESTED and not done and (late or end is None))
    if required and not done:
        assert condition(found, "Ready")["status"] == "False"


def test_the_view_of_a_strategy_has_where_its_runs_are_attested() -> None:
    run = {"name": "macd-2", "outcome": "Succeeded", "manifestDigest": "m", "resultDigest": "r", "image": "i"}
    strategy = {"spec": {}, "status": {"latest": run | {"attestation": {"reference": REFERENCE}}, "history": [run]}}
    assert [each.reference for each in view(strategy).finished] == [REFERENCE, ""]
