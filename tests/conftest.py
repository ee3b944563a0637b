"""What every test has in common."""

from __future__ import annotations

import gc
import logging
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# Limits on the time an example, or making it, takes would make a busy machine fail what is right; how long things take
# is for the benchmarks. The examples are the same each time, so a change passes or fails for what is in it; `make
# test-search` looks for new ones.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("tradeplane", _PATIENT, derandomize=True, max_examples=50)
settings.register_profile("search", _PATIENT, max_examples=500, print_blob=True)
settings.load_profile("tradeplane")


def pytest_collection_finish() -> None:
    """Let the collector of garbage pass over what was imported and collected: it stays until the end anyway."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """Give logging back as it was: what runs as a pod does sets it up for its process."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
