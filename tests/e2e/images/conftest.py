"""Images built once for all tests of them, and a second time from another checkout with nothing in the cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
_LIMIT_S = 1_200
_NOT_COPIED = (".git", ".venv", "target", "build", "dist", "site", "__pycache__", ".*_cache", ".hypothesis", "*.so")


def images(checkout: Path, *arguments: str, cache: Path | None = None) -> str:
    """Run the command from a checkout and return what it printed."""
    rooms = os.pathsep.join(str(checkout / room) for room in ("stacks", "crds"))
    changed = {"PYTHONPATH": rooms, **({"TRADEPLANE_CACHE": str(cache)} if cache else {})}
    done = subprocess.run(
        [sys.executable, "-m", "tradeplane_stacks.images", *arguments],
        env={**os.environ, **changed},
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OCI layouts of both images, from this checkout, with whatever is in the cache."""
    directory = tmp_path_factory.mktemp("layouts")
    images(CHECKOUT, "export", "--directory", str(directory))
    return directory


@pytest.fixture(scope="session")
def layouts_of_another_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OCI layouts of both images from a copy of the sources, under another umask, with an empty cache."""
    directory = tmp_path_factory.mktemp("another")
    copy = directory / "another place"
    shutil.copytree(CHECKOUT, copy, ignore=shutil.ignore_patterns(*_NOT_COPIED), symlinks=True)
    before = os.umask(0o077)
    try:
        images(copy, "export", "--directory", str(directory / "layouts"), cache=directory / "cache")
    finally:
        os.umask(before)
    return directory / "layouts"
