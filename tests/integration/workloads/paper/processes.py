"""An exchange and a trader as processes of their own, to be killed at any moment and started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
from tradeplane_api.paper import PaperReport
from tradeplane_workloads.exchange.listing import Wire
from tradeplane_workloads.exchange.serving import Address

from tests.integration.workloads.exchange.exchange_client import Client
from tests.integration.workloads.paper.paper_trading import paper
from tests.ports import free_port
from tests.unit.workloads.exchange.small_exchange import keys_in

if TYPE_CHECKING:
    from pathlib import Path

START_S = 120.0
"""How long a process has to be ready, on a busy machine."""


class Place:
    """Where an exchange and its traders live: a folder, and ports that stay the same."""

    def __init__(self, directory: Path, document: dict[str, Any]) -> None:
        self.directory, self.document = directory, document
        self.keys = keys_in(directory / "keys")
        self.port, self.health = free_port(), free_port()
        self.rest, self.streams = f"http://127.0.0.1:{self.port}", f"ws://127.0.0.1:{self.port}"
        (directory / "sessions").mkdir(exist_ok=True)
        (directory / "store").mkdir(exist_ok=True)

    async def exchange(self) -> asyncio.subprocess.Process:
        """Start the exchange and wait until it listens."""
        module = ("tradeplane_workloads.exchange", "--host", "127.0.0.1", "--port", str(self.port))
        files = ("--keys", str(self.keys), "--record", str(self.directory / "record"))
        process = await self._start("exchange", (*module, *files), {"TRADEPLANE_EXCHANGE": json.dumps(self.document)})
        await _answers(f"{self.rest}/healthz", process)
        return process

    async def trader(self, *more: str, **fields: Any) -> asyncio.subprocess.Process:
        """Start a trader."""
        module = ("tradeplane_workloads.paper", "--host", "127.0.0.1", "--port", str(self.health))
        environment = {
            "TRADEPLANE_PAPER": paper(self.rest, self.streams, **fields).model_dump_json(exclude_none=True),
            "TRADEPLANE_SESSIONS": str(self.directory / "sessions"),
            "TRADEPLANE_CREDENTIALS": str(self.keys),
            "TRADEPLANE_STORE_URL": (self.directory / "store").as_uri(),
            "TRADEPLANE_TERMINATION_LOG": str(self.directory / "termination"),
        }
        return await self._start("trader", (*module, *more), environment)

    async def trades(self, trader: asyncio.subprocess.Process) -> None:
        """Wait until a trader says that it is ready."""
        await _answers(f"http://127.0.0.1:{self.health}/readyz", trader)

    async def orders(self, key: str, secret: str) -> int:
        """Return how many orders an account has sent, as far as the exchange tells."""
        async with aiohttp.ClientSession() as http:
            address = Address("127.0.0.1", self.port, Wire.USD_M, ("SYNUSDT",))
            answer = await Client(http, address, key, secret).signed(
                "GET", "/fapi/v1/allOrders", symbol="SYNUSDT", limit=1_000
            )
            return len(answer.body) if answer.status == 200 else 0

    async def trades_more(self) -> None:
        """Wait until the exchange has filled something that it had not when this was called."""
        async with asyncio.timeout(START_S):
            before = await self._last_fill()
            while await self._last_fill() <= before:
                await asyncio.sleep(0.05)

    async def _last_fill(self) -> int:
        """Return the number of the last fill of the first account, 0 where there is none."""
        async with aiohttp.ClientSession() as http:
            address = Address("127.0.0.1", self.port, Wire.USD_M, ("SYNUSDT",))
            answer = await Client(http, address).signed("GET", "/fapi/v1/userTrades", symbol="SYNUSDT", limit=1_000)
            assert answer.status == 200, answer.body
            return max((int(trade["id"]) for trade in answer.body), default=0)

    def report(self) -> PaperReport:
        """Return what the last trader that ended by itself said."""
        return PaperReport.model_validate_json((self.directory / "termination").read_bytes())

    async def _start(
        self, name: str, module: tuple[str, ...], environment: dict[str, str]
    ) -> asyncio.subprocess.Process:
        with (self.directory / f"{name}.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", *module, stdout=log, stderr=log, env=dict(os.environ) | environment
            )


async def ended(process: asyncio.subprocess.Process, number: signal.Signals = signal.SIGTERM) -> int:
    """Send a signal to a process, if it still runs, and return how it ended."""
    if process.returncode is None:
        process.send_signal(number)
    async with asyncio.timeout(START_S):
        return await process.wait()


async def _answers(url: str, process: asyncio.subprocess.Process) -> None:
    """Wait until an address answers with 200."""
    async with asyncio.timeout(START_S), aiohttp.ClientSession() as http:
        while True:
            assert process.returncode is None, f"it ended with {process.returncode}; its log says why"
            try:
                async with http.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.02)
