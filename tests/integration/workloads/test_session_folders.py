"""Sessions on disk: opened again they go on, a crash leaves nothing half, and nothing is sent before it is recorded."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tradeplane_native import Generator, OrderRequest, read_journal
from tradeplane_workloads.errors import DataRefused, InvalidSpecification, StoreFailure
from tradeplane_workloads.sessions import SessionSpecification, journal_file, open_session, replay
from tradeplane_workloads.sessions.bundle_contents import read_contents
from tradeplane_workloads.sessions.folder import HEADER_BYTES, JOURNAL, SPECIFICATION
from tradeplane_workloads.sessions.journal_file import ROOM_BYTES, JournalFile, JournalFull, read_in_place
from tradeplane_workloads.sessions.journal_holes import SECTOR_BYTES

from tests.unit.workloads.sessions.sample_sessions import NAME, QUOTING, Market, specification

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


ROOT = Path(__file__).parents[3]


def traded(folder: Path, messages: int = 40) -> bytes:
    """Trade a session of a folder for a while, leave it, and return its journal."""
    folder.mkdir(exist_ok=True)
    with open_session(folder, NAME, specification()) as recorded:
        market = Market(commit=recorded.commit)
        market.run(recorded.session, messages)
        recorded.commit(sync=True)
    return (folder / JOURNAL).read_bytes()


def test_opened_again_a_session_is_where_it_was(tmp_path: Path) -> None:
    journal = traded(tmp_path)

    with open_session(tmp_path, NAME, specification()) as recorded:
        assert recorded.recovered
        assert recorded.commit() == []
        assert recorded.session.inputs == replay(read_in_place(tmp_path / JOURNAL), specification()).inputs > 40
    assert (tmp_path / JOURNAL).read_bytes() == journal


def test_a_torn_end_is_cut_off_and_written_again(tmp_path: Path) -> None:
    journal = traded(tmp_path)
    draw = Generator(3)
    for _ in range(20):
        cut = int(draw.integers(0, len(journal), 1)[0])
        (tmp_path / JOURNAL).write_bytes(journal[:cut])
        with open_session(tmp_path, NAME, specification()) as recorded:
            recorded.commit(sync=True)
            assert recorded.recovered == (cut >= HEADER_BYTES)
        mended = (tmp_path / JOURNAL).read_bytes()
        assert journal.startswith(mended)
        assert replay(read_in_place(tmp_path / JOURNAL), specification()).exact


def test_an_altered_journal_is_not_gone_on_with(tmp_path: Path) -> None:
    journal = bytearray(traded(tmp_path))
    journal[len(journal) // 2] ^= 4
    (tmp_path / JOURNAL).write_bytes(journal)

    with pytest.raises(DataRefused, match=r"record \d+ was altered; restore it from a copy"):
        open_session(tmp_path, NAME, specification())
    assert (tmp_path / JOURNAL).read_bytes() == journal


def test_another_specification_or_name_is_refused(tmp_path: Path) -> None:
    traded(tmp_path)

    with pytest.raises(InvalidSpecification, match="the folder has a session of another specification"):
        open_session(tmp_path, NAME, specification(parameters=QUOTING | {"halfSpreadTicks": 3}))
    with pytest.raises(InvalidSpecification, match="give another folder"):
        open_session(tmp_path, bytes(16), specification())
    stored = SessionSpecification.decode((tmp_path / SPECIFICATION).read_bytes())
    assert stored == specification()


def test_a_stored_specification_that_is_none_is_refused() -> None:
    with pytest.raises(DataRefused, match="simulation"):
        SessionSpecification.decode(specification().encode().replace(b'"simulation"', b'"simulatiom"'))
    with pytest.raises(DataRefused, match="more than"):
        SessionSpecification.decode(b" " * (1 << 21))


def test_two_processes_do_not_trade_one_session(tmp_path: Path) -> None:
    with (
        open_session(tmp_path, NAME, specification()),
        pytest.raises(StoreFailure, match="another process trades this session; end it first"),
    ):
        open_session(tmp_path, NAME, specification())
    traded(tmp_path)


@pytest.fixture
def _little_room(tmp_path: Path) -> Iterator[None]:
    """Let no file grow past what the journal has when it is halfway."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.usefixtures("_little_room")
