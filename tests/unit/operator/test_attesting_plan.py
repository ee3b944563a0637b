"""Which runs are attested, when it is tried again, and what a Strategy says of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.attestation import AttestationStatus
from tradeplane_api.run import ExitCode, Outcome, TerminationMessage
from tradeplane_operator.planning.approving import configuration_of
from tradeplane_operator.planning.attesting import AttestationEnd, AttestationFacts, pause
from tradeplane_operator.planning.observed import JobEnd, JobPods, Observed, PodFacts, ResultFacts, ResultState
from tradeplane_operator.planning.strategy import plan
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.planning.wanted import Fact
from tradeplane_operator.settings import BuilderMode, Evidence

from tests.unit.operator.simulation import SETTINGS, SUMMARY, as_asked
from tests.unit.operator.test_strategy_plan import NOW, READY, _condition, _Everything, _job, _resource

if TYPE_CHECKING:
    from tradeplane_operator.planning.wanted import Plan

EVIDENCE = Evidence(registry="registry.example.com/runs", signer="file:/key.pem")
REQUIRED = EVIDENCE.model_copy(update={"required": True})
LATER = NOW + timedelta(hours=1)
LEFT, ELSE = "sha256:" + "8" * 64, "sha256:" + "9" * 64
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def _plan(resource: dict[str, Any], evidence: Evidence | None = EVIDENCE, now: datetime = NOW, **seen: Any) -> Plan:
    settings = SETTINGS.model_copy(update={"evidence": evidence})
    known: dict[str, Any] = {"snapshot": READY, "admitted": _Everything()} | seen
    known["jobs"] = as_asked(resource, known.get("jobs", {}))
    return plan(Observed(resource=resource, **known), settings, now)


def _asked(wanted: Plan) -> tuple[str, ...]:
    """Return the names of the runs that are to be attested."""
    return tuple(run.name for run in wanted.attest)


def _pod(left: str | None, exit_code: int = 0, words: str | None = None) -> PodFacts:
    """Return a pod whose container said at its end which manifest it left, or in words something else."""
    said = TerminationMessage(exit_code=ExitCode(exit_code), manifest_digest=left).model_dump_json(by_alias=True)
    told = said if words is None else words
    phase = "Failed" if exit_code else "Succeeded"
    return PodFacts("macd-x", rfc3339(NOW), phase, exit_code=exit_code, termination_message=told)


def _results(run: Any) -> ResultFacts:
    """Return what lies in the store of a run, by its record, that left its manifest there."""
    result = "sha256:" + "7" * 64
    return ResultFacts(
        ResultState.FOUND, run_digest=run["runDigest"], result_digest=result, manifest_digest=LEFT, summary=SUMMARY
    )


def _ended(evidence: Evidence | None = EVIDENCE, before: Any = None, **spec: Any) -> tuple[Plan, str]:
    """Return the plan that records the end of a run, and the run's name."""
    started = _plan(_resource(before, **spec), evidence)
    assert started.status is not None
    latest = started.status["latest"]
    found = _results(latest)
    job = _job(latest["name"], end=JobEnd.COMPLETE, end_time=rfc3339(NOW))
    pods = JobPods((_pod(LEFT),))
    seen: dict[str, Any] = {"jobs": {job.name: job}, "results": {job.name: found}, "pods": {job.name: pods}}
    return _plan(_resource(started.status, **spec), evidence, **seen), job.name


def _attested(run: str) -> AttestationStatus:
    return AttestationStatus(
        reference=f"registry.example.com/runs/research/macd@sha256:{'a' * 64}",
        attestation="sha256:" + "b" * 64,
        key="sha256:" + "c" * 64,
        time=rfc3339(NOW),
    )


def _attested_keylessly(run: str) -> AttestationStatus:
    return _attested(run).model_copy(
        update={"key": None, "identity": "who@example.com", "issuer": "https://example.com"}
    )


def _done(run: str) -> AttestationFacts:
    return AttestationFacts(AttestationEnd.DONE, NOW, attestation=_attested(run))


def _failed(end: AttestationEnd = AttestationEnd.UNAVAILABLE, tries: int = 1, at: datetime = NOW) -> AttestationFacts:
    return AttestationFacts(end, at, tries, "RegistryUnavailable", "registry.example.com cannot be reached")


def _completed(pods: JobPods | None, evidence: Evidence | None = EVIDENCE) -> Plan:
    """Return the plan of a run whose Job has completed, with a manifest in the store and these pods."""
    started = _plan(_resource(), evidence)
    assert started.status is not None
    latest = started.status["latest"]
    found = _results(latest)
    job = _job(latest["name"], end=JobEnd.COMPLETE, end_time=rfc3339(NOW))
    seen: dict[str, Any] = {"jobs": {job.name: job}, "results": {job.name: found}}
    return _plan(_resource(started.status), evidence, **seen, pods={} if pods is None else {job.name: pods})


