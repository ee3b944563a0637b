"""The exchange as a process of its own: as a pod runs it, killed and started again, and as the command runs it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from tradeplane_api.exchange import ExchangeSpecification
from tradeplane_workloads.exchange.listing import Wire
from tradeplane_workloads.exchange.parity import replay_record
from tradeplane_workloads.exchange.serving import Address

from tests.integration.workloads.exchange.exchange_client import LIMIT_S, Client
from tests.unit.workloads.exchange.small_exchange import keys_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

START_S = 120.0
"""How long a process has to begin to listen, on a busy machine."""
PREFIX = "/fapi/v1"
DOCUMENT = {
    "synthetic": {"messages": 3_000, "seed": 3},
    "speed": "10",
    "atEnd": "Repeat",
    "balances": [{"asset": "USDT", "amount": "100000"}],
}
BUY = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "59000.0", "quantity": "0.001"}
TOOL = str(Path(sys.executable).with_name("tradeplane"))


class Process:
    """An exchange in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process, self.log = process, log

    async def address(self) -> Address:
        """Wait until it listens; its log says where."""
        async with asyncio.timeout(START_S):
            while True:
                text = self.log.read_text()
                found = re.search(r"http://127\.0\.0\.1:([0-9]+)", text)
                if found:
                    return Address("127.0.0.1", int(found[1]), Wire.USD_M, ("SYNUSDT",))
                assert self.process.returncode is None, text
                await asyncio.sleep(0.02)

    async def end(self, number: signal.Signals) -> int:
        """Send a signal and return how it ended."""
        self.process.send_signal(number)
        async with asyncio.timeout(LIMIT_S):
            return await self.process.wait()


@asynccontextmanager
async def started(directory: Path, *command: str, document: Any = None) -> AsyncIterator[Process]:
    log = directory / f"log-{len(list(directory.glob('log-*')))}"
    environment = dict(os.environ, XDG_DATA_HOME=str(directory / "data"))
    if document is not None:
        environment["TRADEPLANE_EXCHANGE"] = json.dumps(document)
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(*command, stdout=file, stderr=file, env=environment)
    try:
        yield Process(process, log)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def module(directory: Path, *more: str) -> Sequence[str]:
    place = ("--host", "127.0.0.1", "--port", "0", "--keys", str(keys_in(directory / "keys")))
    return (sys.executable, "-m", "tradeplane_workloads.exchange", *place, *more)


async def test_an_exchange_that_is_killed_goes_on_with_every_order_it_acknowledged(tmp_path: Path) -> None:
    record = tmp_path / "record"
    acknowledged: list[int] = []
    async with aiohttp.ClientSession() as http:
        for life in range(3):
            async with started(tmp_path, *module(tmp_path, "--record", str(record)), document=DOCUMENT) as exchange:
                client = Client(http, await exchange.address())
                alive = (await client.signed("GET", f"{PREFIX}/openOrders")).body
                assert sorted(order["orderId"] for order in alive) == acknowledged
                sending = [
                    asyncio.create_task(client.order(PREFIX, newClientOrderId=f"{life}-{number}", **BUY))
                    for number in range(30)
                ]
                await asyncio.wait(sending[:10])
                assert await exchange.end(signal.SIGKILL) == -signal.SIGKILL
                answers = await asyncio.gather(*sending, return_exceptions=True)
            answered = [answer.body["orderId"] for answer in answers if not isinstance(answer, BaseException)]
            assert len(answered) >= 10
            verdict = replay_record(ExchangeSpecification.model_validate(DOCUMENT), None, record.read_bytes())
            assert verdict.is_exact
            acknowledged = [order.number for order in verdict.venue.ledger.alive(0)]
            assert set(answered) <= set(acknowledged)
            names = [order.sent.client for order in verdict.venue.ledger.alive(0)]
            assert len(set(names)) == len(names)


