"""The images built a second time, from another checkout with nothing in the cache, while other tests run.

That takes both processors for minutes, and most other tests from end to end wait more than they compute: so it is begun
before them, at the lowest priority, until it is awaited by the tests of images, which come last. Where the kernel
shares processors out by terminal session (``sched_autogroup_enabled``), that priority is the session's and not the
process's.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

CHECKOUT = Path(__file__).resolve().parents[3]
LIMIT_S = 1_800
RECORDS = "records"
"""Directory of the records, beside the layouts."""
_LAST = 'renice -n 19 $$ >/dev/null; if [ -w /proc/$$/autogroup ]; then echo 19 >/proc/$$/autogroup; fi; exec "$@"'
_NOT_COPIED = (".git", ".venv", "target", "build", "dist", "site", "__pycache__", ".*_cache", ".hypothesis", "*.so")


def command(*arguments: str) -> list[str]:
    """Return the command that builds images."""
    return [sys.executable, "-m", "tradeplane_stacks.images", *arguments]


def variables(checkout: Path) -> dict[str, str]:
    """Return the variables with which it is a checkout's."""
    return {"PYTHONPATH": os.pathsep.join(str(checkout / room) for room in ("stacks", "crds"))}


@dataclass(frozen=True)
class Build:
    """Images being built from a copy of the sources, under another umask."""

    directory: Path
    process: subprocess.Popen[bytes]

    @classmethod
    def begin(cls, directory: Path) -> Self:
        """Copy the sources and begin."""
        copy = directory / "another place"
        shutil.copytree(CHECKOUT, copy, ignore=shutil.ignore_patterns(*_NOT_COPIED), symlinks=True)
        layouts = directory / "layouts"
        export = ("export", "--directory", str(layouts), "--records", str(layouts / RECORDS))
        with (directory / "said").open("wb") as said:
            process = subprocess.Popen(
                ["sh", "-c", _LAST, "sh", *command(*export)],
                env={**os.environ, **variables(copy), "TRADEPLANE_CACHE": str(directory / "cache")},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                umask=0o077,
                start_new_session=True,
            )
        return cls(directory, process)

    def layouts(self) -> Path:
        """Return the OCI layouts of both images, once they are there: awaited, it is not the last any more."""
        self._as_anybody()
        code = self.process.wait(timeout=LIMIT_S)
        assert code == 0, (self.directory / "said").read_text(encoding="utf-8")
        return self.directory / "layouts"

    def _as_anybody(self) -> None:
        """Give what still builds the priority of everybody, where we may."""
        with suppress(OSError):  # it ends just now, or we are not to raise it: it is waited for all the same
            os.setpriority(os.PRIO_PGRP, self.process.pid, 0)
            Path(f"/proc/{self.process.pid}/autogroup").write_text("0", encoding="ascii")

    def end(self) -> None:
        """End it where nobody waited for it."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(timeout=60)
            _unmount(self.directory)


def _unmount(directory: Path) -> None:
    """Unmount what a build that was cut short left mounted, innermost first: else nobody could remove the folder."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    places = (line.split()[4].replace("\\040", " ") for line in lines)
    for place in sorted((one for one in places if one.startswith(f"{directory}/")), key=len, reverse=True):
        subprocess.run(["umount", "--lazy", place], check=True, timeout=60)
