"""What is owed an attestation that was delayed is kept from going before it has it: how long, and nothing else is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_operator.planning.attesting import AttestationEnd
from tradeplane_operator.planning.names import ATTESTATION_FINALIZER, PAYLOAD_FINALIZER
from tradeplane_operator.planning.observed import JobEnd, JobPods, Observed
from tradeplane_operator.planning.paper_names import CLOSING_FINALIZER
from tradeplane_operator.planning.strategy import plan
from tradeplane_operator.planning.times import rfc3339

from tests.unit.operator import replay_planning
from tests.unit.operator import test_replay_attesting_plan as replays
from tests.unit.operator import test_snapshot_attesting_plan as snapshots
from tests.unit.operator.simulation import SETTINGS
from tests.unit.operator.test_attesting_plan import EVIDENCE, LEFT, _done, _ended, _failed, _plan, _pod, _results
from tests.unit.operator.test_strategy_plan import NOW, _condition, _job, _resource

if TYPE_CHECKING:
    from tradeplane_operator.planning.wanted import Plan
    from tradeplane_operator.settings import Evidence

Json = dict[str, Any]
THEIRS = "example.com/theirs"
WAIT = timedelta(seconds=EVIDENCE.deletion_wait_seconds)


def _with(resource: Json, *finalizers: str, deleted: bool = False) -> Json:
    more: Json = {"finalizers": list(finalizers)} | ({"deletionTimestamp": rfc3339(NOW)} if deleted else {})
    return resource | {"metadata": resource["metadata"] | more}


def _owing(**status: Any) -> tuple[Json, str]:
    """Return the status of a Strategy whose newest run is owed an attestation, and the run's name."""
    ended, run = _ended()
    assert ended.status is not None
    return {**ended.status, **status}, run


def _deleted(status: Json, *facts: Any, **seen: Any) -> Plan:
    run = status["latest"]["name"]
    return _plan(
        _with(_resource(status, 2), THEIRS, ATTESTATION_FINALIZER, deleted=True),
        attestations=dict.fromkeys([run], *facts) if facts else {},
        **seen,
    )


@pytest.mark.parametrize("end", [AttestationEnd.UNAVAILABLE, AttestationEnd.REFUSED, AttestationEnd.GOING])
def test_a_strategy_is_kept_once_an_attestation_was_delayed_and_never_before(end: AttestationEnd) -> None:
    status, run = _owing()
    assert _plan(_resource(status)).finalizers is None, "what comes at once costs no write more"
    assert _plan(_resource(status), attestations={run: _done(run)}).finalizers is None
    delayed = _plan(_with(_resource(status), THEIRS), attestations={run: _failed(end)})
    assert delayed.finalizers == (THEIRS, ATTESTATION_FINALIZER)
    kept = _with(_resource(delayed.status), THEIRS, ATTESTATION_FINALIZER)
    assert _plan(kept).finalizers is None, "another operator, who has not tried yet, lets nothing go"
    assert _plan(kept, attestations={run: _done(run)}).finalizers == (THEIRS,)
    assert _plan(kept, None).finalizers == (THEIRS,), "where nothing is attested any more nothing is owed"


def test_what_has_gone_on_for_long_is_not_asked_for_again() -> None:
    status, run = _owing()
    going = _failed(AttestationEnd.GOING, at=NOW - timedelta(days=1))
    assert _plan(_resource(status), attestations={run: going}).attest == ()


def test_one_that_is_deleted_waits_says_for_what_and_goes_once_that_is_recorded() -> None:
    status, run = _owing()
    waits = _deleted(status, _failed())
    assert waits.finalizers is None
    assert waits.owed == {run}
    said = _condition(waits, "Reconciling")
    assert (said["status"], said["reason"]) == ("True", "AttestationOwed")
    for words in (run, "registry.example.com cannot be reached", rfc3339(NOW + WAIT), ATTESTATION_FINALIZER):
        assert words in said["message"]
    assert [run.name for run in _deleted(status).attest] == [run], "by an operator that knows of no attempt"
    done = _deleted(status, _done(run))
    assert done.status is not None
    assert done.status["latest"]["attestation"]
    assert done.finalizers is None, "a Replay that waits for this sees it before it goes"
    assert done.look_again_at == NOW + timedelta(seconds=1)
    assert _deleted(dict(done.status)).finalizers == (THEIRS,)


