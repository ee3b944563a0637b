"""Mount namespaces that are kept by a file, so that processes that come later can enter them (``nsenter --mount``)."""

from __future__ import annotations

import os
from pathlib import Path

from tradeplane_stacks.local.errors import CommandError
from tradeplane_stacks.local.execution import execute


def is_mounted(path: Path) -> bool:
    """Whether something is mounted on a path, a namespace included."""
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return any(line.split(" ")[4] == str(path) for line in mounts)


def make_mount_namespace(kept: Path, script: str) -> None:
    """Make a mount namespace as this one is, run a shell script of mounts in it, and keep it by a file that is there.

    The kernel refuses to mount a namespace within one that is younger, so that none can keep itself, and tells the age
    by a number. Since Linux 6.18 each processor counts from numbers of its own: in a namespace other than the machine's
    first, such as a container's, a new one may have the lower number. Not where both are made on one processor: which
    made ours is not known, so each is tried.

    Raises:
        CommandError: it cannot be made, or the script failed; nothing is left of it.

    """
    refused: CommandError | None = None
    for processor in sorted(os.sched_getaffinity(0)):
        made = (f"--mount={kept}", "--propagation", "slave", "sh", "-e", "-c", script)
        try:
            execute("taskset", "--cpu-list", str(processor), "unshare", *made)
        except CommandError as error:
            if is_mounted(kept):
                execute("umount", str(kept))
                raise
            refused = error
        else:
            return
    if refused is not None:
        raise refused
