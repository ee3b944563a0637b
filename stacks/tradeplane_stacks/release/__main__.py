"""``python -m tradeplane_stacks.release``: build the files of a release."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_stacks.chart.errors import ChartError
from tradeplane_stacks.images.__main__ import platforms
from tradeplane_stacks.images.assembly import RECORDS
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.settings import ARCHITECTURES, CHECKOUT
from tradeplane_stacks.kustomize import KustomizeError
from tradeplane_stacks.local.errors import EmbeddedClusterError
from tradeplane_stacks.release.assembly import ReleaseAssembly, record_of
from tradeplane_stacks.release.errors import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXAMPLES = """\
examples:
  python -m tradeplane_stacks.images push --registry registry.example/team && python -m tradeplane_stacks.release
  python -m tradeplane_stacks.release --snapshot       what is there, committed or not; nobody signs it
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 1 failed, 2 asked wrongly."""
    chosen = _parser().parse_args(arguments)
    try:
        _build(chosen)
    except (ReleaseError, ImageError, EmbeddedClusterError, ChartError, KustomizeError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 -- a command's output
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tradeplane_stacks.release",
        description="Build the files of a release from a tagged commit, and the record by which they are signed.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--directory", type=Path, default=RECORDS / "release", help="to build into (default: build/release)"
    )
    parser.add_argument(
        "--records", type=Path, default=RECORDS, help="where pushing the images left its records (default: build/)"
    )
    parser.add_argument(
        "--snapshot",
        action="store_true",
        help="build what is no release: without a tag, with changes that nobody committed, and without install.yaml "
        "where the images that were pushed last are not of these sources",
    )
    parser.add_argument(
        "--platform",
        default=",".join(f"linux/{name}" for name in ARCHITECTURES),
        help="comma-separated (default: %(default)s)",
    )
    return parser


def _build(chosen: argparse.Namespace) -> None:
    assembly = ReleaseAssembly(CHECKOUT, chosen.records, platforms(chosen.platform), _say)
    built = assembly.build(chosen.directory, snapshot=chosen.snapshot)
    for one in built.files:
        print(one.digest, one.size, one.name)  # noqa: T201
    what = f"release {built.version}" if built.tag else f"a snapshot of {built.version}, which is no release"
    _say(f"{what}: {len(built.files)} files in {chosen.directory}, recorded in {record_of(chosen.directory)}")
    if built.tag:
        _say(f"sign it: tradeplane release sign {chosen.directory} --signer URI")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
