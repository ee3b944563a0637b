"""The server on loopback with real clients, several at once."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from tradeplane_workloads.exchange.parity import replay_record
from tradeplane_workloads.exchange.server import MAX_BODY_BYTES

from tests.integration.workloads.exchange.exchange_client import LIMIT_S, Client, exchange

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tradeplane_workloads.exchange.serving import Address

SPOT, USD_M, COIN_M = "/api/v3", "/fapi/v1", "/dapi/v1"
KINDS = {SPOT: "Spot", USD_M: "LinearFuture", COIN_M: "InverseFuture"}


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def market(prefix: str) -> dict[str, Any]:
    return {"synthetic": {"messages": 5_000, "kind": KINDS[prefix]}}


@pytest.mark.parametrize("prefix", KINDS)
async def test_an_order_from_first_to_last(tmp_path: Path, http: aiohttp.ClientSession, prefix: str) -> None:
    async with exchange(tmp_path, **market(prefix)) as (_, address):
        client = Client(http, address)
        assert (await client.send("GET", f"{prefix}/ping")).body == {}
        (symbol,) = (await client.send("GET", f"{prefix}/exchangeInfo")).body["symbols"]
        steps = {one["filterType"]: one for one in symbol["filters"]}
        assert (symbol["symbol"], steps["PRICE_FILTER"]["tickSize"]) == (client.symbol, "0.1")
        lot = steps["LOT_SIZE"]["stepSize"]
        key = "/userDataStream" if prefix == SPOT else "/listenKey"
        listen_key = (await client.send("POST", prefix + key)).body["listenKey"]
        assert (await client.send("PUT", prefix + key, f"listenKey={listen_key}")).status == 200
        stream = await client.listen(f"/ws/{listen_key}")

        rests = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "59000.0", "quantity": lot}
        placed = await client.order(prefix, **rests, newClientOrderId="rests")
        assert (placed.status, placed.body["clientOrderId"]) == (200, "rests")
        assert placed.headers["X-MBX-ORDER-COUNT-10S"] == "1"
        again = await client.order(prefix, **rests, newClientOrderId="rests")
        assert (again.status, again.body["code"]) == (400, -2010 if prefix == SPOT else -4116)
        (alive,) = (await client.signed("GET", f"{prefix}/openOrders")).body
        found = await client.signed("GET", f"{prefix}/order", symbol=client.symbol, origClientOrderId="rests")
        assert (alive, alive["status"]) == (found.body, "NEW")
        taken = await client.order(prefix, side="SELL", type="MARKET", quantity=lot, newOrderRespType="RESULT")
        assert (taken.body["status"], taken.body["executedQty"]) == ("FILLED", lot)
        (trade,) = (
            await client.signed(
                "GET", prefix + ("/myTrades" if prefix == SPOT else "/userTrades"), symbol=client.symbol
            )
        ).body
        assert (trade["orderId"], trade["qty"]) == (taken.body["orderId"], lot)
        undone = await client.signed("DELETE", f"{prefix}/order", symbol=client.symbol, orderId=alive["orderId"])
        assert undone.body["status"] == "CANCELED"
        assert [
            one["status"] for one in (await client.signed("GET", f"{prefix}/allOrders", symbol=client.symbol)).body
        ] == [
            "CANCELED",
            "FILLED",
        ]
        told = await stream.until("X", "CANCELED")
        orders = [one["o"] if isinstance(one.get("o"), dict) else one for one in told]
        assert [one["x"] for one in orders if "x" in one] == ["NEW", "NEW", "TRADE", "CANCELED"]


async def test_balances_and_positions(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    async with exchange(tmp_path, speed="0.001") as (_, address):
        client = Client(http, address)
        await client.order(USD_M, side="SELL", type="MARKET", quantity="0.010")
        for path in ("/fapi/v2/positionRisk", "/fapi/v3/positionRisk"):
            (position,) = (await client.signed("GET", path)).body
            assert (position["positionAmt"], position["entryPrice"]) == ("-0.010", "60000.00000000")
        account = (await client.signed("GET", "/fapi/v2/account")).body
        assert account["totalWalletBalance"] == "100000.00000000"
        balances = (await client.signed("GET", "/fapi/v2/balance")).body
        # A position of 600 at a twentieth, and half a tick lost to the middle.
        assert next(one for one in balances if one["asset"] == "USDT")["availableBalance"] == "99969.99947500"
        reduced = await client.order(
            USD_M, side="BUY", type="MARKET", quantity="0.010", reduceOnly="true", newOrderRespType="RESULT"
        )
        assert reduced.body["status"] == "FILLED"
        refused = await client.order(USD_M, side="BUY", type="MARKET", quantity="0.010", reduceOnly="true")
        assert refused.body["code"] == -2022


async def test_an_order_is_changed(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    async with exchange(tmp_path) as (_, address):
        client = Client(http, address)
        placed = await client.order(
            USD_M, side="BUY", type="LIMIT", timeInForce="GTX", price="59000.0", quantity="0.010"
        )
        change = {"symbol": client.symbol, "side": "BUY", "quantity": "0.020", "price": "59001.0"}
        changed = await client.signed("PUT", f"{USD_M}/order", orderId=placed.body["orderId"], **change)
        assert (changed.body["price"], changed.body["origQty"]) == ("59001.0", "0.020")
        missing = await client.signed("PUT", f"{USD_M}/order", orderId=999, **change)
        assert missing.body["code"] == -2013


async def test_clients_do_not_see_each_other(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    async with exchange(tmp_path) as (_, address):
        one, two = Client(http, address), Client(http, address, "q" * 64, "t" * 64)
        keys = [(await client.send("POST", f"{USD_M}/listenKey")).body["listenKey"] for client in (one, two)]
        streams = [await client.listen(f"/ws/{key}") for client, key in zip((one, two), keys, strict=True)]
        order = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "59000.0", "quantity": "0.001"}
        names = [(client, f"o-{number}") for number in range(40) for client in (one, two)]
        answers = await asyncio.gather(*(client.order(USD_M, newClientOrderId=name, **order) for client, name in names))
        assert {answer.status for answer in answers} == {200}
        assert len({answer.body["orderId"] for answer in answers}) == 80
        for client, stream in zip((one, two), streams, strict=True):
            alive = (await client.signed("GET", f"{USD_M}/openOrders")).body
            mine = {order["orderId"] for order in alive}
            assert len(mine) == 40
            told = [await stream.next() for _ in range(40)]
            assert {message["o"]["i"] for message in told} == mine
        cancelled = await one.signed("DELETE", f"{USD_M}/allOpenOrders", symbol=one.symbol)
        assert cancelled.body["code"] == 200
        assert len((await two.signed("GET", f"{USD_M}/openOrders")).body) == 40


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"timestamp": 1}, 400, -1021),
        ({"timestamp": 9_999_999_999_999}, 400, -1021),
        ({"recvWindow": 99_999}, 400, -1131),
        ({"symbol": "NOPE"}, 400, -1121),
        ({"quantity": "0.0001"}, 400, -1111),
        ({"type": "OCO"}, 400, -1116),
        ({"hello": "world"}, 400, -1104),
    ],
)
async def test_refused_orders(
    tmp_path: Path, http: aiohttp.ClientSession, change: dict[str, Any], status: int, code: int
) -> None:
    async with exchange(tmp_path) as (serving, address):
        order = {"symbol": address.symbols[0], "side": "BUY", "type": "MARKET", "quantity": "0.001"}
        refused = await Client(http, address).signed("POST", f"{USD_M}/order", **(order | change))
        assert (refused.status, refused.body["code"]) == (status, code)
        assert serving.venue.ledger.all(0, 0, 0, 10) == []


async def test_what_is_signed_is_what_was_sent_byte_by_byte(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    async with exchange(tmp_path) as (_, address):
        client = Client(http, address)
        rest = f"side=BUY&type=MARKET&quantity=0.001&timestamp={time.time_ns() // 1_000_000}&symbol={client.symbol}"
        for name, written in (("a:b/c", "a:b/c"), ("a:b/c", "a%3Ab%2fc"), ("x_y", "%78_y")):
            payload = f"newClientOrderId={written}&{rest}"
            signature = hmac.new(b"s" * 64, payload.encode(), hashlib.sha256).hexdigest()
            in_query = await client.send("POST", f"{USD_M}/order", f"{payload}&signature={signature}")
            assert (in_query.status, in_query.body.get("clientOrderId")) == (200, name)
            in_body = await client.send("POST", f"{USD_M}/order", body=f"signature={signature}&{payload}")
            assert (in_body.status, in_body.body.get("clientOrderId")) == (200, name)


async def test_what_is_no_request_is_answered_all_the_same(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    async with exchange(tmp_path) as (serving, address):
        client = Client(http, address)
        for method, path, query, body in (
            ("GET", f"{USD_M}/depth", "symbol=%ff%fe", ""),
            ("GET", f"{USD_M}/depth", "symbol=SYNUSDT&limit=%00", ""),
            ("GET", f"{USD_M}/depth", "&&&", ""),
            ("GET", f"{USD_M}/../../etc/passwd", "", ""),
            ("PATCH", f"{USD_M}/order", "", ""),
            ("POST", f"{USD_M}/order", "a=1", "a=2"),
            ("POST", f"{USD_M}/order", "timestamp=1&signature=%C3%A9", ""),
            ("DELETE", f"{USD_M}/order", "x" * 3_000, ""),
        ):
            answer = await client.send(method, path, query, body)
            assert (400 <= answer.status < 500, answer.body["code"] < 0) == (True, True), (path, query)
        assert serving.server.failure is None


async def test_who_is_not_known_is_not_let_in(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    async with exchange(tmp_path) as (_, address):
        stranger, forger = Client(http, address, "z" * 64), Client(http, address, secret="x" * 64)
        assert (await stranger.signed("GET", "/fapi/v2/account")).body["code"] == -2015
        assert (await forger.signed("GET", "/fapi/v2/account")).body["code"] == -1022
        known = Client(http, address)
        assert (await known.send("GET", "/fapi/v2/account", "timestamp=1")).body["code"] == -1102
        assert (await stranger.send("POST", f"{USD_M}/listenKey")).status == 401
        async with http.get(address.rest + "/fapi/v2/account") as bare:
            assert (bare.status, (await bare.json())["code"]) == (401, -2014)
        (tmp_path / "keys" / "apiKey").write_text("n" * 64)
        assert (await known.signed("GET", "/fapi/v2/account")).body["code"] == -2015
        assert (await Client(http, address, "n" * 64).signed("GET", "/fapi/v2/account")).status == 200


async def test_what_is_too_large_or_unknown_is_refused(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    async with exchange(tmp_path) as (_, address):
        client = Client(http, address)
        large = await client.send("POST", f"{USD_M}/order", body="a=" + "x" * MAX_BODY_BYTES)
        assert (large.status, large.body["code"]) == (413, -1101)
        assert (await client.send("GET", "/api/v3/time")).status == 404  # the wire form is another
        assert (await client.send("POST", f"{USD_M}/depth")).status == 404
        assert (await client.send("GET", f"{USD_M}/depth", "symbol=SYNUSDT&limit=7")).body["code"] == -4021
        async with http.post(address.rest + f"{USD_M}/order", json={"a": 1}) as other:
            assert other.status == 415


async def test_who_asks_too_much_is_told_to_wait_and_then_sent_away(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    async with exchange(tmp_path, clock=lambda: 60_000_000_000, limits={"weightPerMinute": 10}) as (_, address):
        client = Client(http, address)
        answers = [await client.send("GET", f"{USD_M}/ping") for _ in range(40)]
        statuses = [answer.status for answer in answers]
        assert statuses == [200] * 10 + [429] * 10 + [418] * 20
        assert (answers[10].headers["Retry-After"], answers[-1].headers["Retry-After"]) == ("60", "120")
        assert {answer.body["code"] for answer in answers[10:]} == {-1003}


async def test_streams_join_the_book_that_was_asked_for(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    async with exchange(tmp_path, speed="50") as (serving, address):
        client = Client(http, address)
        name = f"{client.symbol.lower()}@depth@0ms"
        stream = await client.listen(f"/stream?streams={name}")
        await stream.next()
        book = (await client.send("GET", f"{USD_M}/depth", "symbol=SYNUSDT&limit=1000")).body
        held = {side: dict(book[side]) for side in ("bids", "asks")}
        before = None
        for _ in range(200):
            message = (await stream.next())["data"]
            if message["u"] <= book["lastUpdateId"]:
                continue
            assert message["pu"] <= book["lastUpdateId"] if before is None else message["pu"] == before
            before = message["u"]
            for side, changes in (("bids", message["b"]), ("asks", message["a"])):
                held[side] |= dict(changes)
        # The exchange has gone on; it is asked again until both are at one update.
        async with asyncio.timeout(LIMIT_S):
            while True:
                book = (await client.send("GET", f"{USD_M}/depth", "symbol=SYNUSDT&limit=1000")).body
                while before is None or before < book["lastUpdateId"]:
                    message = (await stream.next())["data"]
                    before = message["u"]
                    for side, changes in (("bids", message["b"]), ("asks", message["a"])):
                        held[side] |= dict(changes)
                if before == book["lastUpdateId"]:
                    break
        for side in ("bids", "asks"):
            assert {price: size for price, size in held[side].items() if float(size)} == dict(book[side])
        assert serving.server.failure is None


async def test_a_connection_asks_for_streams_and_is_held_to_its_pace(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    async with exchange(tmp_path) as (_, address):
        client = Client(http, address)
        stream = await client.listen("/ws")
        await stream.socket.send_json({"method": "SUBSCRIBE", "params": ["synusdt@trade"], "id": 7})
        assert await stream.until("id", 7) == [{"result": None, "id": 7}]
        assert (await stream.next())["e"] == "trade"
        reading = asyncio.create_task(stream.to_the_end())
        while not reading.done() and not stream.socket.closed:  # more in a second than may be sent, however slowly
            with contextlib.suppress(ConnectionError):
                await stream.socket.send_str("{}")
            await asyncio.sleep(0)
        await reading
        assert stream.socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION
        async with http.get(address.rest + "/ws/no@stream") as refused:
            assert refused.status == 400


async def bare_socket(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a WebSocket and do nothing more: no library that answers pings or reads."""
    reader, writer = await asyncio.open_connection(address.host, address.port, limit=1_024)
    request = (
        "GET /ws/synusdt@trade HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    writer.write(request.encode())
    await writer.drain()
    assert b"101" in await reader.readline()
    return reader, writer


async def test_a_client_that_does_not_read_is_cut_off(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    async with exchange(tmp_path) as (serving, address):
        _, writer = await bare_socket(address)
        (listener,) = serving.server.hub._listeners
        other = await Client(http, address).listen("/ws/synusdt@trade")
        async with asyncio.timeout(LIMIT_S):
            while listener in serving.server.hub._listeners:  # what the kernel holds is filled first
                listener.push("x" * 65_536)
                await asyncio.sleep(0)
        assert listener.cut == "it reads too slowly"
        assert (await other.next())["e"] == "trade"
        writer.close()


async def test_a_client_that_answers_no_ping_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradeplane_workloads.exchange.connection.HEARTBEAT_S", 0.1)
    async with exchange(tmp_path, speed="0.001") as (serving, address):
        reader, writer = await bare_socket(address)
        async with asyncio.timeout(LIMIT_S):
            received = await reader.read()  # up to the end
            await serving.server.hub._empty.wait()
        assert b"\x89\x00" in received  # a ping
        writer.close()


async def test_a_listen_key_that_is_closed_ends_its_stream(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    async with exchange(tmp_path) as (_, address):
        client = Client(http, address)
        key = (await client.send("POST", f"{USD_M}/listenKey")).body["listenKey"]
        stream = await client.listen(f"/ws/{key}")
        assert (await client.send("DELETE", f"{USD_M}/listenKey")).status == 200
        assert await stream.next() is None
        assert (await client.send("PUT", f"{USD_M}/listenKey")).body["code"] == -1125


async def test_the_record_of_an_exchange_gives_the_same_again(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    record = tmp_path / "record"
    async with exchange(tmp_path, record, speed="20") as (serving, address):
        clients = Client(http, address), Client(http, address, "q" * 64, "t" * 64)
        for number in range(60):
            client = clients[number % 2]
            side = "BUY" if number % 3 else "SELL"
            price = f"{60_000 + (number % 7 - 3) / 10:.1f}"
            await client.order(
                USD_M, side=side, type="LIMIT", timeInForce="GTC", price=price, quantity=f"0.00{1 + number % 5}"
            )
        venue = serving.venue
        held = [venue.ledger.all(account, 0, 0, 100) for account in (0, 1)]
        assert all(venue.ledger.trades(account, 0, 0, 100) for account in (0, 1))
    async with exchange(tmp_path, record, speed="20") as (again, _):
        venue = again.venue
        # The market went on meanwhile; what had been done before is as it was.
        for account, orders in enumerate(held):
            before = {order.number: (order.status, order.executed) for order in orders if not order.alive}
            now = {order.number: (order.status, order.executed) for order in venue.ledger.all(account, 0, 0, 100)}
            assert {number: now[number] for number in before} == before
    verdict = replay_record(again.specification, None, record.read_bytes())
    assert verdict.is_exact
    for account in (0, 1):
        assert verdict.venue.balance(account, "USDT") == venue.balance(account, "USDT")
        assert verdict.venue.ledger.trades(account, 0, 0, 100) == venue.ledger.trades(account, 0, 0, 100)


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    from tradeplane_workloads.errors import StoreFailure
    from tradeplane_workloads.exchange.serving import Where

    async with exchange(tmp_path) as (_, address):
        async with exchange(tmp_path) as (other, _):
            pass
        with pytest.raises(StoreFailure, match=r"cannot be listened on .*choose another port"):
            await other.serve(Where("127.0.0.1", address.port), lambda _: None, asyncio.Event())


@pytest.mark.parametrize("kind", ["Drop", "Garbage", "Stall"])
async def test_an_answer_is_lost_and_the_order_is_there(tmp_path: Path, http: aiohttp.ClientSession, kind: str) -> None:
    faults = [{"kind": kind, "channel": "Request", "after": 0, "milliseconds": 200}]
    async with exchange(tmp_path, faults=faults) as (_, address):
        client = Client(http, address)
        order = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "59000.0", "quantity": "0.001"}
        began = time.monotonic()
        try:
            answer = await client.order(USD_M, newClientOrderId="once", **order)
            assert (kind, answer.status, time.monotonic() - began >= 0.2) == ("Stall", 200, True)
        except (aiohttp.ClientError, ValueError):
            assert kind in ("Drop", "Garbage")
        again = await client.order(USD_M, newClientOrderId="once", **order)
        assert again.body["code"] == -4116
        assert len((await client.signed("GET", f"{USD_M}/openOrders")).body) == 1


async def test_a_stream_is_dropped_on_purpose(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    faults = [{"kind": "Drop", "channel": "Market", "after": 3}]
    async with exchange(tmp_path, faults=faults) as (_, address):
        stream = await Client(http, address).listen("/ws/synusdt@depth@0ms")
        told = [await stream.next() for _ in range(4)]
        assert told[-1] is None
        assert (await (await Client(http, address).listen("/ws/synusdt@depth@0ms")).next())["e"] == "depthUpdate"


@pytest.mark.parametrize("fails", [False, True])
async def test_the_record_is_synced_now_and_then_and_a_disk_that_fails_ends_the_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    from tradeplane_workloads.errors import StoreFailure
    from tradeplane_workloads.exchange import serving

    loop, synced = asyncio.get_running_loop(), asyncio.Event()

    def sync(_: int) -> None:
        loop.call_soon_threadsafe(synced.set)
        if fails:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(serving, "SYNC_S", 0.01)
    monkeypatch.setattr("os.fdatasync", sync)
    ended = pytest.raises(StoreFailure, match="cannot be synced") if fails else contextlib.nullcontext()
    with ended:
        async with exchange(tmp_path, tmp_path / "record") as (serves, _), asyncio.timeout(LIMIT_S):
            await synced.wait()
            if fails:
                await serves.server.stopped.wait()
