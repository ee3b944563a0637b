"""Which requests there are: method and path, what they weigh, who may send them, and what answers them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from tradeplane_workloads.exchange import accounts, wallets
from tradeplane_workloads.exchange.listing import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_workloads.exchange.parameters import Parameters
    from tradeplane_workloads.exchange.venue import Venue

    Handler = Callable[[Venue, int, Parameters], object]


class Security(Enum):
    """What a request needs."""

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True)
class Route:
    """A request. ``answer`` is None for those of the server itself, told apart by ``name``."""

    name: str
    security: Security
    weight: int
    answer: Handler | None = None
    is_order: bool = False


RECORD, SPECIFICATION = "record", "specification"
"""Requests that no exchange but a simulated one has, and this only where it records."""
RECORD_WEIGHT = 100
_OURS = "/tradeplane/v1"
_PREFIX = {Wire.SPOT: "/api/v3", Wire.USD_M: "/fapi/v1", Wire.COIN_M: "/dapi/v1"}


def record_routes() -> dict[tuple[str, str], Route]:
    """Return the requests for what an exchange recorded."""
    return {
        ("GET", f"{_OURS}/{RECORD}"): Route(RECORD, Security.SIGNED, RECORD_WEIGHT),
        ("GET", f"{_OURS}/{SPECIFICATION}"): Route(SPECIFICATION, Security.SIGNED, 1),
    }


def routes_of(wire: Wire) -> dict[tuple[str, str], Route]:
    """Return the requests of a wire form by method and path."""
    prefix = _PREFIX[wire]
    public = [("ping", 1), ("time", 1), ("exchangeInfo", 20 if wire is Wire.SPOT else 1), ("depth", 0)]
    routes = {("GET", f"{prefix}/{name}"): Route(name, Security.NONE, weight) for name, weight in public}
    routes["GET", f"{prefix}/ticker/bookTicker"] = Route("bookTicker", Security.NONE, 2)
    key = f"{prefix}/{'userDataStream' if wire is Wire.SPOT else 'listenKey'}"
    for method, name in (("POST", "openKey"), ("PUT", "keepKey"), ("DELETE", "closeKey")):
        routes[method, key] = Route(name, Security.KEY, 2 if wire is Wire.SPOT else 1)
    routes |= {
        ("POST", f"{prefix}/order"): _signed(accounts.place, 1, is_order=True),
        ("POST", f"{prefix}/order/test"): _signed(accounts.check, 1),
        ("DELETE", f"{prefix}/order"): _signed(accounts.cancel, 1),
        ("GET", f"{prefix}/order"): _signed(accounts.find, 4 if wire is Wire.SPOT else 1),
        ("GET", f"{prefix}/openOrders"): _signed(accounts.open_orders, 6 if wire is Wire.SPOT else 1),
        ("GET", f"{prefix}/allOrders"): _signed(accounts.all_orders, 20 if wire is Wire.SPOT else 5),
    }
    return routes | (_spot(prefix) if wire is Wire.SPOT else _futures(wire, prefix))


def _signed(answer: Handler, weight: int, *, is_order: bool = False) -> Route:
    return Route(answer.__name__, Security.SIGNED, weight, answer, is_order)


def _spot(prefix: str) -> dict[tuple[str, str], Route]:
    return {
        ("PUT", f"{prefix}/order"): _signed(accounts.amend, 1, is_order=True),  # Binance's spot has no such request
        ("DELETE", f"{prefix}/openOrders"): _signed(accounts.cancel_all, 1),
        ("GET", f"{prefix}/account"): _signed(wallets.spot_account, 20),
        ("GET", f"{prefix}/myTrades"): _signed(accounts.trades, 20),
    }


def _futures(wire: Wire, prefix: str) -> dict[tuple[str, str], Route]:
    routes = {
        ("PUT", f"{prefix}/order"): _signed(accounts.amend, 1, is_order=True),
        ("DELETE", f"{prefix}/allOpenOrders"): _signed(accounts.cancel_all, 1),
        ("GET", f"{prefix}/openOrder"): _signed(accounts.find_open, 1),
        ("GET", f"{prefix}/userTrades"): _signed(accounts.trades, 5),
    }
    base = prefix.rpartition("/")[0]
    for version in ("v1",) if wire is Wire.COIN_M else ("v2", "v3"):
        routes |= {
            ("GET", f"{base}/{version}/account"): _signed(wallets.future_account, 5),
            ("GET", f"{base}/{version}/balance"): _signed(wallets.future_balances, 5),
            ("GET", f"{base}/{version}/positionRisk"): _signed(wallets.position_risk, 5),
        }
    return routes
