"""Recordings imported, shown and verified by the command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from tradeplane_api.snapshot import Snapshot

from tests.unit.workloads.market.test_import_dbn import records, written
from tests.unit.workloads.sample_recordings import LOCAL, WHOLE, trade, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

IMPORT = ("snapshot", "import", "--format", "binance-raw", "btc.gz")


@pytest.fixture
def digest(tradeplane: Command, tmp_path: Path) -> str:
    """Import a recording that starts blind, loses trades, and whose clocks disagree; give the snapshot's id."""
    messages = [*WHOLE[1:], trade(12, "100.5")]
    write(tmp_path / "btc.gz", messages, [LOCAL - 1_300_000_000 + step for step in range(4)])
    printed = yaml.safe_load(tradeplane(*IMPORT, "-o", "yaml").out)
    return Snapshot.model_validate(printed).spec.digest


def test_an_import_says_what_it_found(tradeplane: Command, digest: str) -> None:
    ended = tradeplane(*IMPORT)
    assert ended.code == 0, ended.err
    lines = [line.split(maxsplit=1) for line in ended.out.splitlines() if line]
    assert ["Snapshot:", digest] in lines
    assert ["State:", "was there already, and is whole"] in lines
    assert ["BTCUSDT", "LinearFuture   USDT       0.1    0.1   1"] in lines
    assert ["Gaps:", "2, 4 messages known to be lost"] in lines
    assert "4 messages arrive before they were sent, by up to 1.295000 s" in ended.out


def test_a_snapshot_of_tapes_is_shown_with_its_units_and_findings(tradeplane: Command, digest: str) -> None:
    shown = tradeplane("snapshot", "inspect", digest).out
    for words in ("tape-0", "BTCUSDT", "LinearFuture", "Book not known:", "3 rows", "4 messages known to be lost"):
        assert words in shown
    tape = json.loads(tradeplane("snapshot", "inspect", digest, "-o", "json").out)["manifest"]["instruments"][0]["tape"]
    assert (tape["kind"], tape["tick"], tape["contractSize"]) == ("LinearFuture", "0.1", "1")
    assert tape["recording"] == {
        "messages": 4,
        "leftOut": 0,
        "gaps": 2,
        "lost": 4,
        "crossed": 0,
        "locked": 0,
        "outOfOrder": 0,
        "ahead": 4,
        "blindRows": 3,
        "minLatencyNs": "-1295000000",
    }


def test_rows_about_orders_that_no_book_has_are_shown(tradeplane: Command, tmp_path: Path) -> None:
    order = {"action": "A", "side": "B", "price": 10**9, "size": 5, "order_id": 1}
    for name, count in (("once", 1), ("thrice", 3)):
        written(tmp_path / f"{name}.dbn", "mbo", records("mbo", [order] * count))
    importing = ("snapshot", "import", "--format", "dbn")
    assert "Unknown orders:" not in tradeplane(*importing, "once.dbn").out
    assert "Unknown orders:    2 rows, which runs leave aside" in tradeplane(*importing, "thrice.dbn").out
    refused = tradeplane(*importing, "thrice.dbn", "--refuse", "unknown")
    assert (refused.code, "thrice.dbn, record 2: it is about an order" in refused.err) == (3, True)


def test_a_damaged_tape_is_refused(tradeplane: Command, digest: str, tmp_path: Path) -> None:
    verified = tradeplane("snapshot", "verify", digest)
    assert (verified.code, verified.out) == (0, f"{digest} is whole: 7 records in 2 parts\n")
    (part,) = (tmp_path / "store").rglob("tape-0.arrow")
    part.write_bytes(part.read_bytes()[:-20])
    refused = tradeplane("snapshot", "verify", digest, "-o", "json")
    assert refused.code == 3
    assert "part tape-0" in json.loads(refused.out)["faults"][0]


def test_several_instruments_are_told_apart(tradeplane: Command, tmp_path: Path) -> None:
    write(tmp_path / "btc.gz", [trade(1, "5.5"), trade(1, "0.25", symbol="ETHUSDT")])
    shown = tradeplane(*IMPORT).out
    assert "ETHUSDT: Gaps:" in shown
    assert "BTCUSDT: Clock skew:" in shown


def test_a_tape_without_a_whole_period_gives_no_bars_to_decide_on(
    tradeplane: Command, digest: str, tmp_path: Path
) -> None:
    strategy = {
        "apiVersion": "tradeplane.dev/v1alpha1",
        "kind": "Strategy",
        "metadata": {"name": "hold"},
        "spec": {"algorithm": {"name": "buy-and-hold"}, "snapshotRef": {"name": "btc"}, "capital": "100"},
    }
    (tmp_path / "strategy.yaml").write_text(yaml.safe_dump(strategy))
    ended = tradeplane("run", "strategy.yaml", "--snapshot", digest)
    assert ended.code == 2
    assert "the tapes end before a first period of 60 s does" in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--refuse", "gap"), 3, "btc.gz, line 1: messages before it were lost, as 1 more; correct the recording"),
        (("--refuse", "skew", "--refuse", "crossed"), 3, "its exchange time is above its local time, as 3 more"),
        (("--tick", "0.4"), 3, "line 1: the price 100.5 is no multiple of the tick 0.4"),
        (("--tick", "cheap"), 2, "--tick cheap is not a decimal"),
        (("--lot", "0"), 2, "a lot of 0 is not above zero"),
        (("--refuse", "rain"), 2, "rain"),
        (("--column", "time=Day"), 2, "--column is for bars, and the format is binance-raw"),
        (("--no-adjust",), 2, "--no-adjust is for bars"),
        (("--price-exponent", "-2"), 2, "--price-exponent is for bars"),
        (("--format", "bars", "--tick", "1"), 2, "--tick is for recordings, and the format is bars"),
        (("--format", "bars", "--refuse", "gap"), 2, "--refuse is for recordings"),
        (("--format", "pcap"), 2, "pcap"),
    ],
)
def test_what_cannot_be_imported_is_refused(
    tradeplane: Command, digest: str, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ended = tradeplane(*IMPORT, *arguments)
    assert ended.code == code
    assert words in " ".join(ended.err.split())
