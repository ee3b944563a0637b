"""A capture's specification, and a spool with segments of synthetic flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_api.capture import CaptureSpecification
from tradeplane_workloads.capture.folder import SpoolFolder

from tests.binance_wire import Book, flow, wire
from tests.unit.workloads.sample_recordings import LOCAL

if TYPE_CHECKING:
    from pathlib import Path

FEED: dict[str, Any] = {
    "market": "UsdMargined",
    "stream": "ws://127.0.0.1:1",
    "rest": "http://127.0.0.1:1",
    "symbols": ["SYNUSDT"],
    "channels": ["Depth", "Trade"],
}


def specification(**changes: Any) -> CaptureSpecification:
    """Return a capture of one synthetic future."""
    return CaptureSpecification.model_validate({"capture": "synthetic", "feed": FEED, **changes})


def recording(messages: int) -> list[bytes]:
    """Return the lines of a recording that begins with a snapshot of the book."""
    book = Book()
    texts: list[str] = []
    for message in wire(flow(messages)):
        book.apply(message.text)
        texts.append(message.text if texts else book.snapshot())
    return [f"{LOCAL + 1_000 * number} {text}\n".encode() for number, text in enumerate(texts)]


def spooled(root: Path, pieces: list[list[bytes]]) -> SpoolFolder:
    """Return a spool whose segments, the last empty, have these lines."""
    folder = SpoolFolder(root)
    folder.claim(specification())
    for number, piece in enumerate([*pieces, []], start=1):
        folder.log(number).write_bytes(b"".join(piece))
    return folder
