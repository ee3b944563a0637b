"""Recorded sessions as the commands show, list, verify, compare and replay them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tradeplane_store.objects import open_store
from tradeplane_workloads.market.indexing import enter
from tradeplane_workloads.sessions.bundle import seal_session

from tests.unit.workloads.sessions.trading_floor import NAME, Floor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]


def sealed(tmp_path: Path, floor: Floor, *, record: bool = True) -> str:
    """Seal the session of a floor into the store that commands use, and enter it into its index."""
    store = open_store((tmp_path / "store").as_uri(), create=True)
    written = seal_session(store, floor.session_folder, record=floor.record if record else None, previous=None)
    enter(store, written)
    return written.id


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    """Let a session trade to its end."""
    floor = Floor(tmp_path / "floor")
    floor.trade()
    floor.close()
    return floor


def test_a_session_is_replayed_to_two_verdicts(tradeplane: Command, tmp_path: Path, floor: Floor) -> None:
    digest = sealed(tmp_path, floor)

    ended = tradeplane("replay", digest, "-o", "json")
    assert (ended.code, ended.err) == (0, "")
    found = json.loads(ended.out)
    fields = ["snapshot", "session", "baselineDigest", "resultDigest", "verdict", "compared", "recorded", "replayed"]
    assert list(found) == fields
    assert found["baselineDigest"] == found["resultDigest"]
    assert found["compared"]["expected"] == found["compared"]["got"]
    assert found["compared"]["got"]["latency"]["orders"] > 0
    assert (found["snapshot"], found["session"]["name"]) == (digest, NAME.hex())
    fills = found["session"]["fills"]
    assert found["verdict"] == {
        "decisions": "Exact",
        "execution": "Exact",
        "fills": fills,
        "fillsMatched": fills,
        "pnlDifference": "0",
        "divergence": None,
    }
    assert found["recorded"]["architecture"] == found["replayed"]["architecture"]
    header, row, _, figures, expected, got = tradeplane("replay", digest).out.splitlines()[:6]
    assert header.split() == ["SESSION", "DECISIONS", "EXECUTION", "FILLS", "PNL", "DIVERGENCE"]
    assert row.split() == [NAME.hex(), "Exact", "Exact", f"{fills}/{fills}", "0", "<none>"]
    assert figures.split() == ["FIGURES", "ORDERS", "FILLS", "PNL", "LATENCY", "P50", "P99", "MOST"]
    assert expected.split()[1:] == got.split()[1:]
    assert expected.split()[2] == str(fills)


def test_what_differs_is_told_and_ends_with_ten(tradeplane: Command, tmp_path: Path) -> None:
    floor = Floor(tmp_path / "floor")
    floor.tell = lambda number, report: [report | {"price": report["price"] + 2} if report["event"] == 7 else report]
    floor.trade()
    floor.close()
    ended = tradeplane("replay", sealed(tmp_path, floor))

    assert ended.code == 10
    assert "Diverged" in ended.out
    assert "reports[" in ended.out
    assert "].price" in ended.out


def test_without_a_record_it_is_said_that_execution_is_not_judged(
    tradeplane: Command, tmp_path: Path, floor: Floor
) -> None:
    ended = tradeplane("replay", sealed(tmp_path, floor, record=False))
    assert (ended.code, "Unjudged" in ended.out) == (0, True)
    assert "not judged: the snapshot has no record of the exchange" in ended.out


def test_what_would_have_been_is_compared_and_not_judged(tradeplane: Command, tmp_path: Path, floor: Floor) -> None:
    digest = sealed(tmp_path, floor)
    ended = tradeplane("replay", digest, "--parameter", "halfSpreadTicks=2", "-o", "json")
    assert (ended.code, ended.err) == (0, "")
    found = json.loads(ended.out)
    assert (found["verdict"]["decisions"], found["verdict"]["execution"]) == ("Unjudged", "Unjudged")
    assert found["compared"]["expected"]["ordersDigest"] != found["compared"]["got"]["ordersDigest"]
    assert "compared and not judged" in tradeplane("replay", digest, "--parameter", "halfSpreadTicks=2").out


def test_within_a_tolerance_it_ends_well(tradeplane: Command, tmp_path: Path) -> None:
    floor = Floor(tmp_path / "floor")
    floor.tell = lambda number, report: [report | {"price": report["price"] + 2} if report["event"] == 7 else report]
    floor.trade()
    floor.close()
    digest = sealed(tmp_path, floor)

    within = tradeplane("replay", digest, "--tolerance", "pnl=100,fillPrice=0.5")
    assert (within.code, "Within" in within.out) == (0, True)
    beyond = tradeplane("replay", digest, "--tolerance", "pnl=100,fillPrice=0.1")
    assert (beyond.code, "Within" in beyond.out) == (10, False)


def test_a_session_that_goes_on_is_said_to_be_open(tradeplane: Command, tmp_path: Path) -> None:
    floor = Floor(tmp_path / "floor")
    floor.trade(50, end=False)
    floor.close()
    digest = sealed(tmp_path, floor)
    assert "the session goes on" in tradeplane("replay", digest).out
    assert "open when it was sealed" in tradeplane("snapshot", "inspect", digest).out


def test_a_session_is_inspected_verified_and_listed(tradeplane: Command, tmp_path: Path, floor: Floor) -> None:
    digest = sealed(tmp_path, floor)

    shown = tradeplane("snapshot", "inspect", digest).out
    for text in (f"{NAME.hex()}, over", "no gaps", "its record is there", "journal-0.bin", "exchange.json", "SYNUSDT"):
        assert text in shown
    assert "is whole" in tradeplane("snapshot", "verify", digest).out
    (item,) = json.loads(tradeplane("snapshot", "list", "--instrument", "SYNUSDT", "-o", "json").out)["items"]
    assert (item["id"], item["form"]) == (digest, "session")
    assert json.loads(tradeplane("snapshot", "reindex", "-o", "json").out)["entered"] == 1

    part = tmp_path / "store" / "snapshots" / digest.removeprefix("sha256:") / "record-0.bin"
    data = bytearray(part.read_bytes())
    data[-9] ^= 1
    part.write_bytes(data)
    damaged = tradeplane("snapshot", "verify", digest)
    assert (damaged.code, "part record-0.bin" in damaged.out) == (3, True)
    refused = tradeplane("replay", digest)
    assert (refused.code, "part record-0.bin" in refused.err) == (3, True)


def test_two_sessions_are_compared(tradeplane: Command, tmp_path: Path, floor: Floor) -> None:
    other = Floor(tmp_path / "other")
    other.trade(200)
    other.close()
    one, two = sealed(tmp_path, floor), sealed(tmp_path, other)

    assert tradeplane("snapshot", "diff", one, one).code == 0
    ended = tradeplane("snapshot", "diff", one, two, "-o", "json")
    assert ended.code == 10
    found = json.loads(ended.out)
    assert [divergence["of"] for divergence in found["divergences"]] == ["journal", "record"]
    assert "session.inputs" in [field["field"] for field in found["fields"]]


@pytest.mark.parametrize(("words", "code"), [("sha256:xyz", 2), ("sha256:" + "0" * 64, 3)])
def test_what_is_no_snapshot_is_refused(tradeplane: Command, tmp_path: Path, words: str, code: int) -> None:
    (tmp_path / "store").mkdir(exist_ok=True)
    assert tradeplane("replay", words).code == code


def test_market_data_is_no_session(tradeplane: Command, tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text("Date,Open,High,Low,Close,Volume\n2024-01-02,1,2,1,2,10\n")
    imported = tradeplane("snapshot", "import", "bars.csv", "--symbol", "SPX", "-o", "json")
    ended = tradeplane("replay", json.loads(imported.out)["spec"]["digest"])
    assert (ended.code, "holds no session but market data" in ended.err) == (3, True)
