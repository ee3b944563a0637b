"""Frames as a connection gives them, and what is made of them; connections that cannot be had."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from typing import Any

import pytest
from picows import WSMsgType
from tradeplane_native import Spool
from tradeplane_workloads.capture import stream
from tradeplane_workloads.capture.stream import Feed, Listener
from tradeplane_workloads.errors import FeedFailure

from tests.unit.workloads.capture.samples import FEED, specification
from tests.unit.workloads.sample_recordings import depth, trade

TRADE = trade(1, "10.5", symbol="SYNUSDT").encode()


@dataclass
class Frame:
    """A frame, as far as a listener asks."""

    payload: bytes
    msg_type: Any = WSMsgType.TEXT
    fin: bool = True

    def get_payload_as_bytes(self) -> bytes:
        return self.payload

    def get_payload_as_memoryview(self) -> memoryview:
        return memoryview(self.payload)


@dataclass
class Transport:
    """A connection, as far as a listener asks."""

    reading: bool = True
    closed: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def underlying_transport(self) -> Transport:
        return self

    def is_reading(self) -> bool:
        return self.reading

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def disconnect(self) -> None:
        self.closed = True


class Heard:
    """A listener, its spool, and how often it called."""

    def __init__(self, longest: int = 1_000) -> None:
        self.spool, self.transport = Spool(["SYNUSDT"], longest), Transport()
        self.opened = self.attended = 0
        self.listener = Listener(self.spool, self._open, self._attend, longest)
        self.listener.on_ws_connected(self.transport)  # type: ignore[arg-type]

    def frame(self, *arguments: Any, **named: Any) -> None:
        self.listener.on_ws_frame(self.transport, Frame(*arguments, **named))  # type: ignore[arg-type]

    def _open(self) -> None:
        self.opened += 1

    def _attend(self) -> None:
        self.attended += 1


def test_a_message_of_one_frame_and_one_of_several_are_spooled_alike() -> None:
    heard = Heard()
    heard.frame(TRADE)
    heard.frame(TRADE[:7], fin=False)
    heard.frame(TRADE[7:9], WSMsgType.CONTINUATION, fin=False)
    heard.frame(TRADE[9:], WSMsgType.CONTINUATION)
    heard.frame(TRADE, WSMsgType.BINARY)
    assert [line.partition(b" ")[2] for line in heard.spool.take().splitlines()] == [TRADE] * 3
    assert (heard.opened, heard.listener.frames) == (1, 5)


def test_a_message_without_an_end_ends_the_connection_and_is_counted() -> None:
    heard = Heard()
    heard.frame(b"{", fin=False)
    heard.frame(b" " * 1_000, WSMsgType.CONTINUATION, fin=False)
    assert heard.transport.closed
    assert dict(heard.spool.kept_out)["tooLong"] == 1
    assert heard.spool.take() == b""


def test_frames_that_are_no_message_are_none() -> None:
    heard = Heard()
    heard.frame(b"1700000000000", WSMsgType.PONG)
    assert not any(dict(heard.spool.kept_out).values())
    heard.frame(b"", WSMsgType.CLOSE)
    assert heard.transport.closed


def test_a_book_that_is_lost_is_told() -> None:
    heard = Heard()
    change = depth(5, 6, 4, [("1", "1")], []).replace("BTCUSDT", "SYNUSDT").encode()
    heard.frame(change[:9], fin=False)
    heard.frame(change[9:], WSMsgType.CONTINUATION)
    heard.frame(change)
    assert heard.attended == 1
    assert heard.spool.take_lost() == [0]


def test_while_too_much_waits_for_the_disk_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "FULL_BYTES", len(TRADE))
    heard = Heard()
    heard.listener.hold()
    assert heard.transport.reading
    heard.frame(TRADE)
    heard.listener.hold()
    assert not heard.transport.reading
    heard.spool.take()
    heard.listener.hold()
    assert heard.transport.reading


async def test_a_venue_that_cannot_be_reached_ends_the_capture_after_its_attempts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as taken:  # nobody listens there
        taken.bind(("127.0.0.1", 0))
        place = f"ws://127.0.0.1:{taken.getsockname()[1]}"
        waits: list[int] = []

        def wait(failures: int) -> float:
            waits.append(failures)
            return 0.0

        monkeypatch.setattr(stream, "MOST_ATTEMPTS", 3)
        monkeypatch.setattr(stream, "backoff", wait)
        feed = specification(feed={**FEED, "stream": place}).feed
        unreached = Feed(feed, Spool(["SYNUSDT"], 1_000), lambda: None, lambda: None)
        with pytest.raises(FeedFailure, match=rf"{place} gave nothing in 3 attempts; check the address"):
            await asyncio.wait_for(unreached.run(asyncio.Event()), 60)
    assert waits == [1, 2, 3]
    assert unreached.connections == 0
