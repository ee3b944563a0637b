"""What a loss of power left of a journal: what was not synced may have come to the disk in any order, with holes in it.

A journal is written into blocks that hold zeros already (``JournalFile.make_room``). Where one that was not synced is
on disk and one before it is not, zeros stand where a record was to be, and others after them. Nobody was told of any of
it, so the journal ends before. What is altered in another way is altered, and refused as such.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_native import read_journal

from tradeplane_workloads.sessions.frames import JOURNAL_HEADER
from tradeplane_workloads.sessions.journal_file import ROOM_BYTES

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECTOR_BYTES = 512
"""What a disk writes whole or not at all; a file begins with one."""
UNSYNCED_BYTES = 2 * ROOM_BYTES
"""How far from its end there can be a hole: all before was synced when room was made for what came after."""
SURE_BYTES = 12
"""Length and number of a record: so many zeros where one begins are no bit that turned over."""
_HEAD = struct.Struct("<IQBI")
_TAIL = 4


def before_hole(journal: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a journal up to the record that a loss of power made a hole in; all of it where there is none."""
    record = _damaged(journal)
    return journal if record is None or not _is_hole(journal, record) else journal[:record]


def _damaged(journal: NDArray[np.uint8]) -> int | None:
    """Return where the first record begins that is altered; None where none is, or only long before the end."""
    if _whole(journal) is not None:
        return None
    sound, unsound = max(JOURNAL_HEADER, len(journal) - UNSYNCED_BYTES), len(journal)
    begins = _whole(journal[:sound])
    if begins is None:
        return None
    while unsound - sound > 1:
        middle = (sound + unsound) // 2
        whole = _whole(journal[:middle])
        if whole is None:
            unsound = middle
        else:
            sound, begins = middle, whole
    return begins


def _whole(journal: NDArray[np.uint8]) -> int | None:
    """Return how many bytes of a journal are whole; None of one that is altered."""
    try:
        return read_journal(journal).whole
    except ValueError:
        return None


def _is_hole(journal: NDArray[np.uint8], record: int) -> bool:
    """Whether a record is zeros from its beginning to the end of a sector, or goes on in a sector of zeros."""
    written = record + int(np.flatnonzero(journal[record:])[0])
    if written // SECTOR_BYTES * SECTOR_BYTES - record >= SURE_BYTES:
        return True
    payload, sector = record + _HEAD.size, (record // SECTOR_BYTES + 1) * SECTOR_BYTES
    if sector < payload and _is_lost(journal, sector):
        return True
    if _whole(journal[:payload]) is None:
        return False  # how long it is cannot be believed
    end = payload + _HEAD.unpack_from(journal.data, record)[0] + _TAIL
    return any(_is_lost(journal, at) for at in range(sector, min(end, len(journal)), SECTOR_BYTES))


def _is_lost(journal: NDArray[np.uint8], sector: int) -> bool:
    return not journal[sector : sector + SECTOR_BYTES].any()
