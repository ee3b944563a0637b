"""An attempt from its environment to its exit code, in this process, on the real engine."""

from __future__ import annotations

import json
import logging
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.run import MAX_SPECIFICATION_BYTES, MAX_TERMINATION_BYTES, ExitCode, TerminationMessage
from tradeplane_api.simulation import Simulation
from tradeplane_store import layout
from tradeplane_store.canonical import files_digest, sha256_digest
from tradeplane_store.disk import DiskStore
from tradeplane_store.objects import MAX_PART_BYTES, ObjectStore, open_store
from tradeplane_store.plain_tables import read_plain
from tradeplane_store.records import table_digest
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.snapshots import write_snapshot, write_tapes
from tradeplane_workloads.market.synthetic import FLOWS, make_tapes
from tradeplane_workloads.results import list_results, open_results, write_results
from tradeplane_workloads.runner import attempt as attempts
from tradeplane_workloads.runner.__main__ import read_run
from tradeplane_workloads.runner.attempt import Attempt
from tradeplane_workloads.runner.execution import run
from tradeplane_workloads.runner.logs import MAX_LOG_BYTES, AttemptLog
from tradeplane_workloads.runner.termination import failure_message
from tradeplane_workloads.strategies import find_strategy

from tests.unit.workloads.sample_bars import SOURCE, series
from tests.unit.workloads.sample_results import sample_result, specification

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_api.run import RunSpecification

pytestmark = pytest.mark.usefixtures("logging_restored")


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store((tmp_path / "store").as_uri(), create=True)


@pytest.fixture
def snapshot(store: ObjectStore) -> str:
    closes = [10_000 + 7 * (day % 13) - 5 * (day % 7) for day in range(120)]
    return write_snapshot(store, [series("A", closes)], [SOURCE]).id


@pytest.fixture
def tape(store: ObjectStore) -> str:
    made = make_tapes(replace(FLOWS["order-book"], messages=3_000))
    return write_tapes(store, made, [SOURCE]).id


class Pod:
    """What a pod gives a runner and reads of it."""

    def __init__(self, tmp_path: Path, store: ObjectStore) -> None:
        self.termination = tmp_path / "termination-log"
        self.environ = {
            "TRADEPLANE_STORE_URL": store.url,
            "TRADEPLANE_ATTEMPT": "r1-x7f2k",
            "TRADEPLANE_TERMINATION_LOG": str(self.termination),
        }

    def run(self, asked: RunSpecification | str, **environ: str) -> TerminationMessage:
        text = asked if isinstance(asked, str) else asked.model_dump_json(by_alias=True)
        code = Attempt({**self.environ, "TRADEPLANE_RUN": text, **environ}, read_run).execute()
        data = self.termination.read_bytes()
        assert len(data) <= MAX_TERMINATION_BYTES
        message = TerminationMessage.model_validate_json(data)
        assert message.exit_code == code
        return message


@pytest.fixture
def pod(tmp_path: Path, store: ObjectStore) -> Pod:
    return Pod(tmp_path, store)


def log_lines(store: ObjectStore, attempt: str = "r1-x7f2k") -> list[dict[str, Any]]:
    return [json.loads(line) for line in store.get(layout.results_log("r1", attempt)).splitlines()]


def test_a_run_leaves_results_a_message_and_its_log(pod: Pod, store: ObjectStore, snapshot: str) -> None:
    message = pod.run(specification(snapshot))
    assert message.exit_code == ExitCode.OK
    results = open_results(store, "r1")
    assert message.result_digest == results.manifest.result_digest
    assert message.manifest_digest == sha256_digest(store.get(layout.results_manifest("r1")))
    files = {name.rpartition("/")[2]: sha256_digest(store.get(name)) for name in store.list("results/r1")}
    assert message.files_digest == files_digest({name: one for name, one in files.items() if "log-" not in name})
    assert results.summary.bars == 120
    assert results.manifest.environment["attempt"] == "r1-x7f2k"
    lines = log_lines(store)
    assert {line["run"] for line in lines} == {"r1"}
    assert {line["attempt"] for line in lines} == {"r1-x7f2k"}
    assert any(message.result_digest in line["message"] for line in lines)


def test_a_laptop_gets_the_digest_that_a_pod_gets(pod: Pod, store: ObjectStore, snapshot: str, tmp_path: Path) -> None:
    laptop = open_store((tmp_path / "laptop").as_uri(), create=True)
    for name in store.list():
        laptop.put(name, store.get(name))
    manifest = run(specification(snapshot, run="mine"), laptop).manifest
    assert pod.run(specification(snapshot)).result_digest == manifest.result_digest


