"""What a Replay is of: waited for while it may come, refused where it cannot, and pinned once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tradeplane_api.parity import Baseline, ReplaySpecification
from tradeplane_api.replay import PinnedBaseline, ReplaySpec
from tradeplane_api.run import MAX_SPECIFICATION_BYTES
from tradeplane_api.strategy import StrategySpec
from tradeplane_operator.planning.observed import JobEnd, JobPods, PodFacts, ResultFacts, ResultState, SnapshotView
from tradeplane_operator.planning.replay_jobs import specification_of
from tradeplane_operator.planning.replay_pins import StrategyView, asked_digest, simulation_of
from tradeplane_operator.planning.snapshot import SnapshotFacts, SnapshotState
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.planning.wanted import Fact, Need
from tradeplane_operator.running.replays import view

from tests.unit.operator.replay_planning import (
    IMAGE,
    MANIFEST,
    NEWEST,
    NOW,
    OLDER,
    OTHER,
    SESSION,
    SESSION_FOUND,
    STRATEGY,
    condition,
    job,
    names,
    of_session,
    planned,
    ready,
    resource,
    session_started,
    started,
    told,
)
from tests.unit.operator.simulation import SETTINGS

QUOTING = StrategySpec.model_validate(
    {"algorithm": {"name": "hold", "parameters": {"quantity": "2"}}, "capital": "5", "snapshotRef": {"name": "prices"}}
)
DECIDES = replace(STRATEGY, simulation=simulation_of(QUOTING))


def _failed(status: Any, said: str, exit_code: int) -> Any:
    """Return the plan once the one Job of a Replay has failed with some words."""
    (name,) = names(status)
    pods = JobPods((PodFacts("x", rfc3339(NOW), "Failed", exit_code=exit_code, termination_message=said),))
    return planned(status, jobs={name: job(name, JobEnd.FAILED)}, pods={name: pods})


# Literal digests: asked_digest of commit d013a79, before there were fields to leave out, gave these of these specs.
@pytest.mark.parametrize(
    ("spec", "digest"),
    [
        ({}, "sha256:b767e46dfcf5d9b8a324432aeb85095439e91f14e9a8d945d80230ad39c49ea4"),
        (
            {
                "run": "macd-1",
                "architectures": ["arm64"],
                "repeats": 3,
                "parity": "Exact",
                "image": IMAGE,
                "resources": {"requests": {"cpu": "1", "memory": "512Mi"}},
                "activeDeadlineSeconds": 60,
                "backoffLimit": 0,
                "suspend": True,
                "rerun": 2,
                "ttlSecondsAfterFinished": 5,
            },
            "sha256:84e945001d66f30a31a347a69f6807f4f734d0cb5b51292ead57660180a97cbf",
        ),
    ],
)
def test_an_upgrade_asks_for_nothing_anew(spec: Any, digest: str) -> None:
    assert asked_digest(ReplaySpec.model_validate({"strategyRef": {"name": "macd"}} | spec)) == digest


@pytest.mark.parametrize(
    "change",
    [
        {"snapshotRef": {"name": "quoting-1"}},
        {"baseline": {"run": "macd-1"}},
        {"parity": "Tolerance", "tolerance": {}},
        {"whatIf": {"parameters": {"fast": 12}}},
    ],
)
def test_whatever_is_asked_beside_asks_for_something_else(change: Any) -> None:
    asked = {"strategyRef": {"name": "macd"}}
    plain, changed = (asked_digest(ReplaySpec.model_validate(spec)) for spec in (asked, asked | change))
    assert plain != changed


def test_an_exact_replay_of_a_run_is_told_byte_for_byte_what_it_was_before() -> None:
    """The literal is what commit d013a79, before there was a version 2, told the same replay."""
    wanted = planned(resource())
    text = next(
        each["value"]
        for each in wanted.create[0]["spec"]["template"]["spec"]["containers"][0]["env"]
        if each["name"] == "TRADEPLANE_REPLAY"
    )
    before = '{"formatVersion":1,"replay":"%s","baseline":{"run":"macd-2","manifest":"%s"},"image":"%s"}'
    assert text == before % (wanted.create[0]["metadata"]["name"], MANIFEST, IMAGE)


@pytest.mark.parametrize(
    "change",
    [
        {"baseline": {"run": "macd-1"}},
        {"parity": "Tolerance", "tolerance": {"pnl": "0"}},
        {"whatIf": {"parameters": {"fast": None}}},
        {"snapshotRef": {"name": "quoting-1"}, "strategyRef": None},
        {"snapshotRef": {"name": "quoting-1"}},
    ],
)
def test_all_else_is_version_2_which_an_older_image_refuses(change: Any) -> None:
    versions = {each.format_version for each in told(planned(resource(**change), DECIDES))}
    assert versions == {2}


def test_a_session_is_replayed_by_what_it_was_traded_by_with_the_image_of_this_release() -> None:
    wanted = planned(of_session(), None)
    assert wanted.status is not None
    pinned = wanted.status["pinned"]
    assert (pinned["session"], pinned["store"], pinned["image"]) == (SESSION.digest, "default", SETTINGS.images.default)
    assert {"baseline", "against", "simulation", "resultDigest"}.isdisjoint(pinned)
    first, _ = told(wanted)
    assert first == ReplaySpecification(
        format_version=2,
        replay=wanted.create[0]["metadata"]["name"],
        session=SESSION.digest,
        image=SETTINGS.images.default,
    )
    assert ready(wanted) == ("False", "Running")


def test_a_session_can_have_another_image_too() -> None:
    wanted = planned(of_session(image=IMAGE))
    assert wanted.status is not None
    assert wanted.status["pinned"]["image"] == IMAGE


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({"snapshot": None}, "SnapshotNotFound"),
        ({"snapshot": replace(SESSION, ready=False)}, "SnapshotNotReady"),
        ({"manifest": SnapshotFacts(SnapshotState.MISSING, "no manifest")}, "SnapshotMissing"),
        ({"manifest": SnapshotFacts(SnapshotState.UNAVAILABLE, "no route")}, "StoreUnavailable"),
    ],
)
def test_a_session_that_may_come_is_waited_for(seen: Any, reason: str) -> None:
    wanted = planned(of_session(), **seen)
    assert ready(wanted) == ("False", reason)
    assert condition(wanted, "Reconciling")["status"] == "True"
    assert condition(wanted, "Parity")["status"] == "Unknown"
    assert wanted.look_again_at is not None
    assert (wanted.create, wanted.holds) == ((), ())
    assert wanted.status is not None
    assert "pinned" not in wanted.status


@pytest.mark.parametrize(
    ("seen", "reason", "words"),
    [
        ({"snapshot": replace(SESSION, ready=False, stalled=True, message="no")}, "SnapshotRefused", "'quoting-1'"),
        ({"snapshot": replace(SESSION, store="elsewhere")}, "StoreUnknown", "'elsewhere'"),
        ({"manifest": SnapshotFacts(SnapshotState.REFUSED, "its digest")}, "SnapshotRefused", "import it again"),
    ],
)
def test_a_snapshot_that_cannot_be_used_is_said(seen: Any, reason: str, words: str) -> None:
    wanted = planned(of_session(), **seen)
    assert condition(wanted, "Stalled")["status"] == "True"
    assert condition(wanted, "Stalled")["reason"] == reason
    assert words in condition(wanted, "Stalled")["message"]
    assert wanted.create == ()


@pytest.mark.parametrize(("symbols", "words"), [(["SPX"], "bars of SPX"), ([f"S{n}" for n in range(99)], "...")])
def test_what_is_no_session_is_refused_with_what_it_is_and_what_to_do(symbols: list[str], words: str) -> None:
    assert SESSION_FOUND.manifest is not None
    instrument = SESSION_FOUND.manifest.instruments[0]
    instruments = tuple(instrument.model_copy(update={"symbol": symbol}) for symbol in symbols)
    changed = {"schema_version": 1, "session": None, "instruments": instruments}
    bars = replace(SESSION_FOUND, manifest=SESSION_FOUND.manifest.model_copy(update=changed))
    stalled = condition(planned(of_session(), manifest=bars), "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "NotASession")
    assert words in stalled["message"]
    assert "name the Snapshot of a session" in stalled["message"]


def test_a_snapshot_is_looked_at_in_its_store_once_and_only_before_it_is_pinned() -> None:
    wanted = planned(of_session(), manifest=None)
    assert wanted.needs == (Need(Fact.MANIFEST, SESSION.digest),)
    before = session_started()
    running = {name: job(name, None) for name in names(before)}
    assert planned(before, manifest=None, jobs=running).needs == ()
    assert planned(resource(), manifest=None).needs == (), "a run has no such manifest"


@pytest.mark.parametrize("gone", [None, replace(SESSION, digest=OTHER), replace(SESSION, ready=False, stalled=True)])
def test_a_snapshot_that_is_deleted_or_replaced_after_pinning_changes_nothing(gone: SnapshotView | None) -> None:
    before = session_started()
    running = {name: job(name, None) for name in names(before)}
    wanted = planned(before, snapshot=gone, manifest=None, jobs=running)
    assert wanted.status == before["status"]
    assert (wanted.create, wanted.delete) == ((), ())
    again = planned(before, snapshot=gone, manifest=None, jobs={}, fresh=True)
    assert [job["metadata"]["name"] for job in again.create] == names(before)


def test_a_strategy_beside_a_session_decides_as_it_is_now() -> None:
    wanted = planned(of_session(strategyRef={"name": "macd"}), DECIDES)
    assert wanted.status is not None
    assert wanted.status["pinned"]["simulation"] == DECIDES.simulation
    first, _ = told(wanted)
    assert first.simulation is not None
    assert first.simulation.algorithm.parameters == {"quantity": "2"}
    assert first.simulation.model_dump_json(exclude_none=True) == DECIDES.simulation
    changed = replace(DECIDES, simulation=DECIDES.simulation.replace('"2"', '"3"'))
    running = {name: job(name, None) for name in names({"status": wanted.status})}
    before = {**of_session(strategyRef={"name": "macd"}), "status": wanted.status}
    assert planned(before, changed, jobs=running).status == wanted.status


@pytest.mark.parametrize(
    ("strategy", "standing", "reason"),
    [
        (None, "Reconciling", "StrategyNotFound"),
        (StrategyView("default", unreadable="spec.mode: no such mode"), "Stalled", "StrategyUnreadable"),
        (replace(DECIDES, simulation="x" * (MAX_SPECIFICATION_BYTES + 1)), "Stalled", "SpecificationTooLarge"),
    ],
)
def test_a_strategy_that_cannot_decide_is_waited_for_or_said(
    strategy: StrategyView | None, standing: str, reason: str
) -> None:
    wanted = planned(of_session(strategyRef={"name": "macd"}), strategy)
    assert (condition(wanted, standing)["status"], condition(wanted, standing)["reason"]) == ("True", reason)
    assert "'macd'" in condition(wanted, "Ready")["message"]
    assert wanted.create == ()


def test_a_strategy_of_another_store_still_decides() -> None:
    assert len(planned(of_session(strategyRef={"name": "macd"}), replace(DECIDES, store="elsewhere")).create) == 2


def test_what_a_newer_operator_pinned_is_not_run_by_half() -> None:
    before = session_started(architectures=["amd64"])
    before["status"]["pinned"]["simulation"] = '{"algorithm": {"name": "hold"}, "capital": "5", "patience": 1}'
    (name,) = names(before)
    wanted = planned(before, fresh=True, results={name: ResultFacts(ResultState.MISSING)})
    stalled = condition(wanted, "Stalled")
    assert (stalled["reason"], wanted.create) == ("StatusUnreadable", ())
    assert "status.pinned.simulation" in stalled["message"]


def test_a_run_is_compared_with_another_one() -> None:
    wanted = planned(resource(baseline={"run": "macd-1"}))
    assert wanted.status is not None
    pinned = wanted.status["pinned"]
    assert (pinned["baseline"]["run"], pinned["against"]["run"]) == ("macd-2", "macd-1")
    assert pinned["resultDigest"] == OLDER.result_digest
    first, _ = told(wanted)
    assert first.against == Baseline(run="macd-1", manifest=OLDER.manifest_digest)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"baseline": {"run": "macd-9"}}, "spec.baseline.run: 'macd-9'"),
        ({"baseline": {"run": "macd-1"}, "run": "macd-9"}, "spec.run: 'macd-9'"),
    ],
)
def test_another_run_that_is_not_known_is_waited_for_and_named(asked: Any, words: str) -> None:
    wanted = planned(resource(**asked))
    assert ready(wanted) == ("False", "BaselineNotFound")
    assert condition(wanted, "Ready")["message"].startswith(words)
    assert wanted.create == ()


def test_tolerance_and_what_if_are_told_as_they_are_asked() -> None:
    tolerance = {"pnl": "0.5", "fillPrice": "0", "fillQuantity": "0", "latencyMicroseconds": 9}
    (first, _) = told(planned(of_session(parity="Tolerance", tolerance=tolerance)))
    assert first.tolerance is not None
    assert first.tolerance.model_dump(by_alias=True) == tolerance
    (other, _) = told(planned(of_session(whatIf={"parameters": {"fast": None, "slow": 2}})))
    assert other.what_if is not None
    assert other.what_if.parameters == {"fast": None, "slow": 2}


def test_what_is_too_large_for_a_job_fails_and_is_said() -> None:
    wanted = planned(of_session(whatIf={"parameters": {"words": "x" * MAX_SPECIFICATION_BYTES}}))
    assert condition(wanted, "Stalled")["reason"] == "SpecificationTooLarge"
    assert "spec.whatIf" in condition(wanted, "Stalled")["message"]
    assert wanted.create == ()


def test_an_image_that_reads_no_version_2_is_told_with_its_remedy() -> None:
    said = '{"exitCode": 2, "message": "formatVersion: this runner reads version 1, not 2; use a runner image"}'
    stalled = condition(_failed(session_started(architectures=["amd64"]), said, 2), "Stalled")
    assert stalled["reason"] == "ImageTooOld"
    assert "set spec.image" in stalled["message"]


@pytest.mark.parametrize("said", ["parameters.fast: Input should be a valid integer, got 'formatVersion:'", "capital"])
def test_another_thing_that_is_wrong_keeps_its_words(said: str) -> None:
    stalled = condition(
        _failed(started(architectures=["amd64"]), f'{{"exitCode": 2, "message": "{said}"}}', 2), "Stalled"
    )
    assert stalled["reason"] == "InvalidSpecification"
    assert said in stalled["message"]


TRADES = StrategyView("default", trades=True, session="quoting-0f1e2d3c-session-2")


def test_of_a_strategy_that_trades_the_newest_session_is_replayed_as_it_was_recorded() -> None:
    wanted = planned(resource(), strategy=TRADES, snapshot=SESSION, manifest=SESSION_FOUND)
    assert wanted.status is not None
    pinned = PinnedBaseline.model_validate(wanted.status["pinned"])
    assert (pinned.session, pinned.baseline, pinned.simulation) == (SESSION.digest, None, None)
    assert {one.session for one in told(wanted)} == {SESSION.digest}


@pytest.mark.parametrize(
    ("strategy", "snapshot", "reason", "words"),
    [
        (replace(TRADES, session=""), None, "BaselineNotFinished", "the session of Strategy 'macd' is no Snapshot yet"),
        (TRADES, None, "SnapshotNotFound", "no Snapshot 'quoting-0f1e2d3c-session-2'"),
        (TRADES, replace(SESSION, ready=False), "SnapshotNotReady", "'quoting-0f1e2d3c-session-2' is not ready"),
        (TRADES, replace(SESSION, store="elsewhere"), "StoreUnknown", "the store 'elsewhere'"),
    ],
)
def test_a_newest_session_that_is_not_there_is_waited_for_and_said(
    strategy: StrategyView, snapshot: SnapshotView | None, reason: str, words: str
) -> None:
    wanted = planned(resource(), strategy=strategy, snapshot=snapshot)
    kind = "Stalled" if reason == "StoreUnknown" else "Reconciling"
    assert condition(wanted, kind)["reason"] == reason
    assert words in condition(wanted, kind)["message"]
    assert wanted.create == ()


@pytest.mark.parametrize("named", [{"run": "macd-1"}, {"baseline": {"run": "macd-1"}}])
def test_a_run_that_is_named_is_replayed_though_its_strategy_trades_now(named: Any) -> None:
    wanted = planned(resource(**named), strategy=replace(TRADES, finished=(NEWEST, OLDER)))
    assert wanted.status is not None
    assert PinnedBaseline.model_validate(wanted.status["pinned"]).session is None


def test_a_view_of_a_strategy_that_trades_has_the_snapshot_of_its_session() -> None:
    session = {"snapshotName": "quoting-0f1e2d3c-session-1"}
    trading = {"spec": {"mode": "Paper"}, "status": {"session": session}}
    assert view(trading) == StrategyView("default", trades=True, session=session["snapshotName"])
    assert view({"spec": {"mode": "Paper"}}) == StrategyView("default", trades=True)
    assert view({**trading, "spec": {"mode": "Backtest"}}) == StrategyView("default")


def test_a_view_of_a_strategy_has_what_it_decides_by_only_where_that_is_asked() -> None:
    strategy = {
        "metadata": {"name": "macd"},
        "spec": QUOTING.model_dump(mode="json", by_alias=True, exclude_none=True),
        "status": {"latest": {"name": "macd-1", "outcome": "Running"}},
    }
    assert view(strategy) == StrategyView("default")
    assert view(strategy, decides=True) == StrategyView("default", simulation=simulation_of(QUOTING))
    assert "spec.patience" in view({**strategy, "spec": {"patience": 1}}, decides=True).unreadable


def test_what_is_pinned_and_asked_is_what_a_pod_is_told() -> None:
    """NEWEST is the run where none is named; nothing of the session's side is told of a run."""
    wanted = planned(resource(image=IMAGE))
    assert wanted.status is not None
    pinned = PinnedBaseline.model_validate(wanted.status["pinned"])
    spec = ReplaySpec.model_validate({"strategyRef": {"name": "macd"}, "image": IMAGE})
    assert specification_of(spec, pinned, "again-1") == ReplaySpecification(
        replay="again-1", baseline=Baseline(run=NEWEST.name, manifest=NEWEST.manifest_digest), image=IMAGE
    )
