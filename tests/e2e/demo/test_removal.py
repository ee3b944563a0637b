"""Removal as documented, last of all: the operator, the kinds, and then the cluster with ``make down``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.demo.cluster import CHECKOUT
from tests.e2e.demo.conftest import INSTANCE

if TYPE_CHECKING:
    import subprocess

    from tests.e2e.demo.cluster import DemoCluster


def test_down_leaves_nothing(demo: DemoCluster, first: subprocess.CompletedProcess[str]) -> None:
    assert first.returncode == 0, first.stderr
    down = demo.demo("down")
    assert down.returncode == 0, down.stderr
    assert not Path(f"/run/netns/{INSTANCE}").exists()
    assert not demo.state.exists()
    assert not (CHECKOUT / "build/demo").exists()
    assert processes_that_mention(str(demo.state)) == []


def processes_that_mention(text: str) -> list[str]:
    """Return the command lines of running processes with a text in them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended while we looked
        if text in line:
            found.append(line)
    return found
