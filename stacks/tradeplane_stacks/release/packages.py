"""The Python packages of a release: a wheel of each, the Rust core's once a processor, and sources of each.

The wheels are those that the images hold: built by the same code, and the Rust core's from the same cache.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_stacks.images.programs import run
from tradeplane_stacks.images.settings import SOURCE_DATE_EPOCH
from tradeplane_stacks.images.wheels import BUILD_ISOLATED, NATIVE, build_rooms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradeplane_stacks.images.contents import Preparation


def write_wheels(preparation: Preparation, rooms: Iterable[str], architectures: Iterable[str], target: Path) -> None:
    """Write the wheels of the packages of a checkout into a directory.

    Raises:
        ImageError: one could not be built.

    """
    with tempfile.TemporaryDirectory(prefix="tradeplane-wheels-") as directory:
        wheels = build_rooms(preparation.checkout, [room for room in rooms if room != NATIVE], Path(directory))
        for wheel in (*wheels, *(preparation.native_wheel(architecture) for architecture in architectures)):
            shutil.copyfile(wheel, target / wheel.name)


def write_sources(checkout: Path, rooms: Iterable[str], target: Path) -> None:
    """Write the source distributions of packages into a directory.

    Raises:
        ImageError: one could not be built.

    """
    with tempfile.TemporaryDirectory(prefix="tradeplane-sources-") as directory:
        for room in rooms:
            command: list[str | Path] = [
                "uv",
                "build",
                "--sdist",
                *BUILD_ISOLATED,
                "--out-dir",
                directory,
                checkout / room,
            ]
            if room == NATIVE:
                manifest = checkout / room / "Cargo.toml"
                command = [sys.executable, "-m", "maturin", "sdist", "--manifest-path", manifest, "--out", directory]
            run(
                command,
                purpose=f"packing the sources of {room}",
                environment={"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)},
            )
        for archive in Path(directory).glob("*.tar.gz"):  # and not what uv leaves beside them for git
            shutil.copyfile(archive, target / archive.name)
