"""What a trader answers about itself."""

from __future__ import annotations

import aiohttp
from tradeplane_workloads.paper.health import answering
from tradeplane_workloads.paper.promptness import Promptness


async def test_a_trader_says_what_it_waits_for_and_how_soon_its_orders_left() -> None:
    waits = ["the books"]
    promptness = Promptness(lambda: 3_000_000)
    async with (
        answering("127.0.0.1", 0, lambda: waits[0], promptness.document) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http,
    ):
        async with http.get("/healthz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok\n")
        async with http.get("/readyz") as answer:
            assert (answer.status, await answer.text()) == (503, "the books\n")
        waits[0] = ""
        async with http.get("/readyz") as answer:
            assert (answer.status, await answer.text()) == (200, "trading\n")
        promptness.received(1_000_000)
        promptness.fed()
        promptness.following()()
        async with http.get("/latency") as answer:
            told = await answer.json()
        async with http.get("/other") as answer:
            assert answer.status == 404
    assert (told["orders"], told["toWire"]["p99"], told["sync"]["p99"]) == (1, 0.002, 0)
