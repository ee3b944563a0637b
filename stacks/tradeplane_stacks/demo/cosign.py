"""cosign, which an auditor has and which is nobody's of ours: the one on PATH, or else built from its Go module.

What it says of the demo's evidence is what shows that this can be verified without tradeplane.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_stacks.demo.programs import run
from tradeplane_stacks.local.binaries import COSIGN, Binaries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_REMEDY = "The message above is cosign's; `tradeplane verify` of the same says more."


def provide_cosign(say: Callable[[str], None]) -> Path:
    """Return where cosign is.

    Raises:
        EmbeddedClusterError: it cannot be built.

    """
    found = shutil.which(COSIGN.name)
    if found is not None:
        return Path(found)
    return Binaries.of_user().build((COSIGN,), say)[COSIGN]


def checked_by(cosign: Path, arguments: Sequence[str]) -> str:
    """Verify by cosign; return what it says that it checked, without the statement. Raises DemoError."""
    said = run([cosign, *arguments], _REMEDY, stream="stderr")
    return "\n".join(line for line in said.splitlines() if line.strip())
