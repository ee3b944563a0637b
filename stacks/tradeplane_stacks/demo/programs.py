"""Running the programs the demo uses, each with a limit, and their own words when they fail."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tradeplane_stacks.demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Sequence

_LAST_CHARACTERS = 2_000
_LIMIT_S = 120


def run(
    command: Sequence[str | Path],
    remedy: str,
    *,
    limit_s: float = _LIMIT_S,
    environment: dict[str, str] | None = None,
    group: int | None = None,
    stream: Literal["stdout", "stderr"] = "stdout",
) -> str:
    """Run a program and return what it printed, to one of both streams.

    With ``group`` what it makes belongs to that group, where this user may give it that.

    Raises:
        DemoError: it is missing, failed or took too long.

    """
    shown = " ".join(str(word) for word in command[:4])
    try:
        done = subprocess.run(  # noqa: S603 -- the callers name the programs
            [str(word) for word in command],
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
            group=group if os.geteuid() == 0 else None,
        )
    except FileNotFoundError as error:
        raise DemoError(f"There is no program {command[0]}.", "`make bootstrap` installs what is needed.") from error
    except subprocess.TimeoutExpired as error:
        raise DemoError(f"`{shown} ...` took longer than {limit_s:.0f} s.", remedy) from error
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip())[-_LAST_CHARACTERS:]
        raise DemoError(f"`{shown} ...` failed: {words}", remedy)
    return done.stdout if stream == "stdout" else done.stderr


@dataclass(frozen=True)
class Kubectl:
    """kubectl with one kubeconfig, or with the user's own."""

    program: Path
    kubeconfig: Path | None

    def __call__(
        self, *arguments: str | Path, remedy: str = "Look at the cluster with kubectl.", limit_s: float = _LIMIT_S
    ) -> str:
        """Run kubectl and return what it printed. Raises DemoError as ``run`` does."""
        environment = {"KUBECONFIG": str(self.kubeconfig)} if self.kubeconfig else None
        return run([self.program, *arguments], remedy, environment=environment, limit_s=limit_s)

    def get(self, *arguments: str) -> dict[str, Any]:
        """Return an object or a list."""
        found: dict[str, Any] = json.loads(self("get", *arguments, "-o", "json"))
        return found


def beside_python(name: str) -> Path:
    """Return a program of the environment that this Python is of, which needs nothing on PATH to be run."""
    return Path(sys.executable).with_name(name)


def require(program: str, remedy: str) -> str:
    """Return the path of a program.

    Raises:
        DemoError: it is not on PATH.

    """
    found = shutil.which(program)
    if found is None:
        raise DemoError(f"There is no program {program} on PATH.", remedy)
    return found
