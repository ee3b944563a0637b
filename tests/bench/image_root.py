"""The image of the workloads, unpacked: what a pod runs, without what a container runtime adds."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.images.layouts import variants

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = 65532
"""The image's own user."""
EXPORT_LIMIT_S = 1_800


@contextmanager
def image_root(architecture: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """Give the root of the image for a processor, and the variables it sets; both are for as long as this lasts."""
    with tempfile.TemporaryDirectory() as folder:
        layouts, root = Path(folder, "layouts"), Path(folder, "root")
        export = [sys.executable, "-m", "tradeplane_stacks.images", "export", "--directory", str(layouts)]
        subprocess.run(export, check=True, capture_output=True, timeout=EXPORT_LIMIT_S)
        image = variants(layouts / "workloads")[f"linux/{architecture}"]
        image.unpack(root)
        yield root, dict(pair.split("=", 1) for pair in image.configuration["config"]["Env"])


def hand_over(folder: Path) -> None:
    """Have a folder of the root, and all in it, belong to the image's user."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, USER, USER)


def entered(root: Path) -> list[str]:
    """Return the beginning of a command that the image's Python runs, as the image's user."""
    return ["/usr/sbin/chroot", f"--userspec={USER}:{USER}", str(root), "/usr/bin/python3"]
