"""Processes: the right one is recognised, and no other is ever touched."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_stacks.local import processes
from tradeplane_stacks.local.processes import ProcessRecord

_ENVIRONMENT = {"PATH": os.environ["PATH"]}
_STUBBORN = "import signal,sys,time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"


def _launch(tmp_path: Path, *argv: str) -> ProcessRecord:
    return processes.launch(argv, _ENVIRONMENT, tmp_path / "log", "f")


def _sleeper(tmp_path: Path) -> ProcessRecord:
    return _launch(tmp_path, "/bin/sleep", "60")


def test_launched_process_is_alive_until_stopped(tmp_path: Path) -> None:
    record = _sleeper(tmp_path)
    assert processes.is_alive(record)
    assert processes.stop(record, 60) is False
    assert not processes.is_alive(record)


def test_process_with_the_same_id_but_another_start_is_left_alone(tmp_path: Path) -> None:
    record = _sleeper(tmp_path)
    other = ProcessRecord(record.pid, record.start_ticks + 1, record.boot, "f")
    assert not processes.is_alive(other)
    assert processes.stop(other, 60) is False
    assert processes.is_alive(record)
    processes.stop(record, 60)


def test_process_of_an_earlier_boot_is_left_alone(tmp_path: Path) -> None:
    record = _sleeper(tmp_path)
    other = ProcessRecord(record.pid, record.start_ticks, "another-boot", "f")
    assert not processes.is_alive(other)
    processes.stop(other, 60)
    assert processes.is_alive(record)
    processes.stop(record, 60)


def test_process_that_does_not_end_when_asked_is_forced(tmp_path: Path) -> None:
    record = _launch(tmp_path, sys.executable, "-c", _STUBBORN)
    deadline = time.monotonic() + 60
    while "ready" not in (tmp_path / "log").read_text(encoding="utf-8"):
        assert time.monotonic() < deadline
    assert processes.stop(record, 0.2) is True
    assert not processes.is_alive(record)


def test_killed_child_is_dead_although_nobody_collected_it(tmp_path: Path) -> None:
    record = _sleeper(tmp_path)
    handle = os.pidfd_open(record.pid)
    os.kill(record.pid, signal.SIGKILL)
    assert select.select([handle], [], [], 60)[0]
    os.close(handle)
    assert not processes.is_alive(record)
    os.waitpid(record.pid, 0)


def test_several_are_stopped_at_once(tmp_path: Path) -> None:
    records = [_sleeper(tmp_path) for _ in range(3)]
    processes.stop_all([record.pid for record in records], 60)
    assert [processes.is_alive(record) for record in records] == [False, False, False]


def test_stopping_what_is_gone_does_nothing(tmp_path: Path) -> None:
    record = _sleeper(tmp_path)
    processes.stop(record, 60)
    processes.stop_all([record.pid], 60)
    assert processes.stop(record, 60) is False


def _opened(pid: int) -> set[str]:
    """Return the files a process has open, but for those it closes while we look."""
    found = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(path.readlink()))
    return found


def test_child_inherits_no_file_of_the_caller(tmp_path: Path) -> None:
    held = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    os.set_inheritable(held, True)
    record = _sleeper(tmp_path)
    expected = {os.devnull, str(tmp_path / "log")}
    deadline = time.monotonic() + 60
    while (opened := _opened(record.pid)) != expected and time.monotonic() < deadline:
        time.sleep(0.01)  # while it starts, it opens its libraries and closes them
    os.close(held)
    processes.stop(record, 60)
    assert opened == expected


def test_launched_process_sees_the_given_environment_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of-the-shell")
    record = _sleeper(tmp_path)
    seen = Path(f"/proc/{record.pid}/environ").read_bytes()
    processes.stop(record, 60)
    assert b"SECRET" not in seen


def test_record_survives_writing(tmp_path: Path) -> None:
    record = ProcessRecord(12, 34, "boot", "fingerprint")
    record.write(tmp_path / "deeper" / "record.json")
    assert ProcessRecord.read(tmp_path / "deeper" / "record.json") == record


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "start_ticks": 1}', "null"])
def test_damaged_record_counts_as_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(content, encoding="utf-8")
    assert ProcessRecord.read(path) is None


def test_missing_record_counts_as_none(tmp_path: Path) -> None:
    assert ProcessRecord.read(tmp_path / "none") is None


@given(name=st.text(st.characters(codec="ascii", exclude_characters="\0\n"), max_size=15), ticks=st.integers(0, 2**63))
def test_start_is_found_whatever_the_program_is_called(name: str, ticks: int) -> None:
    between = " ".join(["0"] * 18)
    assert processes.parse_stat(f"1234 ({name}) S {between} {ticks} 5 6 7\n") == ticks


@pytest.mark.parametrize("state", ["Z", "X"])
def test_zombie_has_no_start(state: str) -> None:
    assert processes.parse_stat(f"1 (sleep) {state} {' '.join(['0'] * 18)} 77 0\n") is None


def test_log_is_set_aside_once_it_is_long(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("x" * 11, encoding="ascii")
    processes.rotate(log, kept_bytes=11)
    assert log.exists()
    processes.rotate(log, kept_bytes=10)
    assert not log.exists()
    assert (tmp_path / "a.previous.log").read_text(encoding="ascii") == "x" * 11
    processes.rotate(log, kept_bytes=10)
