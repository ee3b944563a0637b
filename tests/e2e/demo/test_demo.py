"""``make demo`` and ``make down`` on a cluster of their own: to a result, again in under a minute, and away."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHECKOUT = Path(__file__).resolve().parents[3]
_EXAMPLES = _CHECKOUT / "docs/examples"
_INSTANCE = "demotest"
_FIRST_LIMIT_S = 1_200
_AGAIN_LIMIT_S = 60
_STAGES = ("cluster", "images", "operator", "market data", "strategy")


@dataclass(frozen=True)
class DemoRun:
    """A demo of this test: its environment, and where its cluster keeps everything."""

    state: Path
    environment: dict[str, str]

    def demo(self, command: str, limit_s: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tradeplane_stacks.demo", command],
            cwd=_CHECKOUT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )

    @property
    def store(self) -> str:
        return (self.state / "volumes/store/research").as_uri()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoRun]:
    """Give a cluster of its own, beside the machine's, without the emulated node; nothing of it is left behind."""
    state = tmp_path_factory.mktemp("demo") / "state"
    chosen = {
        "CLUSTER": "embedded",
        "ARM64": "0",
        "TRADEPLANE_INSTANCE": _INSTANCE,
        "TRADEPLANE_STATE": str(state),
        "TRADEPLANE_NODE_SUBNET": "10.78.0.0/24",
        "TRADEPLANE_POD_SUBNET": "10.79.0.0/16",
        "TRADEPLANE_SERVICE_SUBNET": "10.80.0.0/16",
    }
    run = DemoRun(state, {**os.environ, **chosen})
    yield run
    run.demo("down", _FIRST_LIMIT_S)


@pytest.fixture(scope="module")
def first(demo: DemoRun) -> subprocess.CompletedProcess[str]:
    return demo.demo("up", _FIRST_LIMIT_S)


def test_the_demo_ends_with_a_finished_strategy_and_its_result(first: subprocess.CompletedProcess[str]) -> None:
    assert first.returncode == 0, first.stderr
    table, rest = first.stdout.split("\n\n", 1)
    header, row = table.strip().splitlines()[1:]
    assert header.split()[0] == "NAME"
    assert row.split()[0] == "macd-momentum"
    assert "True" in row.split()
    assert re.search(r"total return\s+\S*\d", rest, re.IGNORECASE)
    assert len(rest.split("Try next:\n")[1].strip().splitlines()) == 3


def test_the_demo_says_each_stage_with_its_time(first: subprocess.CompletedProcess[str]) -> None:
    for number, name in enumerate(_STAGES, start=1):
        assert re.search(rf"^\[{number}/{len(_STAGES)}\] {name}", first.stderr, re.MULTILINE)
    assert len(re.findall(r"^      done in [0-9.]+ (s|min)", first.stderr, re.MULTILINE)) == len(_STAGES)


def test_the_demo_again_is_quick_and_runs_nothing_twice(demo: DemoRun, first: subprocess.CompletedProcess[str]) -> None:
    begun = time.monotonic()
    again = demo.demo("up", _FIRST_LIMIT_S)
    assert again.returncode == 0, again.stderr
    assert time.monotonic() - begun < _AGAIN_LIMIT_S
    assert command_to_report(again.stdout) == command_to_report(first.stdout)
    assert len(tradeplane("results", "list", "--store", demo.store)["items"]) == 1


def test_a_laptop_gives_the_result_of_the_cluster(
    demo: DemoRun, first: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    run = command_to_report(first.stdout).split()[5]
    there = tradeplane("results", "show", run, "--store", demo.store)
    local = tmp_path.as_uri()
    tradeplane("snapshot", "import", "arch:sp500", "--name", "sp500", "--store", local)
    files = ("-f", str(_EXAMPLES / "snapshot-sp500.yaml"), "-f", str(_EXAMPLES / "macd-momentum.yaml"))
    here = tradeplane("run", *files, "--store", local)
    assert digest_of(here) == digest_of(there)


def test_down_leaves_nothing(demo: DemoRun, first: subprocess.CompletedProcess[str]) -> None:
    assert first.returncode == 0
    down = demo.demo("down", _FIRST_LIMIT_S)
    assert down.returncode == 0, down.stderr
    assert not Path(f"/run/netns/{_INSTANCE}").exists()
    assert not demo.state.exists()
    assert not (_CHECKOUT / "build/demo").exists()
    assert processes_that_mention(str(demo.state)) == []


def command_to_report(text: str) -> str:
    """Return the third of the commands to try next, which names run and store."""
    return text.strip().splitlines()[-1].strip()


def digest_of(shown: dict[str, Any]) -> str:
    """Find the result digest in what a command shows as JSON."""
    (digest,) = set(re.findall(r'"resultDigest": "(sha256:[0-9a-f]{64})"', json.dumps(shown)))
    return str(digest)


def tradeplane(*arguments: str) -> dict[str, Any]:
    """Run the command line and return what it shows as JSON."""
    program = Path(sys.executable).with_name("tradeplane")
    done = subprocess.run([program, *arguments, "-o", "json"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


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
