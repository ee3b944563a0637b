"""A replay whose record is printed, of a store that fails or has nothing of it: said in a line, with an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tradeplane_api.parity import REPLAY_VARIABLE, ReplaySpecification
from tradeplane_api.run import STORE_VARIABLE, ExitCode
from tradeplane_store.errors import StoreUnavailable
from tradeplane_workloads.replay import printed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ask for the replay of a session, of a store that is there; return where that is."""
    specification = ReplaySpecification(format_version=2, replay="local", session="sha256:" + "1" * 64)
    monkeypatch.setenv(REPLAY_VARIABLE, specification.model_dump_json(by_alias=True))
    monkeypatch.setenv(STORE_VARIABLE, tmp_path.as_uri())
    return tmp_path


def test_a_store_that_refuses_to_be_read_is_told_as_such(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise StoreUnavailable(f"{asked}/snapshots/1: Permission denied; check that user 7 may use it")

    monkeypatch.setattr(printed, "replayed", refused)
    assert printed.main() == ExitCode.STORE
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"{asked}/snapshots/1: Permission denied; check that user 7 may use it\n"


@pytest.mark.usefixtures("asked")
def test_a_store_without_what_is_asked_refuses_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed.main() == ExitCode.REFUSED
    said = capsys.readouterr()
    assert said.out == ""
    assert "1" * 64 in said.err
