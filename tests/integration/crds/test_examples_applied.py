"""The examples as a person applies them, to an API server, and runs them, on a laptop."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tradeplane_stacks.local.cluster import EmbeddedCluster

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
APPLIED = sorted(path for path in EXAMPLES.glob("*.yaml") if path.name != "settings.yaml")
_LIMIT_SECONDS = 120


@pytest.mark.parametrize("path", APPLIED, ids=lambda path: path.stem)
@pytest.mark.usefixtures("kinds")
def test_the_api_server_takes_it(control_plane: EmbeddedCluster, path: Path) -> None:
    said = control_plane.client.run("create", "--dry-run=server", "--validate=strict", "-n", "default", "-f", str(path))
    assert "created (server dry run)" in said


def _tradeplane(store: Path, *arguments: str) -> Any:
    command = [str(Path(sys.executable).parent / "tradeplane"), *arguments, "--store", store.as_uri(), "-o", "json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LIMIT_SECONDS)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a store with the data of the examples."""
    directory = tmp_path_factory.mktemp("store")
    _tradeplane(directory, "snapshot", "import", "arch:sp500")
    script = [sys.executable, str(EXAMPLES / "import_pair.py"), directory.as_uri()]
    answer = subprocess.run(script, check=True, timeout=_LIMIT_SECONDS, capture_output=True, text=True)
    assert answer.stdout.strip() in (EXAMPLES / "snapshot-sp500-nasdaq.yaml").read_text(encoding="utf-8")
    assert answer.stdout.startswith("sha256:")
    return directory


def _run(store: Path, strategy: str, snapshot: str) -> Any:
    files = ("-f", str(EXAMPLES / f"{snapshot}.yaml"), "-f", str(EXAMPLES / f"{strategy}.yaml"))
    return _tradeplane(store, "run", *files)


@pytest.mark.parametrize(
    ("strategy", "snapshot"),
    [
        ("macd-momentum", "snapshot-sp500"),
        ("sma-cross-scheduled", "snapshot-sp500"),
        ("pairs", "snapshot-sp500-nasdaq"),
    ],
)
def test_it_runs_and_trades(store: Path, strategy: str, snapshot: str) -> None:
    summary = _run(store, strategy, snapshot)["summary"]
    assert summary["trades"] > 0
    assert summary["bars"] > 5_000


def test_the_processor_asked_for_changes_no_result(store: Path) -> None:
    here, there = (_run(store, name, "snapshot-sp500") for name in ("macd-momentum", "arm64"))
    assert here["resultDigest"] == there["resultDigest"]
