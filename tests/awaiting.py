"""Waiting for a condition, with a limit and a name, where nothing tells when it holds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def until(condition: Callable[[], bool], what: str, seconds: float = 300.0) -> None:
    """Wait until something holds; what takes longer fails, and says what was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(0.05)
