"""How much of the machine others used while something was measured.

All that a measurement starts descends from its process, so what the rest used is the machine's busy time less theirs.
A figure taken while others used much of it says little.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_IDLE = (3, 4)
"""Columns of idle time and of waiting for disks in the first line of /proc/stat."""


@dataclass
class Noise:
    """What others use of the machine's processors, from now on."""

    _before: tuple[float, float, dict[int, float]] = field(default_factory=lambda: _usage())

    def share(self) -> float:
        """Return the share of all processors' time that went to processes which are not ours."""
        total, busy, ours = _usage()
        mine = sum(seconds - self._before[2].get(pid, 0.0) for pid, seconds in ours.items())
        return max(0.0, busy - self._before[1] - mine) / (total - self._before[0])


def _usage() -> tuple[float, float, dict[int, float]]:
    """Return the machine's time in all, its busy time, and that of each process of ours; seconds."""
    columns = [int(word) for word in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    total, idle = sum(columns), sum(columns[column] for column in _IDLE)
    return total / _TICKS, (total - idle) / _TICKS, _ours()


def _ours() -> dict[int, float]:
    """Return processor seconds of this process and all that descend from it, by process."""
    parents: dict[int, int] = {}
    seconds: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            parents[int(folder.name)] = int(fields[1])
            seconds[int(folder.name)] = (int(fields[11]) + int(fields[12])) / _TICKS
    return {pid: used for pid, used in seconds.items() if _descends(pid, parents)}


def _descends(pid: int, parents: dict[int, int]) -> bool:
    while pid and pid != os.getpid():
        pid = parents.get(pid, 0)
    return bool(pid)
