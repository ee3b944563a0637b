"""Where markets are reached that speak Binance's protocols: what a connection, a probe and a capture share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from tradeplane_api.base import Document
from tradeplane_api.forms import Text

_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_PLACE = rf"[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:{_PORT})?(/[a-zA-Z0-9._~-]+)*"


def url_form(scheme: str, example: str) -> Text:
    """Return the form of a URL of ``http`` or ``ws``, plain or encrypted; ``example`` is a host for its words."""
    return Text(
        pattern=rf"^{scheme}s?://{_PLACE}$",
        max_length=512,
        message=f"must be a URL such as {scheme}s://{example}: {scheme}s:// or {scheme}://, a host, perhaps a port and "
        "a path, without user, query, fragment and final slash",
    )


RestUrl = Annotated[str, url_form("http", "api.binance.com")]
StreamUrl = Annotated[str, url_form("ws", "stream.binance.com")]


class Market(StrEnum):
    """Which of Binance's protocols is spoken."""

    SPOT = "Spot"
    USD_MARGINED = "UsdMargined"
    COIN_MARGINED = "CoinMargined"


class Endpoint(Document):
    """Where a market is reached."""

    rest: RestUrl = Field(description="URL of the REST API, without the path that the market's protocol adds.")
    stream: StreamUrl = Field(description="URL of the WebSocket streams, without /ws.")


PUBLIC_ENDPOINTS = {
    Market.SPOT: Endpoint(rest="https://api.binance.com", stream="wss://stream.binance.com"),
    Market.USD_MARGINED: Endpoint(rest="https://fapi.binance.com", stream="wss://fstream.binance.com"),
    Market.COIN_MARGINED: Endpoint(rest="https://dapi.binance.com", stream="wss://dstream.binance.com"),
}
"""Binance's own."""
