"""Programs of later stages, built while the stages before wait: ``python -m tradeplane_stacks.demo.ahead NAME...``.

Pulumi's engine, its plugin and cosign take minutes of both processors where they are not there yet, and until they are
needed much waits: for wheels, for a linker, for an emulated node. They are built in a process of its own, at the lowest
priority, so that it can be ended with all that it started. It is only ever early: where it fails, or is not done yet,
the stage that needs a program builds it, or waits for it, and complains.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tradeplane_stacks.automation.pulumi_program import kubernetes_plugin_present
from tradeplane_stacks.local.binaries import COSIGN, PULUMI, PULUMI_KUBERNETES, Binaries, Program
from tradeplane_stacks.local.errors import EmbeddedClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PROGRAMS = {program.name: program for program in (PULUMI, PULUMI_KUBERNETES, COSIGN)}
_LOWEST_PRIORITY = 19
_ENDS_WITHIN_S = 10


def to_build(*, evidence: bool) -> tuple[Program, ...]:
    """Return what the demo will need that is neither installed nor built, in the order in which it does.

    ``evidence`` is whether runs are attested, which cosign verifies. Without Go there is nothing to build by, which the
    stage that needs a program tells.
    """
    wanted = {
        PULUMI: shutil.which(PULUMI.name) is None,
        PULUMI_KUBERNETES: not kubernetes_plugin_present(),
        COSIGN: evidence and shutil.which(COSIGN.name) is None,
    }
    try:
        paths = Binaries.of_user().locate(tuple(program for program, needed in wanted.items() if needed))
    except EmbeddedClusterError:
        return ()
    return tuple(program for program, path in paths.items() if not path.exists())


@contextmanager
def built_ahead(programs: Sequence[Program], say: Callable[[str], None]) -> Iterator[None]:
    """Build these beside what is done meanwhile, one after the other; what is not done at the end is ended."""
    if not programs:
        yield
        return
    names = [program.name for program in programs]
    say(f"built meanwhile for later stages: {', '.join(names)}")
    child = subprocess.Popen(  # noqa: S603 - this very Python
        [sys.executable, "-m", __name__, *names],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,  # not a session: where the kernel groups by those, it heeds priorities within one alone
    )
    try:
        yield
    finally:
        _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, which are a group of their own."""
    for signalled in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):  # nothing of the group is left
            os.killpg(child.pid, signalled)
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=_ENDS_WITHIN_S)
            return


def main(names: Sequence[str]) -> int:
    """Build programs by their names; return 0, or 1 where one could not be built."""
    # By SystemExit, so that a build that is ended leaves no files behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    os.nice(_LOWEST_PRIORITY)
    built = Binaries.of_user()
    try:
        for name in names:
            built.build((_PROGRAMS[name],), lambda _: None)
    except EmbeddedClusterError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
