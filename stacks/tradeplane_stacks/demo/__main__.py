"""``python -m tradeplane_stacks.demo up|down``: what ``make demo`` and ``make down`` call."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from tradeplane_stacks.demo.choice import Machine, choose
from tradeplane_stacks.demo.clusters import cluster_of
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.progress import Progress
from tradeplane_stacks.demo.scenario import GENERATED, STAGES, Demo
from tradeplane_stacks.deployment import UnpinnedImage
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.trees import remove_tree
from tradeplane_stacks.local.errors import EmbeddedClusterError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tradeplane_stacks.demo.clusters import DemoCluster

_REMEMBERED = GENERATED / "cluster"
_EPILOG = """\
environment:
  CLUSTER     embedded (default as root on Linux), kind (needs Docker and kind) or current (what KUBECONFIG names)
  ARM64       0 leaves out the embedded cluster's emulated arm64 node
  REGISTRY    with current: registry the nodes pull from
  STACK       with current: settings of a stack, see docs/stacks/platform.md; images are those just built
  STORE       with current: URL of the store as this machine reaches it, where STACK does not say
  PLAIN_HTTP  with current: 1 where the registry speaks HTTP without TLS

exit codes: 0 done, 1 a stage failed (it is named, with cause and remedy), 2 asked wrongly, 130 interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tradeplane_stacks.demo",
        description="A cluster, images, operator and an example, to a finished strategy; and away with it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up", help="bring everything up, to a result on screen; run again, it goes on or only checks")
    commands.add_parser("down", help="remove everything that `up` made; build caches stay")
    command = parser.parse_args(arguments).command
    progress = Progress(sys.stderr, STAGES if command == "up" else 1, terminal=sys.stderr.isatty())
    try:
        return _up(progress) if command == "up" else _down(progress)
    except (DemoError, ImageError, EmbeddedClusterError, UnpinnedImage) as error:
        sys.stderr.write(failure(progress, error))
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; the same command goes on from here\n")
        return 130


def failure(progress: Progress, error: Exception) -> str:
    """Write what failed: stage, time, cause, remedy."""
    where = f"stage `{progress.current}` after {progress.elapsed()}" if progress.current else "before the first stage"
    told = str(error)  # the errors of the other packages end with their remedy
    if isinstance(error, DemoError):
        told = f"cause:  {error.cause}\nremedy: {error.remedy}"
    return f"\nfailed: {where}\n{told}\nWhat is done stays done: the same command goes on from there.\n"


def _up(progress: Progress) -> int:
    kind = choose(os.environ.get("CLUSTER", ""), Machine.this())
    remember(_REMEMBERED, kind)
    cluster = cluster_of(kind, os.environ, progress.say)
    sys.stdout.write(Demo(cluster, progress).up())
    return 0


def _down(progress: Progress) -> int:
    asked = os.environ.get("CLUSTER") or remembered(_REMEMBERED)
    cluster: DemoCluster = cluster_of(choose(asked, Machine.this()), os.environ, progress.say)
    with progress.stage("take down"):
        cluster.remove(progress)
        remove_tree(GENERATED)
    return 0


def remember(path: Path, kind: str) -> None:
    """Keep which cluster the demo is on, for ``down``.

    Raises:
        DemoError: this user may not write there.

    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{kind}\n")
    except OSError as error:
        raise DemoError(
            f"The demo cannot keep what it makes in {path.parent}: {error.strerror}.",
            "Run it in a checkout of your own (`git clone`), or have that folder made yours.",
        ) from error


def remembered(path: Path) -> str:
    """Return which cluster the demo was last brought up on; empty when none was."""
    return path.read_text().strip() if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
