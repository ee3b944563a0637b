"""From the options of ``snapshot capture`` to what an agent is told, and what is said of bundles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.capture import Channel, SealedBundle
from tradeplane_api.venue import Market
from tradeplane_cli.captures import (
    Asked,
    CapturedChannel,
    CapturedMarket,
    default_spool,
    specification_of,
    told,
)
from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.printing import OutputFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

DIGEST = f"sha256:{1:064x}"


def asked(**changes: Any) -> Asked:
    given: dict[str, Any] = {
        "market": CapturedMarket.USD_MARGINED,
        "symbols": ("BTCUSDT",),
        "channels": (CapturedChannel.DEPTH,),
        **changes,
    }
    return Asked(**given)


@pytest.mark.parametrize(
    ("changes", "stream", "rest"),
    [
        ({}, "wss://fstream.binance.com", "https://fapi.binance.com"),
        ({"market": CapturedMarket.SPOT}, "wss://stream.binance.com", "https://api.binance.com"),
        ({"market": CapturedMarket.COIN_MARGINED}, "wss://dstream.binance.com", "https://dapi.binance.com"),
        ({"endpoint": "ws://127.0.0.1:9090"}, "ws://127.0.0.1:9090", "http://127.0.0.1:9090"),
        ({"endpoint": "wss://a", "rest": "https://b"}, "wss://a", "https://b"),
    ],
)
def test_where_the_messages_come_from(changes: dict[str, Any], stream: str, rest: str) -> None:
    feed = specification_of(asked(**changes)).feed
    assert (feed.stream, feed.rest) == (stream, rest)


def test_what_an_agent_is_told() -> None:
    channels = tuple(CapturedChannel)
    told = specification_of(asked(symbols=("BTCUSDT", "ETHUSDT"), channels=channels, every="2m", keep=3))
    assert told.capture == "usd-margined-btcusdt-ethusdt"
    assert (told.feed.market, told.feed.channels) == (Market.USD_MARGINED, tuple(Channel))
    assert (told.rotation.seconds, told.spool.keep) == (120, 3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"every": "soon"}, "--every soon is not a time"),
        ({"every": "25h"}, "--every 90000"),
        ({"endpoint": "http://host"}, "--endpoint 'http://host' must be a URL such as wss://"),
        ({"rest": "host"}, "--rest 'host' must be a URL such as https://"),
        ({"symbols": ("btc usdt",)}, "--symbol 'btc usdt' must be a symbol"),
        ({"keep": -1}, "--keep -1"),
        ({"name": "No Name"}, "--name 'No Name' must be a name"),
    ],
)
def test_what_cannot_be_names_its_option(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(CommandFailure) as failure:
        specification_of(asked(**changes))
    assert words in str(failure.value)


def test_a_spool_lies_where_state_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_spool("c") == tmp_path / "tradeplane" / "spool" / "c"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert default_spool("c") == Path.home() / ".local" / "state" / "tradeplane" / "spool" / "c"


@pytest.mark.parametrize(
    ("bundle", "text"),
    [
        ({"snapshot": DIGEST, "records": 1_234}, f"{DIGEST}   segment 7   1,234 records   no gaps"),
        ({"snapshot": DIGEST, "gaps": 1}, f"{DIGEST}   segment 7   0 records   one gap"),
        (
            {"snapshot": None, "gaps": 0, "refused": 2},
            "no snapshot: nothing that a tape holds   segment 7   0 records   no gaps   2 lines refused",
        ),
    ],
)
def test_what_is_said_of_a_bundle(bundle: dict[str, Any], text: str) -> None:
    sealed = SealedBundle.model_validate({"number": 7, "lines": 5, "bytes": 100, **bundle})
    assert told(sealed, OutputFormat.TABLE) == text
    line = told(sealed, OutputFormat.JSON)
    assert "\n" not in line
    assert SealedBundle.model_validate(json.loads(line)) == sealed


def test_a_duration_that_is_none_is_refused_before_anything_is_made(tradeplane: Command, tmp_path: Path) -> None:
    spool = str(tmp_path / "spool")
    ended = tradeplane("snapshot", "capture", "--symbol", "A", "--for", "1 day", "--spool", spool)
    assert (ended.code, "--for 1 day is not a time" in ended.err) == (2, True)
    assert not (tmp_path / "spool").exists()
