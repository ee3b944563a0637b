"""Which images there are, for which processors, and where what they are made of is kept.

The cache lies outside the checkout and is filled by digest, so that a second checkout, or a second build, finds it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

SOURCE_DATE_EPOCH = 1_767_225_600
"""The one date of every file in an image: 2026-01-01T00:00:00Z. Never the date of the build."""
ARCHITECTURES = ("amd64", "arm64")
"""Processors an image is built for, as OCI names them; their order is the order in the index."""
CHECKOUT = Path(__file__).resolve().parents[3]
"""Root of the sources."""


@dataclass(frozen=True)
class Image:
    """One image."""

    name: str
    """Last part of its repository, ``tradeplane/<name>``."""
    package: str
    """Package of the workspace that it runs."""
    containerfile: Path
    """Path in the checkout."""
    rooms: tuple[str, ...]
    """Directories of the pure Python packages of this workspace that it holds."""
    native: bool
    """Whether it holds the Rust core."""
    max_bytes: int
    """Most it may weigh uncompressed; a build that weighs more is refused."""


IMAGES = {
    "operator": Image(
        name="operator",
        package="tradeplane-operator",
        containerfile=Path("operator/Containerfile"),
        rooms=("crds", "workloads/store", "evidence", "operator"),
        native=False,
        max_bytes=250_000_000,
    ),
    "workloads": Image(
        name="workloads",
        package="tradeplane-workloads",
        containerfile=Path("workloads/Containerfile"),
        rooms=("crds", "workloads/store", "workloads"),
        native=True,
        max_bytes=450_000_000,
    ),
}


def cache_directory() -> Path:
    """Return where downloads and prepared trees are kept (``TRADEPLANE_CACHE``, else below ``XDG_CACHE_HOME``)."""
    chosen = os.environ.get("TRADEPLANE_CACHE")
    if chosen:
        return Path(chosen) / "images"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tradeplane" / "images"
