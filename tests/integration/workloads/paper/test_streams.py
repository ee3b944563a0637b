"""A trader's WebSocket connections: what is heard, when it was received, and what ends a connection."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from picows import WSListener, WSMsgType, ws_create_server
from tradeplane_workloads.brokers.errors import EndpointUnreachable, NotTheApiExpected
from tradeplane_workloads.errors import StoreFailure
from tradeplane_workloads.paper import streams
from tradeplane_workloads.paper.streams import Connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from picows import WSFrame, WSTransport

LIMIT_S = 120.0
TEXT, CONTINUATION, BINARY, PING = WSMsgType.TEXT, WSMsgType.CONTINUATION, WSMsgType.BINARY, WSMsgType.PING
Say = tuple[WSMsgType, bytes, bool]


class Ear:
    """Notes what it is told."""

    def __init__(self, *, fails: Exception | None = None, cannot_begin: Exception | None = None) -> None:
        self.messages: list[tuple[bytes, int]] = []
        self.told: list[str] = []
        self.changed = asyncio.Event()
        self._fails, self._cannot_begin = fails, cannot_begin

    async def opened(self) -> None:
        """Begin."""
        self._tell("opened")
        if self._cannot_begin is not None:
            raise self._cannot_begin

    def heard(self, message: bytes, received: int) -> None:
        """Note a message."""
        self.messages.append((message, received))
        self._tell("heard")
        if self._fails is not None:
            raise self._fails

    def closed(self) -> None:
        """Note the end."""
        self._tell("closed")

    def _tell(self, what: str) -> None:
        self.told.append(what)
        self.changed.set()

    async def until(self, holds: Callable[[Ear], bool]) -> None:
        """Wait until something holds, which then stays so."""
        async with asyncio.timeout(LIMIT_S):
            while not holds(self):
                self.changed.clear()
                await self.changed.wait()


class Speaker(WSListener):
    """Says what it is to say to each that connects, all at once, and notes what it is told."""

    def __init__(self, says: list[Say], pongs: list[bytes]) -> None:
        super().__init__()
        self._says, self._pongs = says, pongs

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Speak, in one write: short frames without a mask, RFC 6455 section 5.2."""
        frames = [bytes([fin << 7 | kind.value, len(payload)]) + payload for kind, payload, fin in self._says]
        transport.underlying_transport.write(b"".join(frames))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Note an answer to a ping; answer the end with the end."""
        if frame.msg_type == WSMsgType.PONG:
            self._pongs.append(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()


@asynccontextmanager
async def speaking(*says: Say, pongs: list[bytes] | None = None, answers: bool = True) -> AsyncIterator[str]:
    """Serve what says so, and answers pings or not; give its address."""
    heard = [] if pongs is None else pongs
    server = await ws_create_server(lambda _: Speaker(list(says), heard), "127.0.0.1", 0, enable_auto_pong=answers)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
    finally:
        server.close()


@asynccontextmanager
async def listening(url: str, ear: Ear, silent_seconds: float | None = None) -> AsyncIterator[asyncio.Task[None]]:
    """Listen while the block runs."""

    async def address() -> str:
        return url

    task = asyncio.ensure_future(Connection("the stream", address, ear, silent_seconds).run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, StoreFailure, NotTheApiExpected):
            await task


async def test_messages_are_heard_in_turn_also_those_of_several_frames() -> None:
    parts: list[Say] = [(TEXT, b"tw", False), (CONTINUATION, b"", False), (CONTINUATION, b"o", True)]
    ear = Ear()
    async with speaking((TEXT, b"one", True), *parts, (TEXT, b"three", True)) as url, listening(url, ear):
        await ear.until(lambda ear: len(ear.messages) == 3 and "opened" in ear.told)
    assert [message for message, _ in ear.messages] == [b"one", b"two", b"three"]
    assert ear.told[-1] == "closed"
    assert ear.told.count("opened") == ear.told.count("closed") == 1


async def test_what_was_read_at_once_was_received_at_once_however_long_each_is_handled() -> None:
    ear = Ear()
    pongs: list[bytes] = []
    says: list[Say] = [(TEXT, b"a", True), (TEXT, b"b", True), (PING, b"still there?", True)]
    async with speaking(*says, pongs=pongs) as url, listening(url, ear):
        await ear.until(lambda ear: len(ear.messages) == 2)
    (_, first), (_, second) = ear.messages
    assert first == second


async def test_a_ping_is_answered() -> None:
    pongs: list[bytes] = []
    ear = Ear()
    async with speaking((PING, b"still there?", True), (TEXT, b"a", True), pongs=pongs) as url, listening(url, ear):
        await ear.until(lambda ear: len(ear.messages) == 1)
        async with asyncio.timeout(LIMIT_S):
            while not pongs:
                await asyncio.sleep(0)
    assert pongs == [b"still there?"]


async def test_whoever_answers_no_ping_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.1)
    ear = Ear()
    async with speaking(answers=False) as url, listening(url, ear):
        await ear.until(lambda ear: ear.told.count("closed") >= 2)


async def test_a_connection_of_something_else_is_made_anew() -> None:
    ear = Ear()
    async with speaking((BINARY, b"\x00", True), (TEXT, b"not heard", True)) as url, listening(url, ear):
        await ear.until(lambda ear: ear.told.count("closed") >= 2)
    assert ear.messages == []


async def test_a_message_that_is_too_long_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MESSAGE_BYTES", 4)
    for parts in ([(TEXT, b"123", False), (CONTINUATION, b"45", True)], [(TEXT, b"12345", True)]):
        ear = Ear()
        async with speaking(*parts) as url, listening(url, ear):
            await ear.until(lambda ear: "closed" in ear.told)
        assert ear.messages == []


async def test_silence_ends_a_connection() -> None:
    ear = Ear()
    async with speaking((TEXT, b"one", True)) as url, listening(url, ear, silent_seconds=0.05):
        await ear.until(lambda ear: "heard" in ear.told and ear.told[-1] == "closed")
    assert {message for message, _ in ear.messages} == {b"one"}


async def test_what_the_ear_fails_with_is_raised_and_nothing_more_is_heard() -> None:
    ear = Ear(fails=StoreFailure("the disk is gone"))
    async with speaking((TEXT, b"one", True), (TEXT, b"two", True)) as url, listening(url, ear) as task:
        with pytest.raises(StoreFailure, match="the disk is gone"):
            await asyncio.wait_for(task, LIMIT_S)
    assert [message for message, _ in ear.messages] == [b"one"]
    assert ear.told[-1] == "closed"


async def test_where_the_ear_cannot_begin_the_connection_is_made_anew_for_a_broker_s_error_alone() -> None:
    ear = Ear(cannot_begin=EndpointUnreachable("no answer"))
    async with speaking() as url, listening(url, ear):
        await ear.until(lambda ear: ear.told.count("opened") >= 2)
    assert ear.told[:2] == ["opened", "closed"]

    ear = Ear(cannot_begin=StoreFailure("the disk is gone"))
    async with speaking() as url, listening(url, ear) as task:
        with pytest.raises(StoreFailure, match="the disk is gone"):
            await asyncio.wait_for(task, LIMIT_S)


async def test_a_refusal_is_no_connection_and_a_venue_that_wants_no_request_is_left_alone() -> None:
    asked = []

    async def refuse(_: web.Request) -> web.Response:
        asked.append(asyncio.get_running_loop().time())
        return web.Response(status=429, headers={"Retry-After": "1"})

    application = web.Application()
    application.add_routes([web.get("/ws", refuse)])
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        ear = Ear()
        async with listening(f"ws://127.0.0.1:{runner.addresses[0][1]}/ws", ear), asyncio.timeout(LIMIT_S):
            while len(asked) < 2:
                await asyncio.sleep(0.01)
    finally:
        await runner.cleanup()
    assert asked[1] - asked[0] >= 1.0
    assert ear.told == []


async def test_nobody_there_is_told_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    async with speaking() as url:
        pass
    ear = Ear()
    async with listening(url, ear), asyncio.timeout(LIMIT_S):
        while caplog.text.count("the stream cannot be reached") < 2:
            await asyncio.sleep(0.01)
    assert ear.told == []
    assert url not in caplog.text
