"""What a session's account came to is sealed with it, and a replay that reckons otherwise says so."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.parity import Parity, Tolerance, Verdict
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_workloads.replay.sessions import Asked, replay_session
from tradeplane_workloads.sessions.account import account_of, first_difference
from tradeplane_workloads.sessions.bundle import seal_session

from tests.unit.workloads.replay.golden_session import put_golden
from tests.unit.workloads.replay.sessions_on_record import change_parameter
from tests.unit.workloads.sessions.trading_floor import Floor

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_api.snapshot_manifest import SessionHolding

BILLION = 1_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store((tmp_path / "store").as_uri(), create=True)


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    """Return where a session traded that holds something at its end."""
    floor = Floor(tmp_path)
    floor.trade(300, end=False)
    floor.close()
    return floor


def held(floor: Floor) -> SessionHolding:
    (holding,) = account_of(floor.session, ["SYNUSDT"])
    return holding


def judged(
    store: ObjectStore, floor: Floor, account: tuple[SessionHolding, ...] | None, *, record: bool = True, **asked: Any
) -> Verdict:
    kept = floor.record if record else None
    sealed = seal_session(store, floor.session_folder, record=kept, previous=None, account=account)
    return replay_session(store, sealed.id, lambda _: None, Asked(**asked)).verdict


def test_an_account_is_in_whole_numbers_and_adds_up(floor: Floor) -> None:
    holding = held(floor)
    position, cash = floor.session.holding()[:2]
    assert (holding.symbol, holding.position, holding.cash) == ("SYNUSDT", str(position), str(cash))
    assert position != 0
    assert int(holding.fees) > 0
    assert Decimal(cash) / BILLION != 1_000_000


@pytest.mark.parametrize("record", [True, False])
def test_the_same_account_is_exact_and_one_that_was_not_sealed_is_judged_as_before(
    store: ObjectStore, floor: Floor, record: bool
) -> None:
    execution = Parity.EXACT if record else Parity.UNJUDGED
    for account in ((held(floor),), None):
        verdict = judged(store, floor, account, record=record)
        assert (verdict.decisions, verdict.execution, verdict.divergence) == (Parity.EXACT, execution, None)


@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("amount", ["position", "cash", "fees"])
def test_a_unit_more_or_less_fails_execution_and_names_the_amount(
    store: ObjectStore, floor: Floor, amount: str, record: bool
) -> None:
    now = getattr(held(floor), amount)
    other = held(floor).model_copy(update={amount: str(int(now) - 1)})
    verdict = judged(store, floor, (other,), record=record)
    assert (verdict.decisions, verdict.execution) == (Parity.EXACT, Parity.DIVERGED)
    found = verdict.divergence
    assert found is not None
    assert (found.part, found.field, found.expected, found.got) == (
        "account", f"SYNUSDT.{amount}", str(int(now) - 1), now,
    )  # fmt: skip
    assert found.sequence > 100


def test_a_tolerance_is_no_leave_to_reckon_otherwise(store: ObjectStore, floor: Floor) -> None:
    other = held(floor).model_copy(update={"cash": "0"})
    verdict = judged(store, floor, (other,), tolerance=Tolerance(pnl="1000000"))
    assert verdict.execution is Parity.DIVERGED


def test_what_decides_otherwise_is_named_by_its_decision(store: ObjectStore, floor: Floor) -> None:
    change_parameter(floor, with_header=True)
    verdict = judged(store, floor, (held(floor).model_copy(update={"cash": "0"}),))
    assert verdict.decisions is Parity.DIVERGED
    assert verdict.divergence is not None
    assert verdict.divergence.part == "journal"


def test_another_strategy_is_not_held_to_the_account_of_the_recorded_one(store: ObjectStore, floor: Floor) -> None:
    other = held(floor).model_copy(update={"cash": "0"})
    verdict = judged(store, floor, (other,), simulation=floor.specification.simulation)
    assert (verdict.decisions, verdict.execution) == (Parity.EXACT, Parity.EXACT)


def test_accounts_of_other_instruments_differ(floor: Floor) -> None:
    one = held(floor)
    other = one.model_copy(update={"symbol": "OTHER"})
    assert first_difference((one,), (one,)) is None
    assert first_difference((one,), (other,)) == ("symbol", "SYNUSDT", "OTHER")
    assert first_difference((one, other), (one,)) == ("symbol", "OTHER", None)


def test_a_session_of_an_earlier_build_is_exact_to_this_one(store: ObjectStore) -> None:
    found = replay_session(store, put_golden(store), lambda _: None)
    assert (found.verdict.decisions, found.verdict.execution) == (Parity.EXACT, Parity.EXACT), found.verdict.divergence
    assert (found.verdict.fills, found.verdict.fills_matched) == (4, 4)
    session = found.manifest.session
    assert session is not None
    assert session.account is not None
    assert (session.over, session.account[0].position) == (True, "0")
    recorded, again = found.digests
    assert recorded == again
