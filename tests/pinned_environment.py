"""Environments of Python apart from the workspace's, each of one file of pinned requirements.

For programs that are measured against or that judge: what they depend on is not to move what tradeplane depends on.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

INSTALL_LIMIT_S = 600


def python_of(requirements: Path, purpose: str) -> Path:
    """Make the environment, unless there is one for these very requirements; return its Python.

    ``purpose`` names the folder of the cache that it is kept in.
    """
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tradeplane" / purpose
    folder = cache / f"{requirements.stem}-{digest}"
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if not complete.exists():
        subprocess.run(["uv", "venv", "--quiet", "--clear", "--python", "3.11", folder], check=True, timeout=60)
        install: list[str | Path] = ["uv", "pip", "install", "--quiet", "--python", python]
        subprocess.run([*install, "--requirement", requirements], check=True, timeout=INSTALL_LIMIT_S)
        complete.touch()
    return python
