"""Requests on connections that are kept: each is sent once, and whatever the other side does is told in words."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tradeplane_workloads.brokers.binance import Asked
from tradeplane_workloads.brokers.errors import BrokerError, EndpointUnreachable, NotTheApiExpected
from tradeplane_workloads.brokers.kept_connections import MOST_CONNECTIONS, KeptConnections, Reply

from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

LIMIT_S = 120.0
SECONDS = 60.0
"""How long an answer may take that will come."""
HASTY = 0.5
"""How long an answer may take that will not come."""
ORDER = Asked("POST", "/order", "a=1", 1, 100, {"X-MBX-APIKEY": "k"})
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Mbx-Used-Weight-1m: 7\r\n\r\n{}"


class Server:
    """Reads requests and answers each as it is told to."""

    def __init__(self, answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> None:
        self._answer = answer
        self.connections = 0
        self.requests: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        try:
            while True:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                await self._answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def served(
    answer: Callable[[asyncio.StreamWriter], Awaitable[None]], prefix: str = "", seconds: float = SECONDS
) -> AsyncIterator[tuple[Server, KeptConnections]]:
    """Give a server and connections to it."""
    server = Server(answer)
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        kept = KeptConnections(f"http://127.0.0.1:{port}{prefix}", seconds)
        try:
            yield server, kept
        finally:
            await kept.close()
            listening.close()


def says(data: bytes, *, closes: bool = False) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    """Return what answers so."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        if closes:
            writer.close()

    return answer


async def answered(kept: KeptConnections, asked: Asked = ORDER) -> Reply:
    """Send a request and wait for its answer."""
    return await asyncio.wait_for(sent(kept, asked), LIMIT_S)


def sent(
    kept: KeptConnections, asked: Asked = ORDER, written: Callable[[], None] | None = None
) -> asyncio.Future[Reply]:
    """Send a request."""
    ready = kept.ready(asked)
    ready.written = written
    return kept.send(ready)


async def test_a_connection_is_kept_and_what_is_sent_is_what_was_asked() -> None:
    async with served(says(OK), "/behind") as (server, kept):
        for _ in range(3):
            reply = await answered(kept)
            assert (reply.status, bytes(reply.body), reply.headers["X-Mbx-Used-Weight-1M"]) == (200, b"{}", "7")
        assert server.connections == 1
        first = server.requests[0].decode().split("\r\n")
        assert server.requests == [kept.ready(ORDER).data] * 3
    assert first[0] == "POST /behind/order?a=1 HTTP/1.1"
    assert {"X-MBX-APIKEY: k", "Content-Length: 0", "Accept-Encoding: identity"} < set(first)


async def test_requests_at_once_have_connections_of_their_own_up_to_a_limit() -> None:
    release = asyncio.Event()

    async def wait(writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.write(OK)

    async with served(wait) as (server, kept):
        waiting = [sent(kept) for _ in range(MOST_CONNECTIONS + 3)]
        async with asyncio.timeout(LIMIT_S):
            while len(server.requests) < MOST_CONNECTIONS:
                await asyncio.sleep(0.01)
        assert server.connections == MOST_CONNECTIONS
        release.set()
        replies = await asyncio.wait_for(asyncio.gather(*waiting), LIMIT_S)
    assert [reply.status for reply in replies] == [200] * len(waiting)
    assert len(server.requests) == len(waiting)


async def test_connections_that_were_opened_ahead_are_used() -> None:
    async with served(says(OK)) as (server, kept):
        await kept.open(2)
        await kept.open(2)
        async with asyncio.timeout(LIMIT_S):
            while server.connections < 2:
                await asyncio.sleep(0.01)
        written: list[int] = []
        waiting = [sent(kept, written=lambda: written.append(1)) for _ in range(2)]
        assert written == [1, 1]  # at once, before the loop has had a turn
        await asyncio.wait_for(asyncio.gather(*waiting), LIMIT_S)
        assert server.connections == 2


async def test_what_waits_for_a_connection_is_not_written_before_it_has_one() -> None:
    async with served(says(OK)) as (_, kept):
        written: list[int] = []
        waiting = sent(kept, written=lambda: written.append(1))
        assert written == []
        await asyncio.wait_for(waiting, LIMIT_S)
        assert written == [1]


async def test_where_nobody_listens_opening_ahead_says_nothing_and_the_request_does() -> None:
    kept = KeptConnections(f"http://127.0.0.1:{free_port()}", SECONDS)
    try:
        await asyncio.wait_for(kept.open(3), LIMIT_S)
        with pytest.raises(EndpointUnreachable, match="POST /order: no connection"):
            await answered(kept)
    finally:
        await kept.close()


async def test_one_that_is_closed_after_its_answer_is_not_used_again() -> None:
    async with served(says(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")) as (server, kept):
        for number in (1, 2):
            assert (await answered(kept)).status == 200
            assert server.connections == number


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (says(b"", closes=True), EndpointUnreachable, "the connection was closed before the answer"),
        (says(OK[:20], closes=True), EndpointUnreachable, "the connection was closed before the answer"),
        (says(b"SSH-2.0-OpenSSH_9\r\n"), NotTheApiExpected, "the answer is not HTTP"),
        (
            says(b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + bytes(101)),
            NotTheApiExpected,
            "more than 100 bytes",
        ),
    ],
)
async def test_what_goes_wrong_is_said_and_nothing_is_sent_again(
    answer: Callable[[asyncio.StreamWriter], Awaitable[None]], error: type[BrokerError], words: str
) -> None:
    async with served(answer) as (server, kept):
        with pytest.raises(error, match=words):
            await answered(kept)
        assert len(server.requests) == 1
        with pytest.raises(error):
            await answered(kept)
        assert len(server.requests) == 2


async def test_an_answer_that_does_not_come_is_waited_for_so_long_and_no_longer() -> None:
    async with served(says(b""), seconds=HASTY) as (_, kept):
        with pytest.raises(EndpointUnreachable, match=r"no answer within 0\.5 s"):
            await answered(kept)


async def test_where_nobody_listens_it_is_said() -> None:
    async with served(says(OK)) as (_, kept):
        pass
    with pytest.raises(EndpointUnreachable, match=r"it was not sent|no connection"):
        await answered(kept)


async def test_what_waits_when_it_is_closed_is_told() -> None:
    async with served(says(b"")) as (_, kept):
        waiting = [sent(kept) for _ in range(MOST_CONNECTIONS + 1)]
        await kept.close()
        ended = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), LIMIT_S)
    assert {type(one) for one in ended} == {EndpointUnreachable}
