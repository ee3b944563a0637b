"""Peers to measure against, each in an environment of its own from its own pinned requirements.

The scripts beside this module run inside those environments and import nothing of tradeplane.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.pinned_environment import python_of

HERE = Path(__file__).parent
RUN_LIMIT_S = 900


def environment(peer: str) -> Path:
    """Make the peer's environment, unless there is one for these very requirements; return its Python."""
    return python_of(HERE / f"{peer}.txt", "peers")


def run(peer: str, *arguments: str | Path) -> dict[str, Any]:
    """Run a peer's script in its environment; return the JSON it prints on its last line."""
    command: list[str | Path] = [environment(peer), HERE / f"{peer}.py", *arguments]
    single = {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    finished = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=RUN_LIMIT_S, env=os.environ | single
    )
    answer: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return answer