def test_a_second_attempt_finds_the_first(pod: Pod, store: ObjectStore, snapshot: str) -> None:
    first = pod.run(specification(snapshot))
    assert pod.run(specification(snapshot), TRADEPLANE_ATTEMPT="r1-second") == first
    assert open_results(store, "r1").manifest.environment["attempt"] == "r1-x7f2k"
    assert log_lines(store, "r1-second")


def test_another_result_under_the_same_name_is_final(pod: Pod, store: ObjectStore, snapshot: str) -> None:
    write_results(store, specification(snapshot), sample_result(), {})
    message = pod.run(specification(snapshot))
    assert message.exit_code == ExitCode.REFUSED
    assert "left the result" in message.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the environment variable TRADEPLANE_RUN is empty or not set"),
        ("{", "Invalid JSON"),
        ("[]", "the specification"),
        ("{}", "run: Field required"),
        ('{"formatVersion": 2}', "formatVersion: this runner reads version 1, not 2; use a runner image"),
        ('{"surprise": 1}', "surprise|run: Field required"),
        ("x" * (MAX_SPECIFICATION_BYTES + 1), "shorten the algorithm's parameters"),
    ],
)
def test_a_specification_that_is_none_is_invalid(pod: Pod, text: str, words: str) -> None:
    message = pod.run(text)
    assert message.exit_code == ExitCode.INVALID
    assert any(word in message.message for word in words.split("|"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"capital": "ten"}, "simulation.capital: "),
        ({"capital": "-1"}, "simulation.capital: "),
        ({"seed": -1}, "simulation.seed: "),
        ({"costs": {"commission": {"perTrade": "1e5"}}}, "simulation.costs.commission.perTrade: "),
        ({"algorithm": {"name": "no-such"}}, "there is no strategy 'no-such'; give one of"),
        ({"algorithm": {"name": "sma-cross", "parameters": {"fast": -5}}}, "fast"),
    ],
)
def test_a_field_that_cannot_be_is_named(
    pod: Pod, store: ObjectStore, snapshot: str, changes: dict[str, Any], words: str
) -> None:
    asked = json.loads(specification(snapshot).model_dump_json(by_alias=True))
    asked["simulation"].update(changes)
    message = pod.run(json.dumps(asked))
    assert message.exit_code == ExitCode.INVALID
    assert words in message.message
    assert list_results(store) == []


def test_data_that_are_not_what_their_digest_says_are_never_run(pod: Pod, store: ObjectStore, snapshot: str) -> None:
    name = layout.snapshot_part(snapshot, "bars-0")
    data = bytearray(store.get(name))
    data[len(data) // 2] ^= 1
    store.put(name, bytes(data))
    message = pod.run(specification(snapshot))
    assert message.exit_code == ExitCode.REFUSED
    assert f"part bars-0 of snapshot {snapshot} has the digest" in message.message
    assert list_results(store) == []
    assert any("part bars-0" in line["message"] for line in log_lines(store))


def test_a_snapshot_that_is_not_there_is_refused(pod: Pod) -> None:
    message = pod.run(specification())
    assert message.exit_code == ExitCode.REFUSED
    assert "is not in the store" in message.message


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "TRADEPLANE_STORE_URL is empty or not set"),
        ("http://somewhere", "is not the URL of a store"),
        ("file:///no/such/folder", "create it, or mount the volume"),
    ],
)
def test_a_store_that_cannot_be_used_may_be_tried_again(pod: Pod, snapshot: str, url: str, words: str) -> None:
    message = pod.run(specification(snapshot), TRADEPLANE_STORE_URL=url)
    assert message.exit_code == ExitCode.STORE
    assert words in message.message


