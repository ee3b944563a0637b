"""The command as the demo calls it, with an eye on the files of keys that it is told to sign by."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path

from tradeplane_stacks.demo.scenario import tradeplane


@dataclass
class WatchedKeys:
    """Runs the command line; ``keys`` are the files that it was to sign by, each of which nobody else could read."""

    keys: list[Path] = field(default_factory=list)

    def __call__(self, *arguments: str) -> str:
        """Run a command that signs."""
        key = Path(arguments[arguments.index("--signer") + 1].removeprefix("file:"))
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        self.keys.append(key)
        return tradeplane(*arguments)

    @property
    def left(self) -> list[Path]:
        """The files that are still there."""
        return [key for key in self.keys if key.exists()]
