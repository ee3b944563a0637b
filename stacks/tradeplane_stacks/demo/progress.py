"""Telling a person what is going on: numbered stages, what each is doing, how long it took.

Plain lines, the same on a terminal and in a pipe. On a terminal what is waited for is shown in place and goes when it
is over; in a pipe it is a line, and only when it changes.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_INDENT = "      "
_WIDTH = 110


@dataclass
class Progress:
    """Writes the stages of one command to a stream."""

    stream: IO[str]
    stages: int
    """How many stages there will be."""
    terminal: bool
    clock: Callable[[], float] = time.monotonic
    _number: int = 0
    _begun: float = field(default=0.0)
    _shown: str = ""
    current: str = ""
    """Name of the stage that runs, or that failed."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Run one stage: its name before, its time after."""
        self._number += 1
        self.current = name
        self._begun = self.clock()
        self._line(f"[{self._number}/{self.stages}] {name}")
        yield
        self._line(f"{_INDENT}done in {self.elapsed()}")

    def say(self, text: str) -> None:
        """Say something that stays on the screen."""
        for line in text.splitlines():
            self._line(f"{_INDENT}{line}")

    def waiting(self, text: str) -> None:
        """Say what is waited for now; it may be said again and again."""
        if self.terminal:
            line = f"{_INDENT}{text} ({self.elapsed()})"
            self.stream.write(f"\r\x1b[2K{line[:_WIDTH]}")
            self.stream.flush()
        elif text != self._shown:
            self._line(f"{_INDENT}{text}")
        self._shown = text

    def elapsed(self) -> str:
        """Return how long the stage has run, for a person."""
        return duration(self.clock() - self._begun)

    def _line(self, text: str) -> None:
        clear = "\r\x1b[2K" if self.terminal and self._shown else ""
        self._shown = ""
        self.stream.write(f"{clear}{text}\n")
        self.stream.flush()


def duration(seconds: float) -> str:
    """Write a duration: ``0.4 s``, ``12 s``, ``3 min 20 s``."""
    if seconds < 10:  # a tenth is worth saying
        return f"{seconds:.1f} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes else f"{whole} s"
