"""The suite, computed once a session on each path, and a word on the paths that could not be run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.parity.paths import PATHS
from tests.parity.report import Report, measure

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Compute the suite on every path that this machine can run."""
    return measure(tmp_path_factory.mktemp("parity"))


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say which paths could not be run, and why."""
    for path in PATHS:
        if why := path.missing():
            terminalreporter.write_line(f"could not run: {path.name} ({why})")
