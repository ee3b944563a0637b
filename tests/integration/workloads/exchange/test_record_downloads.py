"""What an exchange recorded, asked for by a client: whole, signed, within limits, and only where there is a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import numpy as np
import pytest
from tradeplane_api.exchange import ExchangeSpecification
from tradeplane_api.venue import Endpoint
from tradeplane_workloads.brokers.credentials import Credentials
from tradeplane_workloads.brokers.errors import (
    BrokerError,
    CredentialsRefused,
    EndpointUnreachable,
    NotTheApiExpected,
    RateLimited,
)
from tradeplane_workloads.brokers.record import download_record
from tradeplane_workloads.errors import StoreFailure
from tradeplane_workloads.exchange import server
from tradeplane_workloads.exchange.parity import replay_record
from tradeplane_workloads.exchange.record_file import RecordFile, specification_beside
from tradeplane_workloads.sessions.frames import RECORD_HEADER, frames

from tests.integration.workloads.exchange.exchange_client import Client, exchange

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_workloads.exchange.serving import Address

KEYS = Credentials("k" * 64, "s" * 64)
PREFIX = "/fapi/v1"
BUY = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "59000.0", "quantity": "0.001"}


def at(address: Address) -> Endpoint:
    return Endpoint(rest=address.rest, stream=address.streams)


async def test_a_record_is_fetched_while_it_grows_and_can_be_replayed(tmp_path: Path) -> None:
    async with (
        exchange(tmp_path, tmp_path / "record", speed="1000") as (_, address),
        aiohttp.ClientSession() as http,
    ):
        assert (await Client(http, address).order(PREFIX, **BUY)).status == 200
        first = await download_record(at(address), KEYS, tmp_path / "first")
        assert (await Client(http, address).order(PREFIX, **BUY)).status == 200
        second = await download_record(at(address), KEYS, tmp_path / "second")

    one, other = ((tmp_path / name).read_bytes() for name in ("first", "second"))
    assert (len(one), len(other)) == (first, second)
    assert first < second
    assert other.startswith(one)
    assert (tmp_path / "record").read_bytes().startswith(other)
    *_, last = frames(np.frombuffer(one, np.uint8), RECORD_HEADER)
    assert last.end + 4 == first  # whole frames, and nothing else
    beside = ExchangeSpecification.model_validate_json(specification_beside(tmp_path / "second").read_bytes())
    verdict = replay_record(beside, None, other)
    assert verdict.is_exact
    assert sum(step.client is not None for step in verdict.steps) == 2
    assert not list(tmp_path.glob(".*"))


async def test_asking_for_a_record_opens_no_account(tmp_path: Path) -> None:
    async with exchange(tmp_path, tmp_path / "record") as (_, address), aiohttp.ClientSession() as http:
        await download_record(at(address), KEYS, tmp_path / "before")
        await Client(http, address).order(PREFIX, **BUY)
        await download_record(at(address), KEYS, tmp_path / "after")
    kinds = [
        [one.kind for one in frames(np.frombuffer((tmp_path / name).read_bytes(), np.uint8), RECORD_HEADER)]
        for name in ("before", "after")
    ]
    assert [listed.count(0) for listed in kinds] == [0, 1]


async def test_an_exchange_without_a_record_has_none_to_give(tmp_path: Path) -> None:
    async with exchange(tmp_path) as (_, address):
        with pytest.raises(NotTheApiExpected, match="There is no such endpoint"):
            await download_record(at(address), KEYS, tmp_path / "copy")
    assert list(tmp_path.glob("*copy*")) == []


@pytest.mark.parametrize(
    ("keys", "kind"),
    [(Credentials("k" * 64, "t" * 64), CredentialsRefused), (Credentials("n" * 64, "s" * 64), CredentialsRefused)],
)
async def test_who_has_no_key_gets_no_record(tmp_path: Path, keys: Credentials, kind: type[BrokerError]) -> None:
    async with exchange(tmp_path, tmp_path / "record") as (_, address):
        with pytest.raises(kind) as raised:
            await download_record(at(address), keys, tmp_path / "copy")
    assert keys.api_secret not in str(raised.value)
    assert not (tmp_path / "copy").exists()


async def test_a_record_is_asked_for_once_without_parameters(tmp_path: Path) -> None:
    async with exchange(tmp_path, tmp_path / "record") as (_, address), aiohttp.ClientSession() as http:
        client = Client(http, address)
        assert (await client.signed("GET", "/tradeplane/v1/record", symbol="X")).body["code"] == -1104
        assert (await client.send("GET", "/tradeplane/v1/record")).body["code"] == -1102
        assert (await client.signed("POST", "/tradeplane/v1/record")).status == 404


async def test_a_record_weighs(tmp_path: Path) -> None:
    limits = {"weightPerMinute": 250}
    async with exchange(tmp_path, tmp_path / "record", limits=limits) as (_, address):

        async def fetch(times: int) -> None:
            for _ in range(times):
                await download_record(at(address), KEYS, tmp_path / "copy")

        await fetch(2)
        with pytest.raises(RateLimited):
            await fetch(3)  # a minute may have begun since


async def test_a_record_that_is_too_large_leaves_no_file(tmp_path: Path) -> None:
    async with exchange(tmp_path, tmp_path / "record", speed="1000") as (_, address):
        await download_record(at(address), KEYS, tmp_path / "before")
        with pytest.raises(NotTheApiExpected, match="has more than 40 bytes; seal without it"):
            await download_record(at(address), KEYS, tmp_path / "copy", most_bytes=40)
        with pytest.raises(StoreFailure, match="cannot be written"):
            await download_record(at(address), KEYS, tmp_path / "nowhere" / "copy")
    assert list(tmp_path.glob("*copy*")) == []


async def test_no_exchange_is_no_record(tmp_path: Path) -> None:
    async with exchange(tmp_path) as (_, address):
        gone = at(address)
    with pytest.raises(EndpointUnreachable, match="is the exchange there"):
        await download_record(gone, KEYS, tmp_path / "copy")


@pytest.mark.parametrize(
    ("fault", "count", "kind"),
    [("Drop", 2, EndpointUnreachable), ("Garbage", 1, NotTheApiExpected), ("RateLimited", 1, RateLimited)],
)
async def test_faults_are_told(tmp_path: Path, fault: str, count: int, kind: type[BrokerError]) -> None:
    # aiohttp asks once more by itself where a connection is cut before an answer
    faults = [{"kind": fault, "channel": "Request", "after": 0, "count": count}]
    async with exchange(tmp_path, tmp_path / "record", faults=faults) as (_, address):
        with pytest.raises(kind):
            await download_record(at(address), KEYS, tmp_path / "copy")
        assert await download_record(at(address), KEYS, tmp_path / "copy") > RECORD_HEADER


async def test_a_stalled_record_comes(tmp_path: Path) -> None:
    faults = [{"kind": "Stall", "channel": "Request", "after": 1, "milliseconds": 50}]
    async with exchange(tmp_path, tmp_path / "record", faults=faults) as (_, address):
        assert await download_record(at(address), KEYS, tmp_path / "copy") > RECORD_HEADER


async def test_who_reads_too_slowly_is_cut_off_and_the_exchange_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PIECE_S", 0.0)
    monkeypatch.setattr(server, "PIECE_BYTES", 1 << 25)  # more than buffers hold, so nobody reads it in no time
    async with exchange(tmp_path, tmp_path / "record") as (served, address), aiohttp.ClientSession() as http:
        monkeypatch.setattr(RecordFile, "__len__", lambda _: 1 << 26)
        monkeypatch.setattr(RecordFile, "part", lambda _, __, most: bytes(most))
        with pytest.raises(EndpointUnreachable):
            await download_record(at(address), KEYS, tmp_path / "copy")
        assert not (tmp_path / "copy").exists()
        assert (await Client(http, address).order(PREFIX, **BUY)).status == 200
        assert served.server.failure is None
