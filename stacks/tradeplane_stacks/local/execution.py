"""Runs the machine's own programs (``ip``, ``mount``, ...) with a limit, and tells what they said when they fail."""

from __future__ import annotations

import shutil
import subprocess

from tradeplane_stacks.local.component import BASE_ENVIRONMENT
from tradeplane_stacks.local.errors import CommandError

_LIMIT_SECONDS = 60.0


def find_program(name: str) -> str | None:
    """Path of a program, looked for where administrators' programs are, whatever the caller's PATH."""
    return shutil.which(name, path=BASE_ENVIRONMENT["PATH"])


def execute(name: str, *arguments: str, content: str | None = None, limit_seconds: float = _LIMIT_SECONDS) -> str:
    """Run a program to its end and return its output.

    Raises:
        CommandError: when it is missing, fails, or takes longer than the limit.

    """
    program = find_program(name) or name
    line = " ".join((name, *arguments))
    try:
        answer = subprocess.run(
            [program, *arguments],
            input=content,
            capture_output=True,
            text=True,
            check=False,
            timeout=limit_seconds,
            env=dict(BASE_ENVIRONMENT),
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"`{line}` took more than {limit_seconds:.0f} s.") from error
    except OSError as error:
        raise CommandError(f"`{line}` could not be run: {error}.") from error
    if answer.returncode != 0:
        raise CommandError(f"`{line}` failed ({answer.returncode}): {(answer.stderr or answer.stdout).strip()}")
    return answer.stdout
