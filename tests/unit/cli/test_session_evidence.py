"""A session of a registry, replayed from a store: the one that has it, and what is said where it has it not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tradeplane_api.run import ExitCode
from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.replay_data import Data
from tradeplane_cli.session_evidence import VerifiedSession
from tradeplane_evidence.registry.references import parse_reference
from tradeplane_evidence.verification.sessions import SessionVerification
from tradeplane_store.objects import open_store

from tests.unit.cli.test_sessions import floor, sealed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.workloads.sessions.trading_floor import Floor

__all__ = ["floor"]
PLACE = parse_reference(f"registry.example.com/runs/trading/sessions@sha256:{'ab' * 32}")


def _verified(snapshot: str | None) -> VerifiedSession:
    return VerifiedSession(SessionVerification(PLACE, snapshot=snapshot))


def _data(store: Path) -> Data:
    return Data(store.as_uri(), 1_000_000, plain_http=True)


def test_it_is_replayed_from_the_store_that_has_it(tmp_path: Path, floor: Floor) -> None:
    snapshot = sealed(tmp_path, floor)
    verified = _verified(snapshot)
    assert verified.run_again(_data(tmp_path / "store"))
    (check,) = verified.verification.checks
    assert check.words.endswith("from the records of the store")


def test_a_store_that_does_not_have_it_is_told_with_what_it_would_need(tmp_path: Path) -> None:
    open_store((tmp_path / "store").as_uri(), create=True)
    with pytest.raises(CommandFailure, match="what a session was fed is in no registry") as raised:
        _verified(f"sha256:{'12' * 32}").run_again(_data(tmp_path / "store"))
    assert raised.value.code is ExitCode.REFUSED
    assert f"snapshots/{'12' * 32}" in (raised.value.remedy or "")


def test_what_was_not_verified_is_not_replayed(tmp_path: Path) -> None:
    with pytest.raises(CommandFailure, match="there is no session to replay"):
        _verified(None).run_again(_data(tmp_path))
