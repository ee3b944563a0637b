"""Group commit: what arrives while a transaction is on its way to the disk goes into the next one.

A commit waits for the disk, whatever it holds. One transaction an event would be as fast as the disk turns; with
this, who records gets an answer as late as the commit of their own event, and a hundred of them wait for one.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Self

from tradeplane_evidence.ledger.appending import MAX_BATCH, Recorded, append, utc_now
from tradeplane_evidence.ledger.errors import LedgerUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Engine

    from tradeplane_evidence.ledger.events import Event

MAX_WAITING = 100_000
"""Events that wait to be appended; more are refused rather than held in memory."""
_Asked = tuple["Event", "Future[Recorded]"]


class GroupCommit:
    """Appends events of many callers, on a thread of its own, in the order in which they were given."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._clock = clock
        self._waiting: queue.Queue[_Asked | None] = queue.Queue(MAX_WAITING)
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, event: Event) -> Future[Recorded]:
        """Have an event appended; the future is done once it is on the disk, or raises what ``append`` raises.

        Raises LedgerUnavailable where ``MAX_WAITING`` wait already, or after ``close``.
        """
        future: Future[Recorded] = Future()
        with self._closing:  # nothing is put behind the mark of the end, where nobody would ever take it
            if self._closed:
                raise LedgerUnavailable("the ledger was closed; open it anew")
            try:
                self._waiting.put_nowait((event, future))
            except queue.Full as error:
                raise LedgerUnavailable(f"{MAX_WAITING:,} events wait for the ledger; append this one later") from error
        return future

    def close(self) -> None:
        """Append what waits, and end."""
        with self._closing:
            first, self._closed = not self._closed, True
        if first:
            self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        going = True
        while going:
            asked, going = self._next()
            self._commit(asked)

    def _next(self) -> tuple[list[_Asked], bool]:
        """Wait for events, and take all there are up to a limit; say whether more can come."""
        asked: list[_Asked] = []
        one = self._waiting.get()
        while one is not None:
            asked.append(one)
            if len(asked) == MAX_BATCH:
                return asked, True
            try:
                one = self._waiting.get_nowait()
            except queue.Empty:
                return asked, True
        return asked, False

    def _commit(self, asked: list[_Asked]) -> None:
        wanted = [(event, future) for event, future in asked if future.set_running_or_notify_cancel()]
        if not wanted:
            return
        try:
            found = append(self._engine, [event for event, _ in wanted], self._clock)
        except Exception as error:  # whatever it is, it is for who asked; those who come after are still served
            for _, future in wanted:
                future.set_exception(error)
            return
        for (_, future), recorded in zip(wanted, found, strict=True):
            future.set_result(recorded)
