"""A replay on another processor by a stand-in for a container engine, which runs this Python for the image's.

Nothing here is emulated: the stand-in says that it is the other processor. What is tried is what goes in and comes out.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest
from tradeplane_api.strategy import MACHINES
from tradeplane_cli.containers import own_architecture
from tradeplane_store.objects import open_store
from tradeplane_workloads.sessions.bundle import seal_session

from tests.unit.workloads.sessions.trading_floor import Floor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

STAND_IN = """#!{python}
# A stand-in for docker, for tests: it takes the image away, and runs what the image would run.
import json, os, pathlib, subprocess, sys
words = sys.argv[1:]
pathlib.Path({seen!r}).write_text(json.dumps(words))
assert "TRADEPLANE_REPLAY" in os.environ and "sha256:" in os.environ["TRADEPLANE_REPLAY"]
mount = dict(pair.partition("=")[::2] for pair in words[words.index("--mount") + 1].split(","))
inside = words[words.index("-m"):]
store = pathlib.Path(mount["source"]).as_uri()
done = subprocess.run([{python!r}, *inside], env=os.environ | {{"TRADEPLANE_STORE_URL": store}}, stdout=subprocess.PIPE)
sys.stdout.write(done.stdout.decode().replace({here!r}, {there!r}))
sys.exit(done.returncode)
"""


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put a stand-in for docker on the path; return the other processor, which it says it is."""
    name = next(name for name in MACHINES if name != own_architecture())
    here, there = (f'"architecture":"{MACHINES[one]}"' for one in (own_architecture(), name))
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    seen = str(tmp_path / "seen.json")
    program.write_text(STAND_IN.format(python=sys.executable, seen=seen, here=here, there=there))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return name


def sealed(tmp_path: Path) -> str:
    floor = Floor(tmp_path / "floor")
    floor.trade()
    floor.close()
    store = open_store((tmp_path / "store").as_uri(), create=True)
    return seal_session(store, floor.session_folder, record=floor.record, previous=None).id


def test_a_session_is_replayed_elsewhere_and_told_as_here(tradeplane: Command, tmp_path: Path, other: str) -> None:
    digest = sealed(tmp_path)
    before = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "store").rglob("*"))
    ended = tradeplane("replay", digest, "--arch", other, "--image", "r.example/workloads:1", "-o", "json")

    assert (ended.code, ended.err) == (0, "")
    there = json.loads(ended.out)
    here = json.loads(tradeplane("replay", digest, "--arch", own_architecture(), "-o", "json").out)
    assert there["replayed"]["architecture"] == MACHINES[other]
    assert (there["verdict"], there["compared"]) == (here["verdict"], here["compared"])
    assert there["resultDigest"] == here["resultDigest"]
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert "r.example/workloads:1" in seen
    assert f"linux/{other}" in seen
    assert sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "store").rglob("*")) == before


def test_what_is_refused_elsewhere_is_refused_here(tradeplane: Command, tmp_path: Path, other: str) -> None:
    digest = sealed(tmp_path)
    (part,) = (tmp_path / "store").rglob("record-0.bin")
    part.write_bytes(part.read_bytes()[:-9])
    ended = tradeplane("replay", digest, "--arch", other, "--image", "r.example/workloads:1")
    assert (ended.code, "part record-0.bin" in ended.err) == (3, True)


def test_an_image_that_is_not_of_that_processor_is_found_out(
    tradeplane: Command, tmp_path: Path, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = sealed(tmp_path)
    program = tmp_path / "bin" / "docker"
    program.write_text(program.read_text().replace(".replace(", ".strip() or str("))
    ended = tradeplane("replay", digest, "--arch", other, "--image", "r.example/workloads:1")
    assert (ended.code, f"where {other} was asked" in ended.err) == (1, True)
