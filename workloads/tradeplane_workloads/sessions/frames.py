"""Where the frames of a journal, or of an exchange's record, are: both are a header and then frames of one form.

What is in a frame is believed by whoever checks it (``tradeplane_native.read_journal``, ``exchange.parity``); here is
only where one ends and the next begins, which is where a file may be cut.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from tradeplane_workloads.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

JOURNAL_HEADER, RECORD_HEADER = 92, 48
"""Bytes before the first frame."""
MAX_PAYLOAD = 1 << 22
PIECE_BYTES = 1 << 23
"""Bytes from which on a piece is full: it ends with the frame that fills it."""
MAX_PIECE_BYTES = PIECE_BYTES + MAX_PAYLOAD + 64
_HEAD = struct.Struct("<IQBI")
_TAIL = 4


class Found(NamedTuple):
    """A frame: its number, its kind, and where its payload is."""

    number: int
    kind: int
    begin: int
    end: int


def frames(file: NDArray[np.uint8], header: int, whole: int | None = None) -> Iterator[Found]:
    """Return the frames of a file up to a torn end, or up to ``whole`` bytes.

    Raises DataRefused for one that is longer than any, or not the one after that before.
    """
    view, place, number = file.data, header, 0
    size = len(view) if whole is None else whole
    while place + _HEAD.size <= size:
        length, found, kind, _ = _HEAD.unpack_from(view, place)
        begin = place + _HEAD.size
        if found != number + 1 or length > MAX_PAYLOAD:
            if whole is None and not any(view[begin - 4 : size]):
                return  # a crash left zeros, as a file is made longer before it has its content
            raise DataRefused(f"frame {number + 1} was altered; restore the file from a copy")
        place, number = begin + length + _TAIL, found
        if place > size:
            return
        yield Found(number, kind, begin, begin + length)


def pieces(file: NDArray[np.uint8], header: int, whole: int | None = None) -> list[tuple[int, int, int]]:
    """Return where a file is cut: of each piece its first byte, its end, and how many frames end in it.

    Two files that begin alike are cut alike as far as they are the same.
    """
    cuts, first, last, count = [], 0, header, 0
    for frame in frames(file, header, whole):
        last, count = frame.end + _TAIL, count + 1
        if last - first >= PIECE_BYTES:
            cuts.append((first, last, count))
            first, count = last, 0
    if last > first:
        cuts.append((first, last, count))
    return cuts
