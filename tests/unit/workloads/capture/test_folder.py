"""The files of a spool."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_workloads.capture.folder import SpoolFolder, cut_torn_line
from tradeplane_workloads.capture.segment import Segment
from tradeplane_workloads.errors import InvalidSpecification, StoreFailure

from tests.unit.workloads.capture.samples import FEED, specification

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@given(lines=st.lists(st.binary(max_size=90_000).filter(lambda line: b"\n" not in line), max_size=3), torn=st.binary())
def test_what_follows_the_last_whole_line_is_cut_off(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], torn: bytes
) -> None:
    torn = torn.replace(b"\n", b"")
    path = tmp_path_factory.mktemp("spool") / "1.log"
    whole = b"".join(line + b"\n" for line in lines)
    path.write_bytes(whole + torn)
    assert cut_torn_line(path) == len(torn)
    assert path.read_bytes() == whole


def test_a_segment_goes_on_after_its_last_whole_line(tmp_path: Path) -> None:
    folder = SpoolFolder(tmp_path)
    folder.log(1).write_bytes(b"1 {}\n2 {")
    segment = Segment(folder, 1)
    assert (segment.torn, segment.size) == (3, 5)
    segment.write(b"3 {}\n")
    segment.close()
    assert folder.log(1).read_bytes() == b"1 {}\n3 {}\n"


def test_of_lines_that_do_not_fit_none_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = SpoolFolder(tmp_path)
    segment = Segment(folder, 1)
    segment.write(b"1 {}\n")
    write = os.write

    def full(descriptor: int, data: memoryview) -> int:
        if len(data) <= 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:-5])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StoreFailure, match=r"1\.log: No space left on device; give it room and permissions"):
            segment.write(b"2 {}\n3 {}\n")
    assert folder.log(1).read_bytes() == b"1 {}\n"
    segment.write(b"4 {}\n")
    segment.close()
    assert folder.log(1).read_bytes() == b"1 {}\n4 {}\n"


def test_a_spool_is_of_one_feed(tmp_path: Path) -> None:
    folder = SpoolFolder(tmp_path / "spool")
    folder.claim(specification())
    folder.claim(specification(rotation={"seconds": 5}))
    with pytest.raises(InvalidSpecification, match="holds the spool of another feed; give another folder"):
        folder.claim(specification(feed={**FEED, "symbols": ["OTHER"]}))


def test_a_spool_has_one_writer(tmp_path: Path) -> None:
    folder = SpoolFolder(tmp_path)
    with (
        folder.held("agent"),
        pytest.raises(InvalidSpecification, match="another capture writes to"),
        folder.held("agent"),
    ):
        pass
    with folder.held("agent"):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreFailure, match=r"the spool .*/file/spool: Not a directory"):
        SpoolFolder(tmp_path / "file" / "spool").claim(specification())


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = SpoolFolder(tmp_path)
    folder.write_opening(2, b"before")

    def fails(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(StoreFailure, match="No space left on device"):
            folder.write_opening(2, b"after")
    assert folder.opening(2) == b"before"


def test_a_damaged_mark_is_named(tmp_path: Path) -> None:
    folder = SpoolFolder(tmp_path)
    (tmp_path / "3.sealed").write_bytes(b"{")
    with pytest.raises(StoreFailure, match=r"3\.sealed is damaged; delete it, and segment 3 is sealed once more"):
        folder.sealed(3)


@pytest.mark.parametrize(
    ("names", "numbers"), [((), []), (("10.log", "9.log", "x.log", "0.log", "9.opening"), [9, 10])]
)
def test_segments_are_found_by_number(tmp_path: Path, names: Sequence[str], numbers: list[int]) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert SpoolFolder(tmp_path).segments() == numbers
    assert SpoolFolder(tmp_path).ended() == numbers[:-1]
