"""Snapshots listed from an index, and an index built again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.unit.workloads.sample_recordings import LOCAL, WHOLE, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

BARS = "Date,Open,High,Low,Close,Volume\n2024-01-02,1,2,1,2,10\n2024-01-03,2,3,2,3,10\n"


def listed(tradeplane: Command, *arguments: str) -> list[str]:
    ended = tradeplane("snapshot", "list", *arguments, "-o", "json")
    assert ended.code == 0, ended.err
    return [item["id"] for item in json.loads(ended.out)["items"]]


def imported(tradeplane: Command, *arguments: str) -> str:
    ended = tradeplane("snapshot", "import", *arguments, "-o", "json")
    assert (ended.code, ended.err) == (0, "")
    digest: str = json.loads(ended.out)["spec"]["digest"]
    return digest


@pytest.fixture
def two(tradeplane: Command, tmp_path: Path) -> tuple[str, str]:
    """Import a recording of 2023 and bars of 2024, and return their ids."""
    (tmp_path / "bars.csv").write_text(BARS)
    recording = write(tmp_path / "r.gz", WHOLE)
    tape = imported(tradeplane, "--format", "binance-raw", str(recording))
    return tape, imported(tradeplane, "bars.csv", "--symbol", "SPX")


def test_what_is_imported_is_listed_by_start(tradeplane: Command, two: tuple[str, str]) -> None:
    assert listed(tradeplane) == list(two)
    assert listed(tradeplane, "--instrument", "SPX") == [two[1]]
    assert listed(tradeplane, "--from", "2024-01-01") == [two[1]]
    assert listed(tradeplane, "--to", "2024-01-01T00:00:00+02:00") == [two[0]]
    assert listed(tradeplane, "--instrument", "SPX", "--to", "2024-01-01") == []


def test_what_is_listed_of_a_snapshot(tradeplane: Command, two: tuple[str, str], tmp_path: Path) -> None:
    (item, _) = json.loads(tradeplane("snapshot", "list", "-o", "json").out)["items"]
    sealed = item.pop("sealed")
    folder = tmp_path / "store" / "snapshots" / two[0].removeprefix("sha256:")
    assert item == {
        "id": two[0],
        "store": (tmp_path / "store").as_uri(),
        "form": "tapes",
        "instruments": [{"symbol": "BTCUSDT", "kind": "LinearFuture"}],
        "start": "2023-11-14T22:13:20Z",
        "end": "2023-11-14T22:13:20.000003Z",
        "records": 8,
        "bytes": sum(path.stat().st_size for path in folder.iterdir()),
        "previous": None,
    }
    assert LOCAL == 1_700_000_000_000_000_000
    assert sealed.endswith("Z")
    table = tradeplane("snapshot", "list").out.splitlines()
    assert table[0].split() == ["SNAPSHOT", "INSTRUMENTS", "START", "END", "RECORDS", "BYTES"]
    assert [line.split()[:2] for line in table[1:]] == [[two[0], "BTCUSDT"], [two[1], "SPX"]]


def test_the_same_again_is_listed_once(tradeplane: Command, two: tuple[str, str]) -> None:
    assert imported(tradeplane, "bars.csv", "--symbol", "SPX") == two[1]
    assert listed(tradeplane) == list(two)


def test_a_store_without_an_index_works_and_says_how_to_build_one(
    tradeplane: Command, two: tuple[str, str], tmp_path: Path
) -> None:
    (tmp_path / "store.index.sqlite").unlink()
    ended = tradeplane("snapshot", "list")
    assert ended.code == 4
    assert "has no index; build it: tradeplane snapshot reindex" in ended.err
    third = imported(tradeplane, "bars.csv", "--symbol", "OTHER")
    assert tradeplane("snapshot", "list").code == 4  # one that has this snapshot alone would hide the others
    assert tradeplane("snapshot", "inspect", two[0]).code == 0
    built = tradeplane("snapshot", "reindex")
    assert built.out.startswith("3 snapshots are in the index of file://")
    assert set(listed(tradeplane)) == {*two, third}


def test_a_manifest_that_cannot_be_read_is_named_and_the_others_are_entered(
    tradeplane: Command, two: tuple[str, str], tmp_path: Path
) -> None:
    hexadecimal = two[1].removeprefix("sha256:")
    (tmp_path / "store" / "snapshots" / hexadecimal / "manifest.json").write_text("{}")
    built = tradeplane("snapshot", "reindex", "-o", "json")
    assert built.code == 3
    document = json.loads(built.out)
    assert document["entered"] == 1
    assert two[1] in document["faults"][0]
    assert listed(tradeplane) == [two[0]]


def test_an_index_that_cannot_be_reached_undoes_no_import(tradeplane: Command, tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text(BARS)
    index = f"postgresql://nobody@/none?host={tmp_path}"
    ended = tradeplane("snapshot", "import", "bars.csv", "--index", index, "-o", "json")
    assert ended.code == 0
    assert ended.err.startswith("note: the index postgresql://nobody@/none")
    assert tradeplane("snapshot", "inspect", json.loads(ended.out)["spec"]["digest"]).code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--from", "yesterday"), 2, "--from yesterday is not a time"),
        (("--to", "2024-13-01"), 2, "--to 2024-13-01 is not a time"),
        (("--index", "postgresql://me:secret@host/db"), 4, "put it into PGPASSWORD"),
        (("--store", "s3://bucket/prefix"), 4, "name one: TRADEPLANE_INDEX_URL"),
    ],
)
def test_what_cannot_be_is_said(tradeplane: Command, arguments: tuple[str, ...], code: int, words: str) -> None:
    ended = tradeplane("snapshot", "list", *arguments)
    assert ended.code == code
    assert words in ended.err
    assert "secret" not in ended.err