def test_what_a_pod_left_is_asked_before_results_are_taken_that_are_to_be_attested() -> None:
    assert [need.fact for need in _completed(None).needs] == [Fact.PODS]
    assert _condition(_completed(None, evidence=None))["reason"] == "Succeeded", "where nothing is signed"


@pytest.mark.parametrize(
    ("pods", "reason"),
    [
        ([_pod(ELSE)], "ResultsReplaced"),
        ([_pod(ELSE), _pod(ELSE)], "ResultsReplaced"),
        ([_pod(LEFT, exit_code=1), _pod(ELSE)], "ResultsReplaced"),
        ([_pod(LEFT, exit_code=1)], "ResultsUnvouched"),
        ([_pod(None)], "ResultsUnvouched"),
        ([_pod(None, words=LEFT)], "ResultsUnvouched"),
        ([], "ResultsUnvouched"),
    ],
)
def test_a_manifest_that_no_pod_of_the_job_left_is_not_taken(pods: list[PodFacts], reason: str) -> None:
    wanted = _completed(JobPods(tuple(pods)))
    assert wanted.status is not None
    assert _condition(wanted, "Stalled")["reason"] == reason
    assert _asked(wanted) == ()
    assert "manifestDigest" not in wanted.status["latest"]


def test_one_pod_of_several_that_left_it_will_do() -> None:
    assert _asked(_completed(JobPods((_pod(None, exit_code=1, words="killed"), _pod(LEFT))))) != ()


def test_a_run_is_attested_with_the_record_of_its_end() -> None:
    ended, run = _ended()
    assert ended.status is not None
    assert ended.status["latest"]["jobUid"] == f"{run}-uid"
    assert _asked(ended) == (run,), "what follows the write of this status"
    assert ended.owed == frozenset({run})
    assert _condition(ended, "Attested")["status"] == "False"
    assert _condition(ended, "Attested")["reason"] == "Attesting"
    recorded = _plan(_resource(ended.status))
    assert _asked(recorded) == (run,)


def test_which_spec_was_run_is_recorded_as_the_ledger_has_it() -> None:
    first = _plan(_resource())
    assert first.status is not None
    assert first.status["latest"]["configuration"] == configuration_of(_resource()["spec"])
    again = _plan(_resource(first.status, 2, rerun=1), fresh=True)
    assert again.status is not None
    newest, before = again.status["latest"], again.status["history"][0]
    assert newest["configuration"] == configuration_of(_resource(rerun=1)["spec"]) != before["configuration"]
    assert before["configuration"] == first.status["latest"]["configuration"], "what was run stays what it was"


def test_who_signed_without_a_key_is_recorded_in_its_place() -> None:
    ended, run = _ended()
    found = AttestationFacts(AttestationEnd.DONE, NOW, attestation=_attested_keylessly(run))
    done = _plan(_resource(ended.status), attestations={run: found})
    assert done.status is not None
    recorded = done.status["latest"]["attestation"]
    assert (recorded["identity"], recorded["issuer"]) == ("who@example.com", "https://example.com")
    assert "key" not in recorded
    again = _plan(_resource(done.status))
    assert (_asked(again), again.owed) == ((), frozenset())


def test_what_was_attested_is_recorded_and_asked_for_no_more() -> None:
    ended, run = _ended()
    done = _plan(_resource(ended.status), attestations={run: _done(run)})
    assert done.status is not None
    assert done.status["latest"]["attestation"] == _attested(run).model_dump(
        mode="json", by_alias=True, exclude_none=True
    )
    assert (_asked(done), done.owed) == ((), frozenset())
    assert (_condition(done, "Attested")["status"], _condition(done, "Attested")["reason"]) == ("True", "Attested")
    again = _plan(_resource(done.status), now=LATER)
    assert (_asked(again), again.status) == ((), done.status)


def test_without_settings_of_it_nothing_is_said_of_evidence() -> None:
    ended, _ = _ended(None)
    assert ended.status is not None
    assert (_asked(ended), ended.owed) == ((), frozenset())
    assert "Attested" not in {one["type"] for one in ended.status["conditions"]}


def test_what_ended_before_there_was_a_registry_is_attested_too() -> None:
    ended, run = _ended(None)
    assert _asked(_plan(_resource(ended.status))) == (run,)


