"""Processes of their own that begin with Pulumi's SDKs imported: to import that of AWS alone takes seconds.

Each is forked by ``multiprocessing``'s server of forks, which imports this module, and does nothing else.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tradeplane_stacks.automation.environment  # noqa: F401 - what a command of stacks imports as it is called
from tradeplane_cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
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


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Call a command of a stack as a process of its own, in the same folder."""
    with tempfile.TemporaryDirectory() as place:
        out, err = Path(place, "out"), Path(place, "err")
        process = forked(_call, ("stack", *arguments), dict(os.environ), Path.cwd(), out, err)
        process.join(_ENDS_WITHIN_S)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(arguments, _ENDS_WITHIN_S, stderr=err.read_text(encoding="utf-8"))
        return subprocess.CompletedProcess(
            arguments, process.exitcode, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8")
        )


def _call(arguments: Sequence[str], environment: dict[str, str], folder: Path, out: Path, err: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for descriptor, file in ((1, out), (2, err)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), descriptor)
    sys.argv = ["tradeplane", *arguments]
    main()
