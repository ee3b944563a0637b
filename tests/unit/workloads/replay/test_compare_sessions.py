"""Where two recorded sessions first part, by the digests of their pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tradeplane_store import layout
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.replay.snapshots import compare_snapshots
from tradeplane_workloads.sessions import frames
from tradeplane_workloads.sessions.bundle import seal_session

from tests.unit.workloads.sessions.forgery import Frame, forged_journal
from tests.unit.workloads.sessions.trading_floor import QUOTING, Floor, journal_of

if TYPE_CHECKING:
    from pathlib import Path

REPORT = 2


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store((tmp_path / "store").as_uri(), create=True)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "PIECE_BYTES", 2_000)


def traded(folder: Path, **fields: object) -> Floor:
    floor = Floor(folder, **fields)  # type: ignore[arg-type]
    floor.trade()
    floor.close()
    return floor


def sealed(store: ObjectStore, floor: Floor, *, record: bool = True) -> str:
    return seal_session(store, floor.session_folder, record=floor.record if record else None, previous=None).id


def test_the_first_record_that_differs_is_found_by_its_piece_alone(tmp_path: Path, store: ObjectStore) -> None:
    floor = traded(tmp_path)
    one = sealed(store, floor)
    numbers: list[int] = []

    def alter(parts: list[Frame]) -> None:
        reports = [number for number, part in enumerate(parts, 1) if part.kind == REPORT]
        numbers.append(reports[len(reports) // 2])
        parts[numbers[0] - 1].payload[31] ^= 1  # of the price

    (floor.session_folder / "journal").write_bytes(forged_journal(journal_of(floor).tobytes(), alter))
    two = sealed(store, floor)
    # What comes after the piece that differs is not read, so it may be gone.
    journals = [name for name in store.list(f"snapshots/{two.removeprefix('sha256:')}") if "journal-" in name]
    for digest in (one, two):
        store.delete(layout.snapshot_part(digest, f"journal-{len(journals) - 1}.bin"))

    found = compare_snapshots((store, one), (store, two))

    (divergence,) = found.divergences
    assert (divergence.part, divergence.sequence) == ("journal", numbers[0])
    (field,) = divergence.fields
    assert field.field == "price"
    assert int(field.expected or 0) == int(field.got or 0) ^ 1
    assert not found.same


def test_the_same_session_is_the_same(tmp_path: Path, store: ObjectStore) -> None:
    one = sealed(store, traded(tmp_path / "one"))
    assert one == sealed(store, traded(tmp_path / "two"))
    assert compare_snapshots((store, one), (store, one)).same


def test_another_parameter_is_named(tmp_path: Path, store: ObjectStore) -> None:
    one = sealed(store, traded(tmp_path / "one"))
    algorithm = {"name": "market-maker", "parameters": QUOTING | {"halfSpreadTicks": 1}}
    two = sealed(store, traded(tmp_path / "two", algorithm=algorithm))

    found = compare_snapshots((store, one), (store, two))

    fields = {field.field: (field.expected, field.got) for field in found.fields}
    assert fields["specification.simulation.algorithm.parameters.halfSpreadTicks"] == ("0", "1")
    journal, record = found.divergences
    assert (journal.part, journal.sequence, journal.fields[0].field) == ("journal", 0, "specification")
    assert record.part == "record"
    assert (record.fields[0].expected or "").startswith("submit ")


def test_a_session_and_more_of_it_part_where_the_one_ends(tmp_path: Path, store: ObjectStore) -> None:
    short, long = Floor(tmp_path / "short"), Floor(tmp_path / "long")
    for floor, messages in ((short, 100), (long, 200)):
        floor.trade(messages, end=False)
        floor.close()
    found = compare_snapshots((store, sealed(store, short)), (store, sealed(store, long)))

    journal, record = found.divergences
    assert journal.fields[0].field == "record"
    assert record.fields[0].expected is None
    assert (record.fields[0].got or "").startswith("market ")
    assert "specification" not in {field.field.partition(".")[0] for field in found.fields}


def test_a_record_that_only_one_has_is_a_field(tmp_path: Path, store: ObjectStore) -> None:
    floor = traded(tmp_path)
    found = compare_snapshots((store, sealed(store, floor)), (store, sealed(store, floor, record=False)))
    assert [(one.field, one.expected, one.got) for one in found.fields] == [("exchange.json", "there", None)]
    assert found.divergences == ()
    assert not found.same


def test_a_piece_that_is_gone_is_refused(tmp_path: Path, store: ObjectStore) -> None:
    algorithm = {"name": "market-maker", "parameters": QUOTING | {"halfSpreadTicks": 1}}
    one, two = sealed(store, traded(tmp_path / "one")), sealed(store, traded(tmp_path / "two", algorithm=algorithm))
    store.delete(layout.snapshot_part(two, "journal-0.bin"))
    with pytest.raises(DataRefused, match=r"part journal-0\.bin of snapshot .* is not in the store"):
        compare_snapshots((store, one), (store, two))
