"""Processes of their own that begin with Pulumi's SDKs imported: to import that of AWS alone takes seconds.

Each is forked by ``multiprocessing``'s server of forks, which imports this module, and does nothing else.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tradeplane_stacks.automation.environment  # noqa: F401 - what a command of stacks imports as it is called
from tradeplane_cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.context import ForkServerProcess

_ROOT = Path(__file__).parents[3]
_ENDS_WITHIN_S = 120
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])


def forked(target: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """Start a process that calls a function."""
    with contextlib.chdir(_ROOT):  # from where the server imports this module
        forkserver.ensure_running()
    process = _FORKS.Process(target=target, args=arguments)
    process.start()
    return process


@dataclass(frozen=True)
class Started:
    """A command of a stack that runs, in a session of its own: what is below it, pulumi, is sent signals with it."""

    process: ForkServerProcess
    out: Path
    err: Path

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it and to what is below it, as a terminal does; it has come to ask for something by now."""
        assert self.process.pid is not None
        os.killpg(self.process.pid, number)

    def ended(self) -> subprocess.CompletedProcess[str]:
        """Wait for its end, and return what it said."""
        self.process.join(_ENDS_WITHIN_S)
        err = self.err.read_text(encoding="utf-8")
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired("tradeplane", _ENDS_WITHIN_S, stderr=err)
        out = self.out.read_text(encoding="utf-8")
        return subprocess.CompletedProcess("tradeplane", self.process.exitcode, out, err)


@contextlib.contextmanager
def started(*arguments: str, **variables: str) -> Iterator[Started]:
    """Start a command of a stack in the same folder, with variables of the environment changed; it ends with this."""
    with tempfile.TemporaryDirectory() as place:
        out, err = Path(place, "out"), Path(place, "err")
        process = forked(_call, ("stack", *arguments), os.environ | variables, Path.cwd(), out, err)
        one = Started(process, out, err)
        try:
            yield one
        finally:
            if process.exitcode is None:
                with contextlib.suppress(ProcessLookupError):  # it has no session before it runs
                    one.send(signal.SIGKILL)
                process.kill()
                process.join()


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Call a command of a stack as a process of its own, in the same folder."""
    with started(*arguments) as one:
        return one.ended()


def _call(arguments: Sequence[str], environment: dict[str, str], folder: Path, out: Path, err: Path) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for descriptor, file in ((1, out), (2, err)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), descriptor)
    sys.argv = ["tradeplane", *arguments]
    main()