def test_it_goes_without_once_it_has_waited_as_long_as_the_settings_say() -> None:
    status, run = _owing()
    before = _deleted(status, _failed(), now=NOW + WAIT - timedelta(seconds=1))
    assert (before.finalizers, before.look_again_at) == (None, NOW + WAIT - timedelta(seconds=1) + timedelta(seconds=1))
    over = _deleted(status, _failed(), now=NOW + WAIT)
    assert over.finalizers == (THEIRS,)
    told = over.notices[-1]
    assert (told.type, told.reason) == ("Warning", "AttestationGivenUp")
    assert run in told.message
    assert "registry.example.com cannot be reached" in told.message


@pytest.mark.parametrize(("evidence", "runs"), [(None, True), (EVIDENCE, False)])
def test_one_that_is_owed_nothing_goes_at_once(evidence: Evidence | None, runs: bool) -> None:
    status, _ = _owing()
    there = _with(_resource(status if runs else {}), ATTESTATION_FINALIZER, deleted=True)
    gone = _plan(there, evidence)
    assert (gone.finalizers, gone.status) == ((), None)


def test_a_record_that_cannot_be_read_keeps_nothing_and_is_told() -> None:
    there = _with(_resource({"latest": {"name": 7}}), ATTESTATION_FINALIZER, deleted=True)
    gone = _plan(there)
    assert gone.finalizers == ()
    assert [told.reason for told in gone.notices] == ["AttestationGivenUp"]


def test_a_spec_that_cannot_be_read_keeps_nothing_from_being_attested() -> None:
    status, run = _owing()
    there = _with(_resource(status), ATTESTATION_FINALIZER, deleted=True)
    there["spec"] = {"algorithm": 7}
    assert [one.name for one in _plan(there).attest] == [run]


def test_a_deletion_stops_what_goes_on_and_starts_nothing() -> None:
    status, run = _owing()
    goes_on = status["latest"] | {"name": "macd-on", "outcome": "Running"}
    waits = status["latest"] | {"name": "macd-waits", "outcome": "Pending"}
    for each in (goes_on, waits):
        del each["manifestDigest"]
    job = _job("macd-on")
    wanted = _deleted(
        {**status, "latest": waits, "history": [goes_on, status["latest"]]},
        jobs={job.name: job},
        pods={job.name: JobPods(())},
        fresh=True,
    )
    assert wanted.status is not None
    runs = [wanted.status["latest"], *wanted.status["history"]]
    assert [one["outcome"] for one in runs] == ["Cancelled", "Cancelled", "Succeeded"]
    assert (wanted.create, wanted.holds) == ((), ())
    assert wanted.owed == {run}
    assert wanted.awaits_confirmation, "its Job goes once the record of that was seen"
    confirmed = _deleted(dict(wanted.status), jobs={job.name: job}, confirmed=True)
    assert confirmed.delete == ("macd-on",)


def test_what_had_succeeded_when_it_was_deleted_is_attested_too() -> None:
    status, run = _owing()
    goes_on = status["latest"] | {"name": "macd-on", "outcome": "Running"}
    del goes_on["manifestDigest"]
    job = _job("macd-on", end=JobEnd.COMPLETE, end_time=rfc3339(NOW))
    seen: Json = {
        "jobs": {job.name: job},
        "results": {job.name: _results(goes_on)},
        "pods": {job.name: JobPods((_pod(LEFT),))},
    }
    wanted = _deleted({**status, "latest": goes_on, "history": [status["latest"]]}, **seen)
    assert wanted.owed == {run, "macd-on"}


def test_a_session_is_closed_first_and_attestations_keep_it_after_that() -> None:
    status, _ = _owing()
    both = _with(_resource(status), CLOSING_FINALIZER, ATTESTATION_FINALIZER, deleted=True)
    closed = plan(Observed(resource=both), SETTINGS.model_copy(update={"evidence": EVIDENCE}), NOW)
    assert closed.finalizers == (ATTESTATION_FINALIZER,)


def _replay(*verdicts: Any, attested: bool = True) -> tuple[Json, str]:
    """Return a Replay whose replays have ended, and the name that its attestation goes by."""
    strategy = replays.ATTESTED if attested else replay_planning.STRATEGY
    _, of = replays._judged(*(verdicts or (replay_planning.EXACT, replay_planning.EXACT)), strategy=strategy)
    return of, replay_planning.names(of)[0]


