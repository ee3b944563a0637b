"""Closing a trader: flat or as it stands, once, within its time; what it did is sealed and replays exactly."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.paper import Closing, PaperOutcome, PaperReport
from tradeplane_store.index import Wanted
from tradeplane_store.objects import open_store
from tradeplane_workloads.brokers.errors import BrokerError, EndpointUnreachable, NotTheApiExpected, RateLimited
from tradeplane_workloads.brokers.record import download_record
from tradeplane_workloads.market.indexing import find
from tradeplane_workloads.paper import account
from tradeplane_workloads.paper.running import close
from tradeplane_workloads.sessions.bundle import open_bundle

from tests.integration.workloads.exchange.exchange_client import exchange
from tests.integration.workloads.paper.paper_trading import (
    LIMIT_S,
    MARKET,
    not_exact,
    nothing_lost_or_doubled,
    paper,
    traded,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_workloads.exchange.serving import Address


async def closed(
    directory: Path, address: Address, how: Closing, within: float = 20.0, index: str | None = None, **fields: Any
) -> PaperReport:
    """Close the trader of a directory."""
    (directory / "store").mkdir(exist_ok=True)
    store = open_store((directory / "store").as_uri())
    async with asyncio.timeout(within + LIMIT_S):
        specification = paper(address.rest, address.streams, **fields)
        return await close(specification, directory / "sessions", directory / "keys", how, within, store, index)


async def test_flattened_it_holds_nothing_and_the_next_session_is_another(tmp_path: Path) -> None:
    async with exchange(tmp_path, tmp_path / "record", **MARKET) as (_, address):
        before = await traded(tmp_path, address, 2.0)
        told = await closed(tmp_path, address, Closing.FLATTEN)
        assert (told.outcome, told.positions, told.open_orders) == (PaperOutcome.FLAT, (), 0)
        assert (told.session, told.number) == (before.session, 1)
        assert await closed(tmp_path, address, Closing.FLATTEN) == told
        assert nothing_lost_or_doubled(tmp_path, MARKET) == told.fills > 0
        following = await traded(tmp_path, address, 1.0)
    assert (following.number, following.session == told.session) == (2, False)
    assert told.snapshot is not None
    with open_bundle(open_store((tmp_path / "store").as_uri()), told.snapshot) as bundle:
        assert bundle.manifest.session is not None
        assert bundle.manifest.session.name == told.session
        (account,) = bundle.manifest.session.account or ()
        assert (account.symbol, account.position, int(account.cash) != 0) == ("SYNUSDT", "0", True)


class Refusing:
    """What an exchange answers to requests for its record: errors, one after the other, then the record."""

    def __init__(self, *errors: BrokerError) -> None:
        self._errors = list(errors)
        self.asked = 0

    async def download(self, *arguments: Any, **fields: Any) -> int:
        """Fail, or fetch."""
        self.asked += 1
        if self._errors:
            raise self._errors.pop(0)
        return await download_record(*arguments, **fields)


@pytest.mark.parametrize(
    ("errors", "asked", "said"),
    [
        ((RateLimited("too much was asked", 1), EndpointUnreachable("reset")), 3, ""),
        (
            (RateLimited("too much was asked", 60),),
            1,
            "sealed without what the exchange recorded, .* too much was asked",
        ),
        ((NotTheApiExpected("it keeps none"),), 1, "sealed without what the exchange recorded, .* it keeps none"),
    ],
    ids=["it passes", "it does not pass in time", "there is none"],
)
async def test_what_the_exchange_recorded_is_asked_for_again_and_what_is_missing_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    errors: tuple[BrokerError, ...],
    asked: int,
    said: str,
) -> None:
    refusing = Refusing(*errors)
    monkeypatch.setattr(account, "download_record", refusing.download)
    async with exchange(tmp_path, tmp_path / "record", **MARKET) as (_, address):
        await traded(tmp_path, address, 0.5)
        told = await closed(tmp_path, address, Closing.FLATTEN)
        assert await closed(tmp_path, address, Closing.FLATTEN) == told
    assert (told.outcome, refusing.asked) == (PaperOutcome.FLAT, asked)
    assert re.fullmatch(said + ".*" if said else "", told.message)
    store = open_store((tmp_path / "store").as_uri())
    assert told.snapshot is not None
    unjudged = [] if not said else [f"{told.snapshot} is replayed Exact and Unjudged: None"]
    assert not_exact(store, told.snapshot) == unjudged


async def test_left_it_has_no_order_and_the_session_goes_on(tmp_path: Path) -> None:
    async with exchange(tmp_path, tmp_path / "record", **MARKET) as (_, address):
        await traded(tmp_path, address, 2.0)
        told = await closed(tmp_path, address, Closing.LEAVE)
        assert told.open_orders == 0
        assert told.outcome is (PaperOutcome.LEFT if told.positions else PaperOutcome.FLAT)
        following = await traded(tmp_path, address, 2.0)
    assert (following.session, following.number) == (told.session, 1)
    assert following.inputs > told.inputs
    nothing_lost_or_doubled(tmp_path, MARKET)


async def test_what_could_not_be_done_in_time_is_said_and_can_be_done_later(tmp_path: Path) -> None:
    async with exchange(tmp_path, tmp_path / "record", **MARKET) as (_, address):
        await traded(tmp_path, address, 2.0)
    # It goes on from its record, and after what a trader asks at its beginning no answer can be read.
    mute = MARKET | {"faults": [{"kind": "Garbage", "channel": "Request", "after": 5, "count": 1_000_000}]}
    async with exchange(tmp_path, tmp_path / "record", **mute) as (_, address):
        told = await closed(tmp_path, address, Closing.FLATTEN, within=8.0)
    assert told.outcome is PaperOutcome.NOT_FLAT
    assert "not done within 8 s, waiting for the exchange to say how the orders stand; left are" in told.message
    async with exchange(tmp_path, tmp_path / "record", **MARKET) as (_, address):
        again = await closed(tmp_path, address, Closing.FLATTEN)
    assert (again.outcome, again.session) == (PaperOutcome.FLAT, told.session)
    nothing_lost_or_doubled(tmp_path, MARKET)


async def test_a_session_is_in_the_index_that_is_named_and_in_no_other(tmp_path: Path) -> None:
    index = f"sqlite:///{tmp_path / 'named.sqlite'}"
    async with exchange(tmp_path, tmp_path / "record", **MARKET) as (_, address):
        await traded(tmp_path, address, 1.0)
        left = await closed(tmp_path, address, Closing.LEAVE)
        told = await closed(tmp_path, address, Closing.FLATTEN, index=index)
    store = open_store((tmp_path / "store").as_uri())
    (entry,) = find(store, Wanted(), index)
    assert (entry.id, entry.form) == (told.snapshot, "session")
    assert entry.id != left.snapshot
    assert [path.name for path in tmp_path.glob("*.sqlite")] == ["named.sqlite"]
    assert told.message == ""


async def test_an_index_that_cannot_be_had_is_said_and_the_session_is_sealed_all_the_same(tmp_path: Path) -> None:
    async with exchange(tmp_path, tmp_path / "record", **MARKET) as (_, address):
        await traded(tmp_path, address, 1.0)
        told = await closed(tmp_path, address, Closing.FLATTEN, index=f"sqlite:///{tmp_path}/nowhere/index.sqlite")
    assert (told.outcome, told.exit_code) == (PaperOutcome.FLAT, 0)
    assert f"sealed as {told.snapshot}, which is not in the index (tradeplane snapshot reindex" in told.message
    assert told.snapshot is not None
    with open_bundle(open_store((tmp_path / "store").as_uri()), told.snapshot) as bundle:
        assert bundle.manifest.session is not None


async def test_where_nothing_was_traded_there_is_nothing_to_close(tmp_path: Path) -> None:
    (tmp_path / "sessions").mkdir()
    async with exchange(tmp_path, tmp_path / "record", **MARKET) as (_, address):
        told = await closed(tmp_path, address, Closing.FLATTEN)
    assert (told.outcome, told.session) == (PaperOutcome.FLAT, None)