async def test_sigterm_ends_it_with_nothing_said_of_the_keys(tmp_path: Path) -> None:
    async with started(tmp_path, *module(tmp_path), document=DOCUMENT) as exchange, aiohttp.ClientSession() as http:
        client = Client(http, await exchange.address())
        assert (await client.order(PREFIX, **BUY)).status == 200
        assert (await Client(http, client.address, secret="wrong").order(PREFIX, **BUY)).status == 400  # noqa: S106
        stream = await client.listen("/ws/synusdt@trade")
        reading = asyncio.create_task(stream.to_the_end())
        assert await exchange.end(signal.SIGTERM) == 0
        await reading
        assert stream.socket.close_code == aiohttp.WSCloseCode.GOING_AWAY
        log = exchange.log.read_text()
        assert ("k" * 64 in log, "s" * 64 in log, "signature" in log) == (False, False, False)


@pytest.mark.parametrize(
    ("document", "code", "words"),
    [
        ({"synthetic": {}, "speed": "0"}, 2, "speed: must be above 0"),
        ({"snapshot": "sha256:" + "a" * 64}, 2, "there is no store to read it from"),
    ],
)
async def test_what_cannot_be_played_is_said(tmp_path: Path, document: Any, code: int, words: str) -> None:
    async with started(tmp_path, *module(tmp_path), document=document) as exchange:
        async with asyncio.timeout(START_S):
            assert await exchange.process.wait() == code
        assert words in exchange.log.read_text()


async def test_the_tapes_may_end_it(tmp_path: Path) -> None:
    document = {"synthetic": {"messages": 100}, "speed": "1000", "atEnd": "Stop"}
    record = tmp_path / "record"
    async with started(tmp_path, *module(tmp_path, "--record", str(record)), document=document) as exchange:
        async with asyncio.timeout(START_S):
            assert await exchange.process.wait() == 0
    verdict = replay_record(ExchangeSpecification.model_validate(document), None, record.read_bytes())
    assert (verdict.is_exact, verdict.venue._core.inputs) == (True, 101)


async def test_the_command_serves_until_ctrl_c(tmp_path: Path) -> None:
    command = (TOOL, "exchange", "serve", "--synthetic", "order-book", "--seed", "7", "--speed", "10", "--port", "0")
    async with started(tmp_path, *command, "-o", "json") as exchange, aiohttp.ClientSession() as http:
        address = await exchange.address()
        told = json.loads(exchange.log.read_text())
        assert (told["rest"], told["wire"], told["symbols"]) == (address.rest, "usd-m", ["SYNUSDT"])
        keys = Path(told["keys"])
        pair = [(keys / name).read_text().strip() for name in ("apiKey", "apiSecret")]
        assert {(keys / name).stat().st_mode & 0o777 for name in ("apiKey", "apiSecret")} == {0o600}
        client = Client(http, address, *pair)
        assert (await client.order(PREFIX, **BUY)).status == 200
        assert await exchange.end(signal.SIGINT) == 0
        assert not any(secret in exchange.log.read_text() for secret in pair)


async def test_the_command_plays_a_snapshot_of_the_store(tmp_path: Path) -> None:
    async with started(
        tmp_path, TOOL, "snapshot", "import", "--format", "synthetic", "pair", "-o", "json"
    ) as importing:
        async with asyncio.timeout(START_S):
            assert await importing.process.wait() == 0
        digest = re.search(r"sha256:[0-9a-f]{64}", importing.log.read_text())
    assert digest is not None
    async with started(tmp_path, TOOL, "exchange", "serve", digest[0], "--port", "0") as exchange:
        address = await exchange.address()
        async with aiohttp.ClientSession() as http:
            info = (await Client(http, address).send("GET", f"{PREFIX}/exchangeInfo")).body
        assert [symbol["symbol"] for symbol in info["symbols"]] == ["SYNUSDT", "SYNUSDT-NEXT"]
        assert await exchange.end(signal.SIGINT) == 0