def test_a_fault_of_our_own_says_its_kind_and_keeps_the_traceback(
    pod: Pod, store: ObjectStore, snapshot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("in the engine")

    monkeypatch.setattr("tradeplane_workloads.engine.backtest.backtest", broken)
    message = pod.run(specification(snapshot))
    assert message.exit_code == ExitCode.INTERNAL
    assert "ZeroDivisionError: in the engine" in message.message
    assert any("Traceback" in line.get("traceback", "") for line in log_lines(store))


def test_a_fault_of_the_strategy_is_final_and_its_traceback_is_kept(
    pod: Pod, store: ObjectStore, snapshot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by nothing")

    name = specification(snapshot).simulation.algorithm.name
    monkeypatch.setattr(type(find_strategy(name)), "targets", broken)
    message = pod.run(specification(snapshot))
    assert message.exit_code == ExitCode.INVALID
    assert f"strategy '{name}' failed in targets() with ZeroDivisionError: by nothing" in message.message
    assert any('raise ZeroDivisionError("by nothing")' in line.get("traceback", "") for line in log_lines(store))


@pytest.mark.parametrize("code", [0, None, 3, "enough"])
def test_a_strategy_that_ends_the_process_has_failed_and_not_succeeded(
    pod: Pod, store: ObjectStore, snapshot: str, monkeypatch: pytest.MonkeyPatch, code: object
) -> None:
    def leaves(*_: object) -> None:
        sys.exit(code)  # type: ignore[arg-type]

    name = specification(snapshot).simulation.algorithm.name
    monkeypatch.setattr(type(find_strategy(name)), "targets", leaves)
    message = pod.run(specification(snapshot))
    assert message.exit_code == ExitCode.INVALID
    assert f"strategy '{name}' failed in targets() with SystemExit" in message.message
    assert list_results(store) == []


def test_a_panic_of_the_core_is_told_and_its_log_kept(
    pod: Pod, store: ObjectStore, snapshot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PanicException(BaseException):
        """As PyO3 has it: no Exception."""

    def panics(*_: object) -> None:
        raise PanicException("index out of bounds")

    monkeypatch.setattr("tradeplane_workloads.engine.backtest.backtest", panics)
    message = pod.run(specification(snapshot))
    assert message.exit_code == ExitCode.INTERNAL
    assert "PanicException: index out of bounds; the log has the traceback" in message.message
    assert any("panics" in line.get("traceback", "") for line in log_lines(store))


def puts_of(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is put into stores on disks from now on, by name."""
    written: list[str] = []
    put = DiskStore.put

    def noted(self: DiskStore, name: str, *what: Any, **how: Any) -> None:
        written.append(name)
        put(self, name, *what, **how)

    monkeypatch.setattr(DiskStore, "put", noted)
    return written


class Lasting:
    """A task that lasts until its log has come into the store, which is told what is kept of it once it has ended."""

    def __init__(self, told: str, until: Callable[[], bool]) -> None:
        self.name, self.told, self.until = "r1", told, until

    def log_path(self, attempt: str) -> str:
        return layout.results_log(self.name, attempt)

    def execute(self, _store: ObjectStore, _attempt: str) -> TerminationMessage:
        logging.getLogger("a strategy").warning(self.told)
        given_up = time.monotonic() + 60
        while not self.until() and time.monotonic() < given_up:
            time.sleep(0.001)
        return TerminationMessage(exit_code=ExitCode.OK)


def test_the_log_of_what_lasts_is_kept_meanwhile_so_that_a_kill_leaves_it(
    pod: Pod, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert attempts.FIRST_KEPT_SECONDS <= 2, "what takes more memory than it may is killed soon"
    monkeypatch.setattr(attempts, "FIRST_KEPT_SECONDS", 0.001)
    kept: list[str] = []

    def is_kept() -> bool:
        if store.list("results/r1"):
            kept.extend(line["message"] for line in log_lines(store))
        return bool(kept)

    code = Attempt(pod.environ, lambda _: Lasting("half of it is done", is_kept)).execute()
    assert code == ExitCode.OK
    assert kept == ["half of it is done"]


def test_the_log_of_what_lasts_is_kept_as_often_as_something_is_said_and_no_oftener(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "FIRST_KEPT_SECONDS", 0.001)
    monkeypatch.setattr(attempts, "MOST_KEPT_SECONDS", 0.001)
    looks: list[int] = []

    def said(_: AttemptLog) -> int:
        """Say one line at first, and a second one after twenty looks."""
        looks.append(1)
        return 1 if len(looks) <= 20 else 2

    monkeypatch.setattr(AttemptLog, "said", property(said))
    written = puts_of(monkeypatch)

    def is_told_anew_and_kept() -> bool:
        return len(written) == 2 and len(looks) > 40

    code = Attempt(pod.environ, lambda _: Lasting("half of it is done", is_told_anew_and_kept)).execute()
    assert code == ExitCode.OK
    assert len(written) == 3, "at first, when something was said, and at the end"


def test_the_log_of_what_is_soon_over_is_kept_once(pod: Pod, snapshot: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "FIRST_KEPT_SECONDS", 60.0)
    written = puts_of(monkeypatch)
    pod.run(specification(snapshot))
    assert sum("log-" in name for name in written) == 1


def test_a_log_that_cannot_be_kept_fails_no_run(pod: Pod, store: ObjectStore, snapshot: str) -> None:
    message = pod.run(specification(snapshot), TRADEPLANE_ATTEMPT="no name of an object")
    assert message.exit_code == ExitCode.OK
    assert [name for name in store.list("results/r1") if "log" in name] == []


def test_a_log_stays_in_the_folder_of_its_run(pod: Pod, store: ObjectStore, snapshot: str) -> None:
    pod.run(specification(snapshot), TRADEPLANE_ATTEMPT="../../snapshots/x")
    assert "results/r1/log-..-..-snapshots-x.txt" in store.list("results")


def test_a_termination_log_that_cannot_be_written_fails_no_run(pod: Pod, store: ObjectStore, snapshot: str) -> None:
    text = specification(snapshot).model_dump_json(by_alias=True)
    attempt = Attempt(
        {**pod.environ, "TRADEPLANE_RUN": text, "TRADEPLANE_TERMINATION_LOG": "/no/such/folder/x"}, read_run
    )
    assert attempt.execute() == ExitCode.OK
    assert list_results(store) == ["r1"]


@pytest.mark.parametrize("words", ["x" * 10_000, "é" * 10_000, "\U0001f4c8" * 10_000, '"\\\n' * 5_000])
def test_long_words_are_cut_to_what_kubernetes_keeps(words: str) -> None:
    message = failure_message(ExitCode.INVALID, words)
    assert len(message.model_dump_json(by_alias=True, exclude_none=True).encode()) <= MAX_TERMINATION_BYTES
    assert len(message.message) > 500


def test_of_a_long_log_the_end_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    log = AttemptLog("r1", "a")
    count = 2 * MAX_LOG_BYTES // 1000
    for number in range(count):
        log.handle(logging.makeLogRecord({"msg": f"{number:05} " + "x" * 1000}))
    lines = log.kept().splitlines()
    assert len(log.kept()) <= MAX_LOG_BYTES + 100
    assert json.loads(lines[0])["message"] == f"{count - len(lines) + 1} earlier lines were dropped"
    assert json.loads(lines[-1])["message"].startswith(f"{count - 1:05} ")
    assert len(capsys.readouterr().err.splitlines()) == count


def test_a_run_on_a_tape_leaves_its_log_with_the_results(store: ObjectStore, tape: str) -> None:
    quoting = {"name": "market-maker", "parameters": {"quantity": "0.01", "maxPosition": "0.1"}}
    simulation = Simulation.model_validate({"algorithm": quoting, "capital": "1000"})
    manifest = run(specification(tape).model_copy(update={"simulation": simulation}), store).manifest
    assert [part.name for part in manifest.parts] == ["equity", "trades", "positions", "events"]
    results = open_results(store, "r1")
    assert results.events is not None
    assert results.events.num_rows == manifest.parts[3].rows > results.trades.num_rows > 0
    for part in manifest.parts:
        data = store.get(layout.results_part("r1", part.name), limit=MAX_PART_BYTES)
        assert table_digest(read_plain(data, part.rows))[0] == part.digest, "as who verifies reads it"


@pytest.mark.parametrize("first", ["snapshot", "tape"])
def test_bars_and_tapes_are_not_run_together(store: ObjectStore, first: str, request: pytest.FixtureRequest) -> None:
    names = ["tape", "snapshot"] if first == "tape" else ["snapshot", "tape"]
    digests = [request.getfixturevalue(name) for name in names]
    with pytest.raises(DataRefused, match=r"holds (bars, not tapes|tapes, not bars)"):
        run(specification(*digests), store)


def test_a_log_that_was_altered_is_refused(store: ObjectStore, tape: str, tmp_path: Path) -> None:
    run(specification(tape), store)
    (part,) = (tmp_path / "store").rglob("events.arrow")
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(bytes(data))
    with pytest.raises(DataRefused, match="part events of run r1"):
        open_results(store, "r1")


def test_a_tape_of_another_tick_than_the_strategy_s_is_refused(store: ObjectStore, tape: str) -> None:
    run(specification(tape, run="as-it-is", execution={"tick": "0.10"}), store)
    with pytest.raises(DataRefused, match=r"tick size of 0.1, not of 0.5; set execution.tick to 0.1, or import"):
        run(specification(tape, execution={"tick": "0.5"}), store)
