"""What a loss of power may leave of a journal, and what it cannot: holes where nothing was synced, and alterations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tradeplane_native import Generator, read_journal
from tradeplane_workloads.sessions import journal_holes
from tradeplane_workloads.sessions.frames import JOURNAL_HEADER, frames
from tradeplane_workloads.sessions.journal_holes import SECTOR_BYTES, SURE_BYTES, UNSYNCED_BYTES, before_hole

from tests.unit.workloads.sessions.sample_sessions import recorded, specification

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROOM = 3_000
"""Zeros after the last record."""


@pytest.fixture(scope="module")
def journal() -> NDArray[np.uint8]:
    """Return a journal with room after it."""
    _, journal = recorded(specification(), messages=60)
    return np.concatenate([journal, np.zeros(ROOM, np.uint8)])


def ends(journal: NDArray[np.uint8]) -> list[int]:
    """Return where its records end."""
    return [JOURNAL_HEADER, *(frame.end + 4 for frame in frames(journal, JOURNAL_HEADER))]


def left(
    journal: NDArray[np.uint8], synced: int, lost: set[int], sector_bytes: int = SECTOR_BYTES
) -> NDArray[np.uint8]:
    """Return what is left when of the sectors that were not synced some are as they were when it was."""
    disk = journal.copy()
    for sector in lost:
        disk[max(synced, sector * sector_bytes) : (sector + 1) * sector_bytes] = 0
    return disk


@pytest.mark.parametrize("sector_bytes", [SECTOR_BYTES, 64, 41])
def test_whatever_was_not_synced_and_is_lost_nothing_that_was_is(
    journal: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch, sector_bytes: int
) -> None:
    """Smaller sectors end at every byte of a record, which those of a disk do only in a longer journal."""
    monkeypatch.setattr(journal_holes, "SECTOR_BYTES", sector_bytes)
    draw, holes, records = Generator(5), 0, len(journal) - ROOM
    for synced in ends(journal)[::3]:
        unsynced = range(synced // sector_bytes, len(journal) // sector_bytes)
        for share in (0, 2, 5):  # one sector, some, and most
            drawn = draw.integers(0, 6, len(unsynced))
            lost = {sector for sector, one in zip(unsynced, drawn, strict=True) if one < share}
            lost |= {unsynced[int(draw.integers(0, len(unsynced), 1)[0])]}
            begins = max(synced, min(lost) * sector_bytes)
            if (min(lost) + 1) * sector_bytes - begins < SURE_BYTES and min(lost) + 1 not in lost:
                continue  # a hole that is too small to be sure of
            disk = left(journal, synced, lost, sector_bytes)
            found = before_hole(disk)
            holes += len(found) < len(disk)
            whole = read_journal(found).whole
            assert synced <= whole
            assert whole <= begins or begins >= records  # where there is no record to lose
            assert (found[:whole] == journal[:whole]).all()
    assert holes > 50


def test_a_hole_of_fewer_bytes_than_a_record_begins_with_is_refused(journal: NDArray[np.uint8]) -> None:
    short = next(end for end in ends(journal) if end % SECTOR_BYTES > SECTOR_BYTES - SURE_BYTES)
    disk = left(journal, short, {short // SECTOR_BYTES})
    with pytest.raises(ValueError, match=r"record \d+ was altered"):
        read_journal(before_hole(disk))


def test_a_bit_that_turned_over_is_no_hole(journal: NDArray[np.uint8]) -> None:
    draw, records = Generator(7), len(journal) - ROOM
    for place in range(JOURNAL_HEADER, records, 11):
        disk = journal.copy()
        disk[place] ^= 1 << int(draw.integers(0, 8, 1)[0])
        with pytest.raises(ValueError, match=r"record \d+ was altered"):
            read_journal(before_hole(disk))


def test_zeros_long_before_the_end_are_no_hole(journal: NDArray[np.uint8]) -> None:
    synced = ends(journal)[20]
    holed = left(journal, synced, {synced // SECTOR_BYTES + 1})
    assert len(before_hole(holed)) < len(holed)
    far = np.concatenate([holed, np.zeros(UNSYNCED_BYTES, np.uint8)])
    with pytest.raises(ValueError, match=r"record \d+ was altered"):
        read_journal(before_hole(far))


def test_before_a_hole_nothing_may_be_altered(journal: NDArray[np.uint8]) -> None:
    synced = ends(journal)[20]
    disk = left(journal, synced, {synced // SECTOR_BYTES + 1})
    disk[synced - 10] ^= 4
    with pytest.raises(ValueError, match=r"record \d+ was altered"):
        read_journal(before_hole(disk))


@pytest.mark.parametrize("data", [b"", b"x" * 40, b"x" * 5_000, bytes(5_000)])
def test_what_is_no_journal_is_left_as_it_is(data: bytes) -> None:
    given = np.frombuffer(data, np.uint8)
    assert before_hole(given) is given
