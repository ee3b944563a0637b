"""An event loop whose time passes only when everything that runs waits for it: hours of waiting take no time."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any


class SteppedLoop(asyncio.SelectorEventLoop):
    """A loop that, instead of sleeping, puts its clock to when the next thing is due."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.now = 0.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Return the loop's own time, in seconds."""
        return self.now


class _Selector(selectors.SelectSelector):
    def __init__(self, loop: SteppedLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        """Look at what is ready, and let the time pass that would have been waited."""
        assert timeout is not None, "everything waits, and nothing ever will happen"
        self._loop.now += max(0.0, timeout)
        return super().select(0)
