"""Running the programs that build: their own words in the error when they fail, silence when they do not."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from tradeplane_stacks.images.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

BUILD_TIMEOUT_S = 1_800
_LAST_CHARACTERS = 2_000


def run(
    command: Sequence[str | Path],
    *,
    purpose: str,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    timeout_s: int = BUILD_TIMEOUT_S,
) -> str:
    """Run a program and return what it printed.

    Args:
        command: program and arguments.
        purpose: what it is for, as a person would say it after "while".
        environment: variables set for it, beside those of this process.
        directory: where it runs.
        timeout_s: longest it may take, in seconds.

    Raises:
        ImageError: the program is missing, failed or took too long; the message ends with its last words.

    """
    try:
        done = subprocess.run(  # noqa: S603 -- the callers name the programs
            [str(word) for word in command],
            env={**os.environ, **(environment or {})},
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as error:
        raise ImageError(f"While {purpose}: {command[0]} is not installed. `make bootstrap` installs it.") from error
    except subprocess.TimeoutExpired as error:
        raise ImageError(f"While {purpose}: {command[0]} took longer than {timeout_s} s and was stopped.") from error
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip())[-_LAST_CHARACTERS:]
        raise ImageError(f"While {purpose}: {command[0]} failed with status {done.returncode}:\n{words}")
    return done.stdout
