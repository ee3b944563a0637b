"""``python -m tradeplane_stacks.images``: build, push and look at the images."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_stacks.images.assembly import RECORDS, Assembly
from tradeplane_stacks.images.builders import NAMES
from tradeplane_stacks.images.contents import LOCK
from tradeplane_stacks.images.debian import resolve
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.lock import format_lock
from tradeplane_stacks.images.record import CONTENTS, read_references
from tradeplane_stacks.images.settings import ARCHITECTURES, IMAGES, cache_directory
from tradeplane_stacks.images.trees import exclusive, remove_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXAMPLES = """\
examples:
  python -m tradeplane_stacks.images build                            build both images, or find them built
  python -m tradeplane_stacks.images push --registry registry.example:5000
  python -m tradeplane_stacks.images push --registry 10.88.0.2:5000 --plain-http
  python -m tradeplane_stacks.images export --directory layouts       OCI image layouts, for machines without a network
  python -m tradeplane_stacks.images digests                          what was pushed last
  python -m tradeplane_stacks.images lock                             take Debian's present packages into base.lock
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 1 failed, 2 asked wrongly."""
    chosen = _parser().parse_args(arguments)
    try:
        _COMMANDS[chosen.command](chosen)
    except ImageError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 -- a command's output
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tradeplane_stacks.images",
        description="Build and push the operator and workloads images.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    described = {
        "build": "prepare and build the images, write what is in them to build/",
        "push": "build, push as one index a name, write build/images.json and what attests them",
        "export": "build and write OCI image layouts, and to build/ what attests them",
    }
    for name, text in described.items():
        command = commands.add_parser(name, help=text, description=text)
        _add_build_options(command)
        if name == "push":
            command.add_argument(
                "--registry",
                default=os.environ.get("REGISTRY"),
                required="REGISTRY" not in os.environ,
                metavar="HOST:PORT",
                help="registry to push to, with a path if it has one (default: $REGISTRY)",
            )
            command.add_argument("--plain-http", action="store_true", help="the registry speaks HTTP, not HTTPS")
        command.add_argument(
            "--records", type=Path, default=RECORDS, help="directory to write records to (default: build/)"
        )
        if name == "export":
            command.add_argument("--directory", type=Path, required=True, help="directory to make <name>/ below")
    commands.add_parser("digests", help="print what was pushed last, from build/images.json")
    commands.add_parser("clean", help="remove the cache of downloads, prepared trees and built images")
    commands.add_parser("lock", help="write base.lock with the packages Debian serves now")
    return parser


def _add_build_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--image", choices=sorted(IMAGES), action="append", help="only this image (default: all)")
    command.add_argument(
        "--platform",
        default=",".join(f"linux/{name}" for name in ARCHITECTURES),
        help="comma-separated (default: %(default)s)",
    )
    command.add_argument("--builder", choices=("auto", *NAMES), default="auto", help="default: the first that works")
    command.add_argument(
        "--base",
        default="scratch",
        metavar="IMAGE",
        help="stand on this image, by digest, in place of the base made here; it needs glibc >= 2.36 and Python 3.11 "
        "as /usr/bin/python3",
    )


def platforms(text: str) -> tuple[str, ...]:
    """Read a list of platforms; return processors in the order of the index.

    Raises:
        ImageError: one is not built for.

    """
    asked = {word.strip().removeprefix("linux/") for word in text.split(",")}
    unknown = sorted(asked - set(ARCHITECTURES))
    if unknown:
        known = ", ".join(f"linux/{name}" for name in ARCHITECTURES)
        raise ImageError(f"--platform {text}: no image for {', '.join(unknown)!r}; choose among {known}.")
    return tuple(name for name in ARCHITECTURES if name in asked)


def _each(chosen: argparse.Namespace) -> None:
    made = Assembly.of_checkout(_say, platforms(chosen.platform), chosen.builder, chosen.records)
    with exclusive(made.preparation.cache, _say):
        base = made.preparation.base(chosen.base)
        # All are built before one is written: into a checkout, perhaps, which is then another than was built from.
        images = {name: made.build(IMAGES[name], base) for name in chosen.image or sorted(IMAGES)}
        for name, built in images.items():
            if chosen.command == "push":
                print(name, made.push(built, chosen.registry, plain_http=chosen.plain_http))  # noqa: T201
            elif chosen.command == "export":
                print(name, made.export(built, chosen.directory))  # noqa: T201
            else:
                made.files.write_sboms(built)
                print(name, built.request.tag)  # noqa: T201


def _digests(_: argparse.Namespace) -> None:
    contents = json.loads((RECORDS / CONTENTS).read_text()) if (RECORDS / CONTENTS).exists() else {}
    for name, reference in sorted(read_references(RECORDS).items()):
        print(name, reference)  # noqa: T201
        described = contents.get(name, {})
        for architecture, weight in described.get("uncompressedBytes", {}).items():
            print(f"  linux/{architecture}: {weight / 1e6:.0f} MB uncompressed")  # noqa: T201
        for line in described.get("notAsLocked", []):
            print(f"  not as locked: {line}")  # noqa: T201


def _lock(_: argparse.Namespace) -> None:
    LOCK.write_text(format_lock(tuple(package for name in ARCHITECTURES for package in resolve(name))))
    _say(f"wrote {LOCK}: look at the difference and commit it")


def _clean(_: argparse.Namespace) -> None:
    remove_tree(cache_directory())
    _say(f"removed {cache_directory()}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


_COMMANDS = {"build": _each, "push": _each, "export": _each, "digests": _digests, "clean": _clean, "lock": _lock}

if __name__ == "__main__":
    sys.exit(main())
