"""Compiling Python ahead of time, to the same bytes on every machine.

A pod's file system is read-only, so what is not compiled here would be compiled anew in every pod. The compiled files
name no time: they are of the form PEP 552 calls unchecked hash. They come from the image's own interpreter, started
through the image's own dynamic loader, so the builder's Python does not matter and no root is needed.
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from tradeplane_api.strategy import MACHINES

from tradeplane_stacks.images.base import library_path, loader
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.programs import run
from tradeplane_stacks.images.settings import ARCHITECTURES

if TYPE_CHECKING:
    from pathlib import Path


def host_architecture() -> str:
    """Return this machine's processor, as OCI names it.

    Raises:
        ImageError: it is none that images are built for, or the system is not Linux.

    """
    machine = platform.machine()
    for architecture in ARCHITECTURES:
        if platform.system() == "Linux" and machine == MACHINES[architecture]:
            return architecture
    raise ImageError(
        f"Images are built on Linux on {' or '.join(MACHINES.values())}; this is {platform.system()} {machine}."
    )


def compile_tree(base: Path, tree: Path, inside: str) -> None:
    """Compile every module of a tree.

    Args:
        base: root file system for this machine's processor, whose interpreter compiles. Bytecode does not depend on the
            processor, so it serves trees of the others too.
        tree: directory to compile in place.
        inside: absolute path the tree will have in the image; tracebacks show it.

    """
    architecture = host_architecture()
    run(
        [
            base / loader(architecture),
            "--library-path",
            base / library_path(architecture),
            base / "usr/bin/python3.11",
            *("-S", "-m", "compileall", "-q", "-f", "-j", "1"),
            *("--invalidation-mode", "unchecked-hash", "-s", tree, "-p", inside, tree),
        ],
        purpose=f"compiling the Python modules of {inside}",
        environment={"PYTHONHOME": str(base / "usr"), "PYTHONHASHSEED": "0", "PYTHONPATH": "", "LC_ALL": "C.UTF-8"},
    )
