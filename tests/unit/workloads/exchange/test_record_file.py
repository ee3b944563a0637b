"""The record is put on the disk when there is anything new, by one thread at a time, and never once it was let go."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from tradeplane_workloads.errors import StoreFailure
from tradeplane_workloads.exchange.record_file import RecordFile

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_new_is_synced_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    record = RecordFile(tmp_path / "record")
    record.sync()
    assert synced == []
    record.append(b"one")
    record.append(b"two")
    record.sync()
    record.sync()
    assert len(synced) == 1
    record.append(b"three")
    record.close()
    record.sync()
    assert len(synced) == 1
    assert (tmp_path / "record").read_bytes() == b"onetwothree"


def test_a_disk_that_fails_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    record = RecordFile(tmp_path / "record")
    record.append(b"one")
    with pytest.raises(StoreFailure, match=r"record cannot be synced \(Input/output error\), so the exchange stops"):
        record.sync()
    record.close()