def test_a_replay_is_kept_once_its_attestation_was_delayed_and_never_before() -> None:
    of, name = _replay()
    assert replays._plan(of).finalizers is None
    delayed = replays._plan(of, attestations={name: replays.DOWN})
    assert delayed.finalizers == (ATTESTATION_FINALIZER,)
    kept = _with(of, ATTESTATION_FINALIZER)
    assert replays._plan(kept).finalizers is None
    assert replays._plan(kept, attestations={name: replays.DONE}).finalizers == ()
    waits, _ = _replay(attested=False)
    assert replays._plan(waits, replay_planning.STRATEGY).finalizers == (ATTESTATION_FINALIZER,), "its run's is delayed"


def test_a_replay_that_is_deleted_waits_for_its_attestation_and_no_longer_than_it_may() -> None:
    of, name = _replay()
    going = _with(of, THEIRS, ATTESTATION_FINALIZER, deleted=True)
    asked = replays._plan(going)
    assert asked.attest_replays is not None
    assert asked.finalizers is None
    waits = replays._plan(going, attestations={name: replays.DOWN})
    assert waits.finalizers is None
    assert waits.owed == {name}
    said = replay_planning.condition(waits, "Ready")
    assert said["reason"] == "AttestationOwed"
    assert "registry.example.com cannot be reached" in said["message"]
    over = replays._plan(going, attestations={name: replays.DOWN}, now=NOW + WAIT)
    assert over.finalizers == (THEIRS,)
    assert over.notices[-1].reason == "AttestationGivenUp"
    done = replays._plan(going, attestations={name: replays.DONE})
    assert done.status is not None
    assert done.status["attestation"]["reference"] == replays.REFERENCE
    assert done.finalizers == (THEIRS,)


@pytest.mark.parametrize("why", ["nothing is attested", "its run is gone", "it is attested"])
def test_a_replay_that_is_owed_nothing_goes_at_once(why: str) -> None:
    of, name = _replay(attested=why != "its run is gone")
    if why == "it is attested":
        of = replays._with(of, replays._plan(of, attestations={name: replays.DONE}))
    going = _with(of, ATTESTATION_FINALIZER, deleted=True)
    evidence = None if why == "nothing is attested" else replays.EVIDENCE
    assert replays._plan(going, None if why == "its run is gone" else replays.ATTESTED, evidence).finalizers == ()


def _snapshot(**spec: Any) -> Json:
    of = snapshots._snapshot()
    of = of | {"spec": of["spec"] | spec}
    return snapshots._with(of, snapshots._plan(of))


def test_a_snapshot_is_kept_once_its_attestation_was_delayed_unless_its_payload_goes_with_it() -> None:
    assert snapshots._plan(_snapshot()).finalizers is None
    assert snapshots._plan(_snapshot(), snapshots.DOWN).finalizers == (ATTESTATION_FINALIZER,)
    kept = _with(_snapshot(), ATTESTATION_FINALIZER)
    assert snapshots._plan(kept, snapshots.DONE).finalizers == ()
    goes_whole = _with(_snapshot(deletionPolicy="Delete"), PAYLOAD_FINALIZER)
    assert snapshots._plan(goes_whole, snapshots.DOWN).finalizers is None


def test_a_snapshot_that_is_deleted_waits_for_its_attestation_and_no_longer_than_it_may() -> None:
    going = _with(_snapshot(), ATTESTATION_FINALIZER, deleted=True)
    waits = snapshots._plan(going, snapshots.DOWN)
    assert waits.finalizers is None
    assert snapshots._condition(waits, "Ready")["reason"] == "AttestationOwed"
    assert snapshots._plan(going).attest_snapshot is not None
    over = snapshots._plan(going, snapshots.DOWN, now=NOW + WAIT)
    assert (over.finalizers, over.notices[-1].reason) == ((), "AttestationGivenUp")
    done = snapshots._plan(going, snapshots.DONE)
    assert done.status is not None
    assert (done.status["attestation"]["key"], done.finalizers) == (snapshots.STATUS.key, ())


@pytest.mark.parametrize("why", ["nothing is attested", "its payload goes with it"])
def test_a_snapshot_that_is_owed_nothing_goes_at_once(why: str) -> None:
    spec = {"deletionPolicy": "Delete"} if "payload" in why else {}
    going = _with(_snapshot(**spec), ATTESTATION_FINALIZER, PAYLOAD_FINALIZER, deleted=True)
    evidence = None if why == "nothing is attested" else snapshots.EVIDENCE
    assert snapshots._plan(going, snapshots.DOWN, evidence=evidence).finalizers == (PAYLOAD_FINALIZER,)
