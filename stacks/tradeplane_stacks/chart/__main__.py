"""``python -m tradeplane_stacks.chart``: make the charts of Helm."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_stacks.chart.charts import charts
from tradeplane_stacks.chart.errors import ChartError
from tradeplane_stacks.chart.packing import write_charts
from tradeplane_stacks.deployment import DeployedImages, UnpinnedImage
from tradeplane_stacks.images.assembly import RECORDS
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.kustomize import KustomizeError, render
from tradeplane_stacks.local.binaries import HELM, KUBECTL, Binaries
from tradeplane_stacks.local.errors import EmbeddedClusterError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 1 failed, 2 asked wrongly."""
    chosen = _parser().parse_args(arguments)
    try:
        _make(chosen)
    except (ChartError, KustomizeError, ImageError, EmbeddedClusterError, UnpinnedImage) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 -- a command's output
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tradeplane_stacks.chart",
        description="Make the charts of Helm: the kinds, the admission policies, and the operator with its namespaces.",
    )
    parser.add_argument(
        "--directory", type=Path, default=RECORDS / "charts", help="to write into (default: build/charts)"
    )
    parser.add_argument(
        "--images",
        nargs=2,
        metavar=("OPERATOR", "WORKLOADS"),
        help="installed where values name none, each <registry>/<repository>@sha256:<digest>; a release names its own",
    )
    return parser


def _make(chosen: argparse.Namespace) -> None:
    images = DeployedImages(*chosen.images) if chosen.images else None
    programs = Binaries.of_user().build((KUBECTL, HELM), _say)
    made = charts(version("tradeplane-stacks"), images, partial(render, kubectl=programs[KUBECTL]))
    chosen.directory.mkdir(parents=True, exist_ok=True)
    for path in write_charts(made, programs[HELM], chosen.directory):
        print(path)  # noqa: T201


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
