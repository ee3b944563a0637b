"""How long is waited, and for what addresses."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from tradeplane_api.capture import CaptureFeed
from tradeplane_workloads.capture.specification import capture_from
from tradeplane_workloads.capture.venue import depth_url, stream_url
from tradeplane_workloads.capture.waits import LONGEST_BAN_SECONDS, asked_to_wait, backoff
from tradeplane_workloads.errors import InvalidSpecification

from tests.unit.workloads.capture.samples import FEED, specification


def test_waits_grow_to_a_limit() -> None:
    assert [backoff(failures) for failures in (1, 2, 3, 8, 1_000)] == [0.25, 0.5, 1.0, 30.0, 30.0]


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry-After": "7"}, 7.0),
        (418, {"Retry-After": "3600"}, 3600.0),
        (418, {"Retry-After": "99999999999"}, LONGEST_BAN_SECONDS),
        (429, {"Retry-After": "soon"}, 10.0),
        (429, {"Retry-After": "-5"}, 10.0),
        (418, {}, 120.0),
        (500, {"Retry-After": "7"}, None),
        (200, {}, None),
    ],
)
def test_the_venue_says_how_long_it_wants_to_be_left_alone(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    assert asked_to_wait(status, headers) == seconds


@pytest.mark.parametrize(
    ("market", "path"),
    [("Spot", "/api/v3/depth"), ("UsdMargined", "/fapi/v1/depth"), ("CoinMargined", "/dapi/v1/depth")],
)
def test_addresses(market: str, path: str) -> None:
    channels = ["Depth", "Trade", "AggregatedTrade", "Quote"]
    feed = CaptureFeed.model_validate({**FEED, "market": market, "symbols": ["AUSDT", "BUSDT"], "channels": channels})
    names = [
        f"{one}@{name}" for one in ("ausdt", "busdt") for name in ("depth@100ms", "trade", "aggTrade", "bookTicker")
    ]
    assert stream_url(feed) == f"ws://127.0.0.1:1/stream?streams={'/'.join(names)}"
    assert depth_url(feed, "BUSDT") == f"http://127.0.0.1:1{path}?symbol=BUSDT&limit=1000"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stream": "wss://user:word@host"}, "without user, query, fragment and final slash"),
        ({"stream": "https://host"}, "must be a URL such as wss://fstream.binance.com"),
        ({"rest": "ws://host"}, "must be a URL such as https://fapi.binance.com"),
        ({"symbols": []}, "at least 1 item"),
        ({"symbols": ['A"B']}, "must be a symbol as the market spells it"),
        ({"channels": ["Depth", "News"]}, "'Depth', 'Trade', 'AggregatedTrade' or 'Quote'"),
        ({"silent_seconds": 0}, "greater than or equal to 1"),
        ({"surprise": 1}, "Extra inputs are not permitted"),
    ],
)
def test_a_feed_that_cannot_be_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        specification(feed={**FEED, **change})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "TRADEPLANE_CAPTURE is empty or not set"),
        ("{}", "capture: Field required"),
        ("[" * 70_000, "has 70000 bytes, more than 65536"),
        ('{"formatVersion":2}', "formatVersion"),
    ],
)
def test_a_specification_from_outside_is_checked(text: str, words: str) -> None:
    with pytest.raises(InvalidSpecification, match=words):
        capture_from({"TRADEPLANE_CAPTURE": text})
    assert capture_from({"TRADEPLANE_CAPTURE": specification().model_dump_json()}) == specification()
