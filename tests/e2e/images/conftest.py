"""Images built once for all tests of them; what builds them a second time is in ``another_checkout``."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.e2e.images.another_checkout import CHECKOUT, LIMIT_S, RECORDS, command, variables

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.images.another_checkout import Build


def images(checkout: Path, *arguments: str) -> str:
    """Run the command from a checkout and return what it printed."""
    done = subprocess.run(
        command(*arguments),
        env={**os.environ, **variables(checkout)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OCI layouts of both images, from this checkout, with whatever is in the cache."""
    directory = tmp_path_factory.mktemp("layouts")
    images(CHECKOUT, "export", "--directory", str(directory), "--records", str(directory / RECORDS))
    return directory


@pytest.fixture(scope="session")
def layouts_of_another_checkout(build_of_another_checkout: Build) -> Path:
    """OCI layouts of both images from a copy of the sources, under another umask, with an empty cache."""
    return build_of_another_checkout.layouts()
