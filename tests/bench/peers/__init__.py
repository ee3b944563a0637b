"""Peers to measure against, each in an environment of its own from its own pinned requirements.

The scripts beside this module run inside those environments and import nothing of tradeplane.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
INSTALL_LIMIT_S = 600
RUN_LIMIT_S = 900


def cache() -> Path:
    """Name the folder that environments are kept in between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tradeplane" / "peers"


def environment(peer: str) -> Path:
    """Make the peer's environment, unless there is one for these very requirements; return its Python."""
    requirements = HERE / f"{peer}.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    folder = cache() / f"{peer}-{digest}"
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if not complete.exists():
        subprocess.run(["uv", "venv", "--quiet", "--clear", "--python", "3.11", folder], check=True, timeout=60)
        install: list[str | Path] = ["uv", "pip", "install", "--quiet", "--python", python]
        subprocess.run([*install, "--requirement", requirements], check=True, timeout=INSTALL_LIMIT_S)
        complete.touch()
    return python


def run(peer: str, *arguments: str | Path) -> dict[str, Any]:
    """Run a peer's script in its environment; return the JSON it prints on its last line."""
    command: list[str | Path] = [environment(peer), HERE / f"{peer}.py", *arguments]
    single = {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    finished = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=RUN_LIMIT_S, env=os.environ | single
    )
    answer: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return answer
