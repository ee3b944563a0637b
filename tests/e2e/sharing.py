"""How test modules share two processors and one cluster: what goes together, what comes first, what is alone.

Most of a test from end to end is waiting, so modules run in two processes (``make test-e2e``), and each is begun by the
process that is free. Who disturbs the cluster under everybody has it alone; that is held to by a lock, whatever comes
first, and not by the order here, which only keeps anybody from waiting long.
"""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Iterator

BESIDE = "beside"
"""The group of those who leave the cluster alone, and have one process: the demo, on a cluster of its own, and images.

What builds images a second time is begun with it, and awaited by its last.
"""
_BESIDE = ("demo", "images")
_ALONE = ("test_embedded_cluster", "test_takeover", "test_node_away")
"""Modules that kill the cluster's components, a node, or the operator that all are served by."""
_LONGEST = (
    "test_refusals",
    "test_sessions",
    "test_replays",
    "test_captures",
    "test_hostile_tenant",
    "test_lifecycle",
    "test_session_replays",
    "test_interruptions",
)
"""Modules that take a minute or more: begun before the others, so that nobody is left with one at the end."""


def is_beside(module: Path) -> bool:
    """Return whether a module leaves the cluster alone."""
    return module.parent.name in _BESIDE


def is_alone(module: Path) -> bool:
    """Return whether a module has the cluster alone."""
    return module.stem in _ALONE


def group(module: Path) -> str:
    """Return what a module is a part of that one process runs as a whole, in its order."""
    if is_beside(module):
        return BESIDE
    return "alone" if is_alone(module) else module.stem


def place(module: Path) -> tuple[int, ...]:
    """Return by what modules are sorted; those of one place stay as they were."""
    if is_beside(module):
        return (0, _BESIDE.index(module.parent.name))
    if is_alone(module):
        return (1, _ALONE.index(module.stem))
    return (2, _LONGEST.index(module.stem) if module.stem in _LONGEST else len(_LONGEST))


class ByGroup(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a process that is free the next group, as ``--dist=loadfile`` gives it the next module."""

    def _split_scope(self, nodeid: str) -> str:
        return group(Path(nodeid.partition("::")[0]))


@dataclass
class Turns:
    """Who has the cluster now, of all processes of a run."""

    file: IO[str]
    _has: int = field(default=fcntl.LOCK_UN, init=False)

    @contextmanager
    def taken(self, *, alone: bool) -> Iterator[None]:
        """Wait for a turn at the cluster, together with others or alone; have it until this is left.

        Within another turn it takes the place of that one, which is taken again afterwards.
        """
        before = self._has
        self._take(fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        try:
            yield
        finally:
            self._take(before)

    def _take(self, turn: int) -> None:
        if turn != self._has:
            fcntl.flock(self.file, turn)
            self._has = turn