def test_a_run_that_failed_is_not_attested() -> None:
    started = _plan(_resource())
    assert started.status is not None
    run = started.status["latest"]["name"]
    failed = _job(run, end=JobEnd.COMPLETE, end_time=rfc3339(NOW))
    refused = ResultFacts(ResultState.REFUSED, "not what it says")
    ended = _plan(_resource(started.status), jobs={run: failed}, results={run: refused})
    assert ended.status is not None
    assert ended.status["latest"]["outcome"] == Outcome.FAILED.value
    later = _plan(_resource(ended.status))
    assert (_asked(later), later.owed) == ((), frozenset())
    assert _condition(later, "Attested")["status"] == "False"
    assert _condition(later, "Attested")["reason"] == "ResultsRefused"


def test_a_registry_that_is_down_is_tried_again_and_said() -> None:
    ended, run = _ended()
    waits = _plan(_resource(ended.status), attestations={run: _failed()})
    assert _asked(waits) == ()
    assert waits.look_again_at == NOW + timedelta(seconds=EVIDENCE.again_seconds)
    told = _condition(waits, "Attested")
    assert (told["status"], told["reason"]) == ("False", "RegistryUnavailable")
    assert "registry.example.com cannot be reached" in told["message"]
    assert _condition(waits)["status"] == "True", "it is Completed, and no more is asked for"
    due = _plan(_resource(ended.status), now=NOW + timedelta(seconds=5), attestations={run: _failed()})
    assert _asked(due) == (run,)


def test_ready_waits_for_the_attestation_where_policy_asks_for_it() -> None:
    ended, run = _ended(REQUIRED)
    assert _condition(ended)["status"] == "False"
    assert _condition(ended)["reason"] == "Attesting"
    assert _condition(ended, "Completed")["status"] == "True"
    assert _condition(ended, "Reconciling")["status"] == "True"
    waits = _plan(_resource(ended.status), REQUIRED, attestations={run: _failed()})
    assert _condition(waits)["reason"] == "RegistryUnavailable"
    done = _plan(_resource(ended.status), REQUIRED, attestations={run: _done(run)})
    assert (_condition(done)["status"], _condition(done)["reason"]) == ("True", "Succeeded")


def test_what_is_owed_is_not_trimmed_from_the_history() -> None:
    status: Any = None
    runs = []
    for rerun in range(5):
        ended, run = _ended(before=status, rerun=rerun, historyLimit=1)
        status = ended.status
        runs.append(run)
    recorded = _plan(_resource(status, rerun=4, historyLimit=1))
    assert set(_asked(recorded)) == set(runs)
    facts = {run: _done(run) for run in runs}
    done = _plan(_resource(recorded.status, rerun=4, historyLimit=1), attestations=facts)
    assert done.status is not None
    assert len(done.status["history"]) == 1, "what is attested is within its limits again"
    assert (_asked(done), done.owed) == ((), frozenset())


CHANGED = AttestationFacts(
    AttestationEnd.REFUSED, NOW, 1, "ResultsChanged", "file equity.arrow is not what was left", changed=True
)


@pytest.mark.parametrize("required", [False, True])
def test_a_run_whose_files_were_changed_is_given_up_and_says_so(*, required: bool) -> None:
    """The record has it: no restart and no other leader asks for it again, and nothing waits for it in the history."""
    evidence = REQUIRED if required else EVIDENCE
    ended, run = _ended(evidence)
    given_up = _plan(_resource(ended.status), evidence, attestations={run: CHANGED})
    assert given_up.status is not None
    assert given_up.status["latest"]["outcome"] == "Succeeded"
    for now in (NOW, LATER):
        later = _plan(_resource(given_up.status), evidence, now)
        assert (_asked(later), later.owed, later.status) == ((), frozenset(), given_up.status)
    attested = _condition(given_up, "Attested")
    assert (attested["status"], attested["reason"]) == ("False", "ResultsChanged")
    assert f"run {run} is not attested: file equity.arrow is not what was left" in attested["message"]
    assert "raise spec.rerun" in attested["message"]
    assert _condition(given_up, "Stalled")["status"] == ("True" if required else "False")
    assert _condition(given_up)["status"] == ("False" if required else "True")


def test_the_next_run_is_attested_where_one_was_given_up() -> None:
    ended, run = _ended()
    given_up = _plan(_resource(ended.status), attestations={run: CHANGED})
    again, newer = _ended(before=given_up.status, rerun=1)
    assert newer != run
    assert _asked(again) == (newer,)
    assert _condition(again, "Attested")["reason"] == "Attesting"


FILES, OTHER_FILES = "sha256:" + "5" * 64, "sha256:" + "6" * 64


def _left(manifest: str, files: str | None, exit_code: int = 0, **more: str) -> PodFacts:
    said = {"exitCode": exit_code, "manifestDigest": manifest, **({"filesDigest": files} if files else {}), **more}
    return _pod(None, exit_code, json.dumps(said))


