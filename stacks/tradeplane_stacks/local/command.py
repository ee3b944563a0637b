"""The command line: ``python -m tradeplane_stacks.local``."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.errors import EmbeddedClusterError
from tradeplane_stacks.local.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it did what was asked, 1 when not, 2 for a command line that makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m tradeplane_stacks.local", description="The embedded cluster.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up")
    down = commands.add_parser("down")
    down.add_argument("--purge", action="store_true")
    options = parser.parse_args(arguments)
    try:
        cluster = EmbeddedCluster(Settings.from_environment(os.environ))
        if options.command == "up":
            cluster.up()
        else:
            cluster.down(purge=options.purge)
    except EmbeddedClusterError:
        return 1
    return 0
