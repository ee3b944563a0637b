"""A run is run again: what it leaves, what it refuses, and that its baseline stays as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tradeplane_api.parity import Baseline, Parity, ReplaySpecification, Verdict
from tradeplane_api.run import ExitCode, TerminationMessage
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json, sha256_digest
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.snapshots import write_snapshot
from tradeplane_workloads.replay.__main__ import read_replay
from tradeplane_workloads.replay.again import replay_of, run_again
from tradeplane_workloads.replay.record import read_record, write_record
from tradeplane_workloads.results import read_results_manifest, results_digest
from tradeplane_workloads.runner.attempt import Attempt
from tradeplane_workloads.runner.execution import run
from tradeplane_workloads.strategies.registry import find_strategy

from tests.unit.workloads.sample_bars import SOURCE, series
from tests.unit.workloads.sample_results import specification

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("logging_restored")
DIVERGED = Verdict(decisions=Parity.DIVERGED, execution=Parity.EXACT, fills=1, fills_matched=0, pnl_difference="1")


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """Return a store with the finished run ``r1``."""
    made = open_store((tmp_path / "store").as_uri(), create=True)
    closes = [10_000 + 7 * (day % 13) - 5 * (day % 7) for day in range(120)]
    digest = write_snapshot(made, [series("A", closes)], [SOURCE]).id
    run(specification(digest, algorithm="sma-cross"), made)
    return made


def silent(_words: str) -> None:
    """Say nothing."""


def attempted(store: ObjectStore, asked: ReplaySpecification | str, tmp_path: Path) -> TerminationMessage:
    """Return what a pod would say of a replay."""
    said = tmp_path / "termination-log"
    environ = {
        "TRADEPLANE_STORE_URL": store.url,
        "TRADEPLANE_ATTEMPT": "replay-1-x7f2k",
        "TRADEPLANE_TERMINATION_LOG": str(said),
        "TRADEPLANE_REPLAY": asked if isinstance(asked, str) else asked.model_dump_json(by_alias=True),
    }
    code = Attempt(environ, read_replay).execute()
    message = TerminationMessage.model_validate_json(said.read_bytes())
    assert message.exit_code == code
    return message


def test_a_replay_leaves_its_record_and_log_and_nothing_else(store: ObjectStore, tmp_path: Path) -> None:
    before = {name: store.get(name) for name in store.list()}
    message = attempted(store, replay_of(store, "r1", "replay-1"), tmp_path)
    record = read_record(store, "replay-1")
    assert message.exit_code is ExitCode.OK
    assert message.result_digest == record.result_digest == read_results_manifest(store, "r1").result_digest
    assert message.manifest_digest == sha256_digest(store.get(layout.replay_record("replay-1")))
    assert (record.verdict.decisions, record.verdict.execution) == (Parity.EXACT, Parity.EXACT)
    assert record.environment["attempt"] == "replay-1-x7f2k"
    after = set(store.list())
    assert after - set(before) == {"replays/replay-1/record.json", "replays/replay-1/log-replay-1-x7f2k.txt"}
    assert {name: store.get(name) for name in before} == before


def test_that_it_differs_is_its_answer_and_no_failure(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = replay_of(store, "r1", "replay-1")
    cross = type(find_strategy("sma-cross"))
    monkeypatch.setattr(cross, "targets", lambda _self, bars, _parameters, _rng: np.ones(bars.close.shape))
    message = attempted(store, asked, tmp_path)
    record = read_record(store, "replay-1")
    assert message.exit_code is ExitCode.OK
    assert message.result_digest == record.result_digest != record.baseline_digest
    assert record.verdict.decisions is Parity.DIVERGED
    assert record.verdict.divergence is not None


def test_a_second_attempt_finds_the_record_of_the_first(store: ObjectStore) -> None:
    asked = replay_of(store, "r1", "replay-1")
    first = write_record(store, run_again(asked, store, say=silent, environment={"attempt": "1"}))
    second = write_record(store, run_again(asked, store, say=silent, environment={"attempt": "2"}))
    assert second == first
    assert second.environment["attempt"] == "1"


def test_a_name_is_of_one_replay(store: ObjectStore) -> None:
    asked = replay_of(store, "r1", "replay-1")
    record = run_again(asked, store, say=silent)
    write_record(store, record)
    other = record.model_copy(update={"specification": asked.model_copy(update={"image": "another"})})
    with pytest.raises(DataRefused, match="a name of its own"):
        write_record(store, other)


@pytest.mark.parametrize(
    "forged",
    [
        {"result_digest": "sha256:" + "7" * 64},
        {"baseline_digest": "sha256:" + "7" * 64},
        {"verdict": DIVERGED},
    ],
)
def test_a_record_that_says_something_else_of_the_same_is_refused(
    store: ObjectStore, forged: dict[str, object]
) -> None:
    """Another pod of the namespace may have written one before this replay did."""
    record = run_again(replay_of(store, "r1", "replay-1"), store, say=silent)
    assert write_record(store, record.model_copy(update=forged)) != record
    with pytest.raises(DataRefused, match="came to something else"):
        write_record(store, record)


def test_a_manifest_that_is_another_is_refused(store: ObjectStore) -> None:
    asked = ReplaySpecification(replay="p1", baseline=Baseline(run="r1", manifest="sha256:" + "0" * 64))
    with pytest.raises(DataRefused, match=r"has the digest sha256:[0-9a-f]{64}, and the replay is of sha256:0{64}"):
        run_again(asked, store, say=silent)


def test_a_manifest_with_what_a_later_version_adds_keeps_its_digest(store: ObjectStore) -> None:
    """The digest is of the bytes: the same manifest written with other spaces is another."""
    path = layout.results_manifest("r1")
    before = results_digest(store, "r1")
    assert before == sha256_digest(canonical_json(json.loads(store.get(path))))
    store.put(path, json.dumps(json.loads(store.get(path)), indent=2).encode())
    assert results_digest(store, "r1") == sha256_digest(store.get(path)) != before


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        ("", ExitCode.INVALID, "TRADEPLANE_REPLAY is empty or not set"),
        ("{}", ExitCode.INVALID, "replay: Field required"),
        ('{"replay": "p1", "baseline": {"run": "r1", "manifest": "latest"}}', ExitCode.INVALID, "baseline.manifest"),
        (
            '{"replay": "p1", "baseline": {"run": "r9", "manifest": "sha256:%s"}}' % ("0" * 64),
            ExitCode.REFUSED,
            "run r9 is not in the store",
        ),
    ],
)
def test_what_cannot_be_replayed_says_why(
    store: ObjectStore, tmp_path: Path, asked: str, code: ExitCode, words: str
) -> None:
    message = attempted(store, asked, tmp_path)
    assert message.exit_code is code
    assert words in message.message
    assert not store.list("replays") or store.list("replays") == ["replays/p1/log-replay-1-x7f2k.txt"]


def test_a_strategy_that_is_no_longer_there_is_named(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from tradeplane_workloads.errors import InvalidSpecification
    from tradeplane_workloads.strategies import registry

    asked = replay_of(store, "r1", "replay-1")
    kept = {name: found for name, found in registry.BUILT_IN.items() if name != "sma-cross"}
    monkeypatch.setattr(registry, "BUILT_IN", kept)
    with pytest.raises(InvalidSpecification, match="sma-cross"):
        run_again(asked, store, say=silent)


def test_a_record_that_is_not_there_is_named(store: ObjectStore) -> None:
    with pytest.raises(DataRefused, match="replay p9 has left no record"):
        read_record(store, "p9")
