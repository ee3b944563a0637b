"""What holds for one call of the command: how failures are shown, and what it is called.

Kept apart from the commands so that options given after a subcommand reach the place where failures are printed.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "tradeplane"
"""What the command is called when a person calls it."""


@dataclass(slots=True)
class Session:
    """One call: ``debug`` shows tracebacks, ``json_failures`` prints failures as JSON."""

    program: str = PROGRAM
    debug: bool = field(default_factory=lambda: os.environ.get("TRADEPLANE_DEBUG", "") not in ("", "0"))
    json_failures: bool = False


def program_name(executable: str) -> str:
    """Return what a person typed: ``kubectl tradeplane`` when kubectl found us as its plugin, else ``tradeplane``."""
    name = PurePath(executable).name.removesuffix(".exe")
    return "kubectl tradeplane" if name in ("kubectl-tradeplane", "kubectl_tradeplane") else PROGRAM


def asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether arguments ask for JSON, as far as that shows where they cannot be read as a whole."""
    options = list(takewhile(lambda one: one != "--", arguments))
    joined, apart = {"-ojson", "--output=json"}, {("-o", "json"), ("--output", "json")}
    return not (joined.isdisjoint(options) and apart.isdisjoint(pairwise(options)))


def is_terminal() -> bool:
    """Whether a person watches standard error: progress is shown there and nowhere else."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