def test_where_the_disk_is_full_nothing_is_sent_and_nothing_recorded_is_lost(tmp_path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_session(tmp_path, NAME, specification()) as recorded:
        market = Market(commit=recorded.commit)
        market.run(recorded.session, 20)
        recorded.commit(sync=True)
        journal = (tmp_path / JOURNAL).read_bytes()
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(journal) + 100, hard))
        with pytest.raises(JournalFull, match="the disk is full, and what came last is not recorded"):
            market.run(recorded.session, 20)
        assert (tmp_path / JOURNAL).read_bytes().startswith(journal)
        with pytest.raises(JournalFull):
            recorded.commit()
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        recorded.commit(sync=True)  # there is room again: what was held back is recorded, and given out
        inputs = recorded.session.inputs
    assert replay(read_in_place(tmp_path / JOURNAL), specification()).inputs == inputs


def test_a_write_that_fails_halfway_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwrite

    def half(descriptor: int, data: memoryview, place: int) -> int:
        if len(data) < 6:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return write(descriptor, data[: len(data) // 2], place)

    with JournalFile(tmp_path / JOURNAL) as file:
        file.append(b"whole")
        monkeypatch.setattr(os, "pwrite", half)
        with pytest.raises(StoreFailure, match="it cannot be written"):
            file.append(b"not so much of it")
        assert (tmp_path / JOURNAL).read_bytes() == b"whole"
        monkeypatch.undo()
        file.append(b" again")
        assert (len(file), (tmp_path / JOURNAL).read_bytes()) == (11, b"whole again")


def test_after_a_sync_that_failed_the_file_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with open_session(tmp_path, NAME, specification()) as recorded:
        market = Market(commit=recorded.commit)
        monkeypatch.setattr(os, "fdatasync", fails)
        with pytest.raises(StoreFailure, match="it could not be synced"):
            market.run(recorded.session, 20)
        monkeypatch.undo()
        with pytest.raises(StoreFailure, match="failed before; open the session again"):
            recorded.commit(sync=True)
    traded(tmp_path)


def test_what_is_to_be_sent_is_shown_while_it_is_written_and_given_when_it_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, course = os.fdatasync, list[object]()

    def syncs(descriptor: int) -> None:
        sync(descriptor)
        course.append("on disk")

    def shown(requests: list[OrderRequest]) -> None:
        journal = read_in_place(tmp_path / JOURNAL)
        course.append([one.order for one in requests])
        assert read_journal(journal).inputs == recorded.session.inputs  # written, to its last record

    with open_session(tmp_path, NAME, specification()) as recorded:

        def commit() -> list[OrderRequest]:
            course.clear()
            requests = recorded.commit(meanwhile=shown)
            assert course == ([[one.order for one in requests], "on disk"] if requests else [])
            return requests

        monkeypatch.setattr(os, "fdatasync", syncs)
        market = Market(commit=commit)
        market.run(recorded.session, 40)
        assert len(market.sent) > 10
        course.clear()
        recorded.commit(sync=True, meanwhile=shown)
        assert course == ["on disk"]


@pytest.mark.parametrize("starts", [lambda _, __: None, lambda _, __: -1])
def test_a_sync_that_cannot_be_begun_early_is_done_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starts: Callable[[int, int], int | None]
) -> None:
    monkeypatch.setattr(journal_file, "_start_writing", starts)
    with JournalFile(tmp_path / JOURNAL) as file:
        file.append(b"whole")
        file.begin_sync()
        file.sync()
    assert (tmp_path / JOURNAL).read_bytes() == b"whole"
    with pytest.raises(StoreFailure, match="it was closed"):
        file.begin_sync()


def test_with_room_made_a_record_changes_no_length_and_the_room_goes_with_the_end(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL
    with open_session(tmp_path, NAME, specification()) as recorded:
        recorded.make_room()
        assert path.stat().st_size == 0  # nothing is recorded, and a file of zeros is no journal
        market = Market(commit=recorded.commit)
        market.run(recorded.session, 20)
        recorded.make_room()
        blocks = path.stat().st_blocks
        market.run(recorded.session, 20)
        recorded.make_room()
        assert (path.stat().st_size, path.stat().st_blocks) == (ROOM_BYTES, blocks)
        assert blocks * 512 >= ROOM_BYTES  # it is written, and no hole
        recorded.commit(sync=True)
        sealed = read_contents(tmp_path, None)
    journal = path.read_bytes()
    assert journal == traded(tmp_path / "grown")
    again = read_contents(tmp_path, None)
    assert (sealed.parts, sealed.sources) == (again.parts, again.sources)


def test_what_was_recorded_is_on_disk_before_room_is_made_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, sizes = os.fdatasync, list[int]()

    def syncs(descriptor: int) -> None:
        sync(descriptor)
        sizes.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fdatasync", syncs)
    with JournalFile(tmp_path / JOURNAL) as file:
        file.append(b"x" * 100)
        file.make_room()
        file.make_room()
    assert sizes == [100, ROOM_BYTES]


def test_room_is_made_again_when_half_of_it_is_left(tmp_path: Path) -> None:
    with JournalFile(tmp_path / JOURNAL) as file:
        sizes = []
        for count in (1, ROOM_BYTES // 2 - 1, 1, 3 * ROOM_BYTES):
            file.append(b"x" * count)
            file.make_room()
            sizes.append((tmp_path / JOURNAL).stat().st_size / ROOM_BYTES)
        assert sizes == [1, 1, 2, 5]
    assert (tmp_path / JOURNAL).read_bytes() == b"x" * len(file)


@pytest.mark.parametrize("after", [0, 1, 600, 5_000, ROOM_BYTES])
def test_a_torn_end_with_room_after_it_is_cut_off_and_written_again(tmp_path: Path, after: int) -> None:
    journal = traded(tmp_path)
    for cut in (len(journal), *range(len(journal) // SECTOR_BYTES * SECTOR_BYTES, HEADER_BYTES, -SECTOR_BYTES)[:6]):
        (tmp_path / JOURNAL).write_bytes(journal[:cut] + bytes(after))
        with open_session(tmp_path, NAME, specification()) as recorded:
            recorded.commit(sync=True)
            assert recorded.recovered
        mended = (tmp_path / JOURNAL).read_bytes()
        assert journal.startswith(mended)
        assert len(mended) > cut - 2_000


def test_a_session_goes_on_before_a_hole_that_a_loss_of_power_left(tmp_path: Path) -> None:
    journal = traded(tmp_path)
    hole = len(journal) // 2 // SECTOR_BYTES * SECTOR_BYTES
    holed = journal[:hole] + bytes(SECTOR_BYTES) + journal[hole + SECTOR_BYTES :] + bytes(5_000)
    (tmp_path / JOURNAL).write_bytes(holed)
    with open_session(tmp_path, NAME, specification()) as recorded:
        recorded.commit(sync=True)
    mended = (tmp_path / JOURNAL).read_bytes()
    assert journal.startswith(mended)
    assert len(mended) < hole + 2_000


def test_where_there_is_no_space_for_room_a_journal_grows_without(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with JournalFile(tmp_path / JOURNAL) as file:
        file.append(b"whole")
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES // 2, limits[1]))
        try:
            file.make_room()
            assert (tmp_path / JOURNAL).read_bytes() == b"whole"
            file.append(b" again")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        file.make_room()  # tried once: what is left of the space is for records
        assert (tmp_path / JOURNAL).read_bytes() == b"whole again"


def test_where_room_cannot_be_synced_the_file_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with JournalFile(tmp_path / JOURNAL) as file:
        file.append(b"whole")
        file.sync()
        monkeypatch.setattr(os, "fdatasync", fails)
        with pytest.raises(StoreFailure, match="it could not be synced"):
            file.make_room()
        with pytest.raises(StoreFailure, match="failed before; open the session again"):
            file.append(b"more")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreFailure, match=r"nowhere.*it cannot be written"):
        open_session(tmp_path / "nowhere", NAME, specification())


def test_killed_at_any_moment_it_sends_no_order_twice(tmp_path: Path) -> None:
    draw, sent = Generator(9), []
    for life in range(8):
        child = _start(tmp_path, messages=100_000 if life < 7 else 30)
        assert child.stdout is not None
        if life < 7:
            sent += [int(child.stdout.readline()) for _ in range(int(draw.integers(1, 40, 1)[0]))]
            child.send_signal(signal.SIGKILL)
        rest, _ = child.communicate(timeout=60)
        sent += [int(line) for line in rest.splitlines()]
    assert child.returncode == 0
    assert len(sent) > 50
    assert sent == sorted(set(sent))  # each name once, and no higher one before a lower
    verdict = replay(read_in_place(tmp_path / JOURNAL), specification())
    assert verdict.exact
    assert verdict.run is not None
    recorded = verdict.run.column("order")[verdict.run.column("event") == 0].tolist()
    assert set(sent) <= set(recorded)


def _start(folder: Path, messages: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.integration.workloads.trading_child", str(folder), str(messages)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
