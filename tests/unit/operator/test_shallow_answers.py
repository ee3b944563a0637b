"""What kopf reads of the API server can be read, whatever levels an object has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from tradeplane_operator.acting.shallow_answers import ShallowAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DEEP = "[" * 1_500 + "1" + "]" * 1_500
LINES = [
    '{"type": "ADDED", "object": {"n": 1}}',
    f'{{"type": "ADDED", "object": {{"n": {DEEP}}}}}',
    '{"type": "DELETED"}',
]
ANSWERS = {
    "/list": f'{{"items": [{{"n": 1}}, {{"n": {DEEP}}}, {{"n": 3}}]}}',
    "/watch": "\n".join(LINES) + "\n",
    "/cut": "\n".join(LINES),
    "/nothing": "",
    "/rubbish": DEEP[:-1],
}


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Give a session with a server of these answers."""

    async def answer(request: web.Request) -> web.StreamResponse:
        pieces = web.StreamResponse()
        await pieces.prepare(request)
        text = ANSWERS[request.path].encode()
        for start in range(0, len(text), 700):
            await pieces.write(text[start : start + 700])
        return pieces

    application = web.Application()
    application.router.add_get("/{path}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession(base, response_class=ShallowAnswer) as opened:
        yield opened
    await runner.cleanup()


async def test_a_list_is_read_whole(session: aiohttp.ClientSession) -> None:
    async with session.get("/list") as response:
        found = await response.json()
    assert [one["n"] for one in found["items"]][::2] == [1, 3]


@pytest.mark.parametrize("path", ["/watch", "/cut"])
@pytest.mark.parametrize("size", [10, 1_000, 2**20])
async def test_a_watch_is_read_line_by_line_however_it_is_cut(
    session: aiohttp.ClientSession, path: str, size: int
) -> None:
    async with session.get(path) as response:
        text = b"".join([piece async for piece in response.content.iter_chunked(size)])
    with pytest.raises(RecursionError):
        json.loads(LINES[1])
    told = [json.loads(line) for line in text.splitlines()]
    assert [one["type"] for one in told] == ["ADDED", "ADDED", "DELETED"]
    assert told[0]["object"] == {"n": 1}
    assert text.endswith(b"\n") == (path == "/watch")


async def test_what_is_empty_stays_so_and_what_is_no_json_is_refused(session: aiohttp.ClientSession) -> None:
    async with session.get("/nothing") as response:
        assert [piece async for piece in response.content.iter_chunked(10)] == []
    async with session.get("/rubbish") as response:
        with pytest.raises(ValueError, match=r"JSON|unexpected|depth"):
            await response.json()
