"""The replay of a session in a pod: what it leaves, and what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.parity import Parity, ReplayRecord, ReplaySpecification
from tradeplane_api.run import ExitCode, TerminationMessage
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json, sha256_digest
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.replay.__main__ import read_replay
from tradeplane_workloads.replay.record import read_record, write_record
from tradeplane_workloads.replay.session_again import replay_again
from tradeplane_workloads.runner.attempt import Attempt

from tests.unit.workloads.replay.sessions_on_record import on_fill, sealed, traded

if TYPE_CHECKING:
    from pathlib import Path

NAME = "p1-amd64-1"

pytestmark = pytest.mark.usefixtures("logging_restored")


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store((tmp_path / "store").as_uri(), create=True)


def asked(session: str, **fields: Any) -> ReplaySpecification:
    return ReplaySpecification.model_validate({"formatVersion": 2, "replay": NAME, "session": session, **fields})


def attempted(store: ObjectStore, text: str, tmp_path: Path, attempt: str = "a1") -> TerminationMessage:
    """Return what a pod would say."""
    said = tmp_path / "termination-log"
    environ = {
        "TRADEPLANE_STORE_URL": store.url,
        "TRADEPLANE_ATTEMPT": attempt,
        "TRADEPLANE_TERMINATION_LOG": str(said),
        "TRADEPLANE_REPLAY": text,
    }
    code = Attempt(environ, read_replay).execute()
    message = TerminationMessage.model_validate_json(said.read_bytes())
    assert message.exit_code == code
    return message


def test_a_session_leaves_its_record_and_nothing_else(tmp_path: Path, store: ObjectStore) -> None:
    session = sealed(store, traded(tmp_path / "floor"))
    before = set(store.list())
    message = attempted(store, asked(session).model_dump_json(by_alias=True), tmp_path)

    record = read_record(store, NAME)
    assert message.exit_code is ExitCode.OK
    assert message.manifest_digest == sha256_digest(store.get(layout.replay_record(NAME)))
    assert message.result_digest == record.result_digest == record.baseline_digest
    assert record.schema_version == 2
    assert (record.verdict.decisions, record.verdict.execution) == (Parity.EXACT, Parity.EXACT)
    assert record.compared is not None
    assert record.compared.expected == record.compared.got
    assert record.environment["attempt"] == "a1"
    assert set(store.list()) - before == {f"replays/{NAME}/record.json", f"replays/{NAME}/log-a1.txt"}

    second = attempted(store, asked(session).model_dump_json(by_alias=True), tmp_path, "a2")
    assert second == message
    assert read_record(store, NAME).environment["attempt"] == "a1"


def test_that_it_differs_is_its_answer(tmp_path: Path, store: ObjectStore) -> None:
    told = on_fill(9, lambda report: [report | {"price": report["price"] + 2}])
    session = sealed(store, traded(tmp_path / "floor", told))
    message = attempted(store, asked(session).model_dump_json(by_alias=True), tmp_path)

    record = read_record(store, NAME)
    assert message.exit_code is ExitCode.OK
    assert message.result_digest == record.result_digest != record.baseline_digest
    assert (record.verdict.decisions, record.verdict.execution) == (Parity.EXACT, Parity.DIVERGED)


def test_a_record_holds_no_more_than_a_termination_message_points_to(tmp_path: Path, store: ObjectStore) -> None:
    session = sealed(store, traded(tmp_path / "floor"))
    record = replay_again(asked(session), session, store, say=lambda _: None)
    assert ReplayRecord.model_validate_json(canonical_json(record)) == record
    assert len(canonical_json(record)) < 4_096


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ('{"replay": "p1", "session": "sha256:%s"}' % ("0" * 64), ExitCode.INVALID, "all else is version 2"),
        (
            '{"formatVersion": 2, "replay": "p1", "session": "sha256:%s"}' % ("0" * 64),
            ExitCode.REFUSED,
            "is not in the store",
        ),
        ('{"formatVersion": 2, "replay": "p1", "session": "latest"}', ExitCode.INVALID, "session: must be a digest"),
        ('{"formatVersion": 2, "replay": "p1"}', ExitCode.INVALID, "give the baseline's run or a session"),
    ],
)
def test_what_cannot_be_replayed_says_why(
    tmp_path: Path, store: ObjectStore, text: str, code: ExitCode, words: str
) -> None:
    message = attempted(store, text, tmp_path)
    assert message.exit_code is code
    assert words in message.message


def test_a_session_whose_strategy_is_gone_says_what_recorded_it(
    tmp_path: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradeplane_workloads.strategies import registry

    session = sealed(store, traded(tmp_path / "floor"))
    environment = json.loads(store.get(layout.snapshot_environment(session)))
    known = environment | {"image": "r.example/w@sha256:1"}
    store.put(layout.snapshot_environment(session), json.dumps(known).encode())
    monkeypatch.setattr(registry, "ON_EVENTS", ())
    message = attempted(store, asked(session).model_dump_json(by_alias=True), tmp_path)

    assert message.exit_code is ExitCode.INVALID
    for words in ("'market-maker'", "spec.image", "sealed with image r.example/w@sha256:1, tradeplane-native "):
        assert words in message.message


def test_a_name_is_of_one_replay(tmp_path: Path, store: ObjectStore) -> None:
    session = sealed(store, traded(tmp_path / "floor"))
    record = write_record(store, replay_again(asked(session), session, store, say=lambda _: None))
    other = record.model_copy(update={"specification": asked(session, image="another")})
    with pytest.raises(DataRefused, match="a name of its own"):
        write_record(store, other)
