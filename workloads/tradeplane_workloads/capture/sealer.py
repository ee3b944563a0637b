"""The agent's side of the process that seals: one segment after the other, again where it failed for now."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from typing import TYPE_CHECKING

from tradeplane_api.capture import CAPTURE_VARIABLE, INDEX_VARIABLE, SealedBundle
from tradeplane_api.run import STORE_VARIABLE

from tradeplane_workloads.capture.waits import backoff, stopped_within
from tradeplane_workloads.errors import DataRefused, StoreFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_api.capture import CaptureSpecification

    from tradeplane_workloads.capture.folder import SpoolFolder

SEAL_SECONDS = 900.0
"""How long one segment may take."""
MOST_ATTEMPTS = 200
"""Attempts in a row at one segment, after which the capture ends: about an hour and a half."""
LAST_ATTEMPTS = 3
"""The same when it is time to stop."""
_LINE_BYTES = 1 << 20

_log = logging.getLogger(__name__)


class Sealer:
    """Seals the segments that have ended, in their order."""

    def __init__(
        self,
        specification: CaptureSpecification,
        folder: SpoolFolder,
        places: tuple[str, str | None],
        told: Callable[[SealedBundle], None],
    ) -> None:
        store_url, index_url = places
        self._folder = folder
        self._told = told
        self._process: asyncio.subprocess.Process | None = None
        self._wake = asyncio.Event()
        self._environ = {
            **os.environ,
            CAPTURE_VARIABLE: specification.model_dump_json(),
            STORE_VARIABLE: store_url,
            INDEX_VARIABLE: index_url or "",
        }

    def wake(self) -> None:
        """Say that a segment has ended."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Seal until it is time to stop and all that has ended is sealed.

        Raises DataRefused where a segment can never be sealed, StoreFailure where it cannot after many attempts.
        """
        try:
            while True:
                self._wake.clear()
                for number in self._folder.ended():
                    await self._seal(number, stop)
                if stop.is_set() and not self._folder.ended():
                    return
                if not self._folder.ended():
                    await self._wake.wait()
        finally:
            await self._end()

    async def _seal(self, number: int, stop: asyncio.Event) -> None:
        failures = 0
        while True:
            answer = await self._ask(number)
            if "sealed" in answer:
                self._told(SealedBundle.model_validate(answer["sealed"]))
                return
            words = f"segment {number} of {self._folder.root} is not sealed: {answer['error']}"
            if answer.get("final"):
                raise DataRefused(words)
            failures += 1
            if failures >= (LAST_ATTEMPTS if stop.is_set() else MOST_ATTEMPTS):
                raise StoreFailure(f"{words}; nothing of it is lost: start the capture again when this is put right")
            _log.warning("%s; trying again", words)
            await self._wait(backoff(failures), stop)

    async def _wait(self, seconds: float, stop: asyncio.Event) -> None:
        """Wait before another attempt; when it becomes time to stop, no longer."""
        if stop.is_set():
            await asyncio.sleep(seconds)
        else:
            await stopped_within(stop, seconds)

    async def _ask(self, number: int) -> dict[str, object]:
        """Have a segment sealed, by a new process where the one before has ended."""
        try:
            process = await self._started()
            if process.stdin is None or process.stdout is None:
                raise RuntimeError("the sealing process has no pipes")
            process.stdin.write(f"{number}\n".encode())
            await process.stdin.drain()
            line = await asyncio.wait_for(process.stdout.readline(), SEAL_SECONDS)
            if line:
                answer: dict[str, object] = json.loads(line)
                return answer
            why = f"the process that seals ended with {await process.wait()}"
        except TimeoutError:
            why = f"it took more than {SEAL_SECONDS:g} s"
        except (OSError, ValueError) as error:
            why = f"the process that seals: {error}"
        await self._end()
        return {"error": why, "final": False}

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "tradeplane_workloads.capture.worker", str(self._folder.root)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=self._environ,
                limit=_LINE_BYTES,
                start_new_session=True,  # an interrupt from the terminal is the agent's to answer
            )
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()
