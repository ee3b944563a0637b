"""Sessions replayed by the image of another processor, whose programs the kernel has emulated.

The image is exported, unpacked and entered by chroot, which needs root: what replays is what a pod on a node of that
processor runs, the Rust core compiled for it. All sessions are replayed by one process: a start takes longest there.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.image_root import entered, hand_over, image_root

if TYPE_CHECKING:
    from collections.abc import Sequence

REPLAY_LIMIT_S = 3_600
BINFMT = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
ARCHITECTURE, MACHINE = "arm64", "aarch64"
REPLAYS = """
import json, os, sys
sys.path.insert(0, "/own")
from tradeplane_store.objects import open_store
from tradeplane_workloads.replay.sessions import replay_session
store = open_store("file:///store")
for session in json.load(sys.stdin):
    found = replay_session(store, session, lambda _: None)
    verdict = found.verdict
    whole = verdict.exact and verdict.fills == verdict.fills_matched and found.digests[0] == found.digests[1]
    print(json.dumps({"machine": os.uname().machine, "exact": whole, "digest": found.digests[1]}), flush=True)
"""


def missing() -> str | None:
    """Say what keeps programs of the other processor from being started, or None."""
    if platform.machine() == MACHINE or (BINFMT.exists() and BINFMT.read_text().startswith("enabled")):
        return None
    return f"the kernel does not start programs of {ARCHITECTURE}: `make bootstrap` says what is missing"


def replayed_elsewhere(store: Path, own: Path, sessions: Sequence[str]) -> list[tuple[bool, str]]:
    """Return of each session whether it is exact on the other processor, and the digest of its figures there.

    ``own``: a folder in which strategies of users are installed. Raises FileNotFoundError where such programs cannot be
    started, RuntimeError where the replay fails.
    """
    if (lacking := missing()) is not None:
        raise FileNotFoundError(lacking)
    with image_root(ARCHITECTURE) as (root, variables):
        for folder, place in ((store, root / "store"), (own, root / "own")):
            shutil.copytree(folder, place)
            hand_over(place)
        return _replayed(root, variables, sessions)


def _replayed(root: Path, environment: dict[str, str], sessions: Sequence[str]) -> list[tuple[bool, str]]:
    done = subprocess.run(
        [*entered(root), "-c", REPLAYS],
        env=environment,
        input=json.dumps(list(sessions)),
        check=False,
        capture_output=True,
        text=True,
        timeout=REPLAY_LIMIT_S,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the replays on {ARCHITECTURE} ended with {done.returncode}: {done.stderr[-2_000:]}")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    if len(found) != len(sessions) or {one["machine"] for one in found} != {MACHINE}:
        raise RuntimeError(f"{len(found)} of {len(sessions)} sessions were replayed on {ARCHITECTURE}")
    return [(one["exact"], one["digest"]) for one in found]
