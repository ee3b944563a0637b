"""Recorded Binance trades, made into ten-second bars: import, verify, run, and refuse once a byte is changed."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.extra.requirements import BINANCE_TRADES, market_data

if TYPE_CHECKING:
    from pathlib import Path

BAR_NS = 10_000_000_000


def tradeplane(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    return subprocess.run(
        [sys.executable, "-m", "tradeplane_cli", *arguments], capture_output=True, text=True, check=False, timeout=120
    )


def trades() -> list[tuple[int, Decimal, Decimal]]:
    """Read local time in nanoseconds, price and quantity of each recorded trade."""
    found = []
    with gzip.open(market_data() / BINANCE_TRADES, "rt", encoding="utf-8") as lines:
        for line in lines:
            time, _, message = line.partition(" ")
            if '@trade"' in message:
                data = json.loads(message)["data"]
                found.append((int(time), Decimal(data["p"]), Decimal(data["q"])))
    return [trade for trade in found if trade[1] > 0]


@pytest.fixture(scope="module")
def bars_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the bars as CSV, timed by their close in nanoseconds since the epoch."""
    bars: dict[int, list[tuple[Decimal, Decimal]]] = {}
    for time, price, quantity in trades():
        bars.setdefault(time // BAR_NS, []).append((price, quantity))
    path = tmp_path_factory.mktemp("bars") / "btcusdt.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "open", "high", "low", "close", "volume"])
        for index, within in sorted(bars.items()):
            prices = [price for price, _ in within]
            volume = sum(quantity for _, quantity in within)
            writer.writerow([(index + 1) * BAR_NS, prices[0], max(prices), min(prices), prices[-1], volume])
    return path


def new_store(folder: Path) -> str:
    """Make an empty store and return its URL."""
    folder.mkdir()
    return folder.as_uri()


def import_bars(bars: Path, store: str) -> dict[str, str]:
    """Import the bars and return the Snapshot's spec."""
    imported = tradeplane(
        *("snapshot", "import", str(bars), "--symbol", "BTCUSDT", "--time-format", "epoch-ns"),
        *("--store", store, "-o", "json"),
    )
    assert imported.returncode == 0, imported.stderr
    spec: dict[str, str] = json.loads(imported.stdout)["spec"]
    return spec


def run_twice(store: str, digest: str, folder: Path) -> list[dict[str, str]]:
    """Run a strategy on the snapshot under two names."""
    strategy = folder / "strategy.yaml"
    document = {
        "apiVersion": "tradeplane.dev/v1alpha1",
        "kind": "Strategy",
        "metadata": {"name": "sma"},
        "spec": {
            "algorithm": {"name": "sma-cross", "parameters": {"fast": 2, "slow": 5}},
            "snapshotRef": {"name": "btcusdt"},
            "capital": "1000000",
        },
    }
    strategy.write_text(yaml.safe_dump(document), encoding="utf-8")
    answers = []
    for run in ("first", "second"):
        done = tradeplane("run", str(strategy), "--snapshot", digest, "--store", store, "--run", run, "-o", "json")
        assert done.returncode == 0, done.stderr
        answers.append(json.loads(done.stdout))
    return answers


def test_recorded_trades_become_a_snapshot_that_verifies_and_runs(bars_csv: Path, tmp_path: Path) -> None:
    store = new_store(tmp_path / "store")
    digest = import_bars(bars_csv, store)["digest"]
    assert tradeplane("snapshot", "verify", digest, "--store", store).returncode == 0
    first, second = run_twice(store, digest, tmp_path)
    assert first["resultDigest"] == second["resultDigest"]


def test_the_same_recording_has_the_same_id_in_another_store(bars_csv: Path, tmp_path: Path) -> None:
    ids = [import_bars(bars_csv, new_store(tmp_path / name))["digest"] for name in ("one", "two")]
    assert ids[0] == ids[1]


def test_a_changed_byte_is_refused_by_name(bars_csv: Path, tmp_path: Path) -> None:
    digest = import_bars(bars_csv, new_store(tmp_path / "store"))["digest"]
    [part] = (tmp_path / "store").rglob("*.arrow")
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.chmod(0o600)
    part.write_bytes(data)
    verified = tradeplane("snapshot", "verify", digest, "--store", (tmp_path / "store").as_uri())
    assert verified.returncode == 3, verified.stdout
    assert part.stem in verified.stdout