@pytest.mark.parametrize(
    ("pods", "recorded"),
    [
        ([_left(LEFT, FILES)], FILES),
        ([_left(LEFT, FILES, more="of a newer runner")], FILES),
        ([_left(ELSE, OTHER_FILES), _left(LEFT, FILES), _left(ELSE, OTHER_FILES)], FILES),
        ([_left(LEFT, FILES), _left(LEFT, OTHER_FILES, exit_code=1)], FILES),
        ([_left(LEFT, None)], None),
    ],
)
def test_what_the_pod_that_left_the_manifest_says_of_its_files_is_recorded(
    pods: list[PodFacts], recorded: str | None
) -> None:
    wanted = _completed(JobPods(tuple(pods)))
    assert wanted.status is not None
    assert wanted.status["latest"]["manifestDigest"] == LEFT
    assert wanted.status["latest"].get("filesDigest") == recorded


@pytest.mark.parametrize(
    ("signer", "scheme"),
    [
        ("file:/etc/key.pem", "file"),
        ("awskms:///alias/tradeplane", "awskms"),
        ("keyless:/etc/trust.json?identity=a:b", "keyless"),
    ],
)
def test_there_is_a_builder_for_each_thing_that_is_attested_and_each_signer(signer: str, scheme: str) -> None:
    evidence = Evidence(registry="registry.example.com/runs", signer=signer)
    builders = {mode: evidence.builder_of(mode) for mode in BuilderMode}
    base = "https://tradeplane.dev/evidence/builders/operator-v1"
    assert builders == {mode: f"{base}/{mode.value}/{scheme}" for mode in BuilderMode}
    named = evidence.model_copy(update={"builder": "https://example.com/builders/ours"})
    assert {named.builder_of(mode) for mode in BuilderMode} == {"https://example.com/builders/ours"}


@given(tries=st.integers(1, 10_000), end=st.sampled_from([AttestationEnd.UNAVAILABLE, AttestationEnd.REFUSED]))
def test_pauses_grow_to_their_limit_and_never_end(tries: int, end: AttestationEnd) -> None:
    found = pause(_failed(end, tries), EVIDENCE)
    assert timedelta(seconds=EVIDENCE.again_seconds) <= found <= timedelta(seconds=EVIDENCE.most_seconds)
    if end is AttestationEnd.UNAVAILABLE and tries > 1:
        assert found >= pause(_failed(end, tries - 1), EVIDENCE)


@given(
    ends=st.lists(st.sampled_from([None, *AttestationEnd, "Changed"]), min_size=3, max_size=3),
    late=st.booleans(),
    stale=st.booleans(),
)
def test_nothing_is_called_attested_that_is_not(ends: list[Any], late: bool, stale: bool) -> None:
    """Whatever is known of three runs: recorded is what was done, asked for is what is due, and none is both."""
    status: Any = None
    runs = []
    for rerun in range(3):
        ended, run = _ended(before=status, rerun=rerun)
        status = ended.status
        runs.append(run)
    facts, changed = {}, set()
    for run, end in zip(runs, ends, strict=True):
        if end is AttestationEnd.DONE:
            facts[run] = _done(run)
        elif end == "Changed":
            facts[run] = CHANGED
            changed |= set() if stale else {run}
        elif end is not None:
            facts[run] = _failed(end, at=NOW if not late else LONG_AGO)
    found = _plan(_resource(status, rerun=2), attestations={} if stale else facts)
    assert found.status is not None
    recorded = {run["name"] for run in [found.status["latest"], *found.status["history"]] if "attestation" in run}
    done = set() if stale else {run for run in runs if facts.get(run) == _done(run)}
    going = set() if stale else {run for run, one in facts.items() if one.end is AttestationEnd.GOING}
    due = set(runs) - done - changed - going if stale or late else {run for run in runs if run not in facts}
    assert recorded == done
    assert set(_asked(found)) == due
    assert found.owed == frozenset(runs) - done - changed


@pytest.mark.parametrize(
    "changes",
    [
        {"signer": "https://kms.example.com"},
        {"signer": "file:key.pem"},
        {"registry": "https://registry.example.com"},
        {"registry": "registry.example.com/Runs"},
        {"at_once": 0},
        {"again_seconds": 0},
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        Evidence.model_validate({"registry": "r.example.com/x", "signer": "file:/key.pem"} | changes)


def test_the_second_pause_is_twice_the_first() -> None:
    found = _failed()
    assert pause(replace(found, tries=2), EVIDENCE) == 2 * pause(found, EVIDENCE)
