"""The Go that builds programs: the first that is new enough, on PATH or where ``make bootstrap`` puts one.

What is built is found again by the version of Go that built it. So every command has to choose the same, whether the
shell it is called from was set up for that or not: they look in the order in which ``bootstrap.sh`` does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tradeplane_stacks.local.errors import MissingProgramsError
from tradeplane_stacks.local.settings import Settings

OLDEST = (1, 26)
BY_HAND = Path("/usr/local/go/bin/go")
"""Where Go's own instructions have one put it."""
_REMEDY = (
    f"`make bootstrap` fetches one. Or install Go {OLDEST[0]}.{OLDEST[1]} or newer (https://go.dev/dl/) and put it on "
    "PATH."
)


@dataclass(frozen=True)
class Toolchain:
    """A Go that is new enough."""

    program: Path
    version: str
    """As it tells it, e.g. ``go1.26.8``."""


def find_go() -> Toolchain:
    """Return the first Go that is new enough: of those on PATH, where people put it, and where bootstrap does.

    Raises:
        MissingProgramsError: when there is none.

    """
    complaints = []
    for program in _candidates():
        version, complaint = _version_told_by(program)
        found = re.match(r"go(\d+)\.(\d+)", version)
        if found is not None and (int(found.group(1)), int(found.group(2))) >= OLDEST:
            return Toolchain(program, version)
        complaints.append(f"`{program} env GOVERSION` says {version or complaint!r}.")
    if complaints:
        raise MissingProgramsError(f"{complaints[0]} {_REMEDY}")
    raise MissingProgramsError(f"The embedded cluster is built with Go, and there is no `go` on PATH. {_REMEDY}")


def _candidates() -> list[Path]:
    on_path = shutil.which("go")
    fetched = (Settings.from_environment(os.environ).cache / "tools").glob("go-*/bin/go")
    found = [*([Path(on_path)] if on_path else []), BY_HAND, *sorted(fetched, key=_release, reverse=True)]
    return [program for program in found if os.access(program, os.X_OK)]


def _release(program: Path) -> list[int]:
    """Return the release in the name of the folder that a Go was fetched into: 1.26.10 comes after 1.26.8."""
    return [int(number) for number in re.findall(r"\d+", program.parents[1].name)]


@cache
def _version_told_by(program: Path) -> tuple[str, str]:
    """Return what a toolchain says of its version, and what it complains of; asked once in a process."""
    answer = subprocess.run([program, "env", "GOVERSION"], capture_output=True, text=True, check=False, timeout=60)
    return answer.stdout.strip(), answer.stderr.strip()
