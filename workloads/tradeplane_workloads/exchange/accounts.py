"""Signed requests about an account's orders, trades, balances and positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_workloads.exchange import answers
from tradeplane_workloads.exchange.listing import Wire
from tradeplane_workloads.exchange.orders import change, new_order
from tradeplane_workloads.exchange.refusal import NO_SUCH_ORDER, Refusal, missing
from tradeplane_workloads.exchange.rejections import cancel_refused
from tradeplane_workloads.exchange.units import amount_text

if TYPE_CHECKING:
    from tradeplane_workloads.exchange.ledger import Order
    from tradeplane_workloads.exchange.parameters import Parameters
    from tradeplane_workloads.exchange.venue import Venue

MAX_ROWS = 1_000
Fields = dict[str, object]


def place(venue: Venue, account: int, parameters: Parameters) -> Fields:
    """Send an order."""
    listing = parameters.listing(venue.listings)
    order = new_order(venue.wire, listing, parameters)
    return answers.placed_fields(venue, venue.submit(account, order), order.answer)


def check(venue: Venue, account: int, parameters: Parameters) -> Fields:
    """Read an order and send none."""
    new_order(venue.wire, parameters.listing(venue.listings), parameters)
    return {}


def amend(venue: Venue, account: int, parameters: Parameters) -> Fields:
    """Give a limit order another price and quantity."""
    order = _order(venue, account, parameters)
    price, quantity = change(venue.wire, venue.listings.all[order.instrument], parameters)
    parameters.done()
    return answers.order_fields(venue, venue.replace(account, order, price, quantity))


def cancel(venue: Venue, account: int, parameters: Parameters) -> Fields:
    """Take an order back."""
    order = _order(venue, account, parameters, cancelling=True)
    client = parameters.client_id("newClientOrderId") if venue.wire is Wire.SPOT else None
    parameters.done()
    return answers.cancelled_fields(venue, venue.cancel(account, order, client))


def cancel_all(venue: Venue, account: int, parameters: Parameters) -> list[Fields] | Fields:
    """Take all orders of an instrument back."""
    listing = parameters.listing(venue.listings)
    parameters.done()
    alive = venue.ledger.alive(account, listing.index)
    if venue.wire is Wire.SPOT and not alive:
        raise cancel_refused()
    # One of a pair may end the other, so each is looked at when its turn comes.
    done = [answers.cancelled_fields(venue, venue.cancel(account, order)) for order in alive if order.alive]
    return done if venue.wire is Wire.SPOT else {"code": 200, "msg": "The operation of cancel all open order is done."}


def find(venue: Venue, account: int, parameters: Parameters) -> Fields:
    """Return an order."""
    order = _order(venue, account, parameters)
    parameters.done()
    return answers.order_fields(venue, order)


def find_open(venue: Venue, account: int, parameters: Parameters) -> Fields:
    """Return an order that may still trade."""
    order = _order(venue, account, parameters)
    parameters.done()
    if not order.alive:
        raise Refusal.of(NO_SUCH_ORDER)
    return answers.order_fields(venue, order)


def open_orders(venue: Venue, account: int, parameters: Parameters) -> list[Fields]:
    """Return the orders that may still trade, of one instrument or of all."""
    one = parameters.listing(venue.listings).index if parameters.text("symbol") else None
    parameters.done()
    return [answers.order_fields(venue, order) for order in venue.ledger.alive(account, one)]


def all_orders(venue: Venue, account: int, parameters: Parameters) -> list[Fields]:
    """Return orders of an instrument, over or not."""
    listing = parameters.listing(venue.listings)
    first, most = parameters.whole("orderId") or 0, _rows(parameters)
    parameters.done()
    return [answers.order_fields(venue, order) for order in venue.ledger.all(account, listing.index, first, most)]


def trades(venue: Venue, account: int, parameters: Parameters) -> list[Fields]:
    """Return trades of an instrument."""
    listing = parameters.listing(venue.listings)
    first, most = parameters.whole("fromId") or 0, _rows(parameters)
    number = parameters.whole("orderId")
    parameters.done()
    found = venue.ledger.trades(account, listing.index, first, most)
    return [answers.trade_fields(venue, trade) for trade in found if number in (None, trade.order.number)]


def spot_account(venue: Venue, account: int, parameters: Parameters) -> Fields:
    """Return what an account has."""
    nothing = parameters.flag("omitZeroBalances")
    parameters.done()
    balances = []
    for asset in venue.listings.assets:
        free, locked = venue.balance(account, asset)
        if free or locked or not nothing:
            balances.append({"asset": asset, "free": amount_text(free), "locked": amount_text(locked)})
    allowed = {"canTrade": True, "canWithdraw": False, "canDeposit": False}
    kind = {"accountType": "SPOT", "permissions": ["SPOT"], "uid": account}
    return allowed | {"updateTime": venue.now_ms(), "balances": balances} | kind


def future_balances(venue: Venue, account: int, parameters: Parameters) -> list[Fields]:
    """Return the wallets of an account."""
    parameters.done()
    found = []
    for asset in venue.listings.assets:
        wallet, gain, available = _margin(venue, account, asset)
        found.append(
            {
                "accountAlias": str(account),
                "asset": asset,
                "balance": amount_text(wallet),
                "crossWalletBalance": amount_text(wallet),
                "crossUnPnl": amount_text(gain),
                "availableBalance": amount_text(available),
                "maxWithdrawAmount": amount_text(0),
                "marginAvailable": True,
                "updateTime": venue.now_ms(),
            }
        )
    return found


def future_account(venue: Venue, account: int, parameters: Parameters) -> Fields:
    """Return wallets and positions of an account; totals are of the asset of settlement that comes first."""
    parameters.done()
    assets = []
    for asset in venue.listings.assets:
        wallet, gain, available = _margin(venue, account, asset)
        assets.append(
            {
                "asset": asset,
                "walletBalance": amount_text(wallet),
                "unrealizedProfit": amount_text(gain),
                "marginBalance": amount_text(wallet + gain),
                "crossWalletBalance": amount_text(wallet),
                "crossUnPnl": amount_text(gain),
                "availableBalance": amount_text(available),
                "updateTime": venue.now_ms(),
            }
        )
    wallet, gain, available = _margin(venue, account, venue.listings.all[0].settled)
    return {
        "canTrade": True,
        "canDeposit": False,
        "canWithdraw": False,
        "updateTime": venue.now_ms(),
        "totalWalletBalance": amount_text(wallet),
        "totalUnrealizedProfit": amount_text(gain),
        "totalMarginBalance": amount_text(wallet + gain),
        "availableBalance": amount_text(available),
        "assets": assets,
        "positions": _positions(venue, account),
    }


def position_risk(venue: Venue, account: int, parameters: Parameters) -> list[Fields]:
    """Return the positions of an account, of one instrument or of all."""
    symbol = parameters.listing(venue.listings).symbol if parameters.text("symbol") else None
    parameters.done()
    return [fields for fields in _positions(venue, account) if symbol in (None, fields["symbol"])]


def _positions(venue: Venue, account: int) -> list[Fields]:
    found: list[Fields] = []
    for listing in venue.listings.all:
        position = answers.position_of(venue, account, listing)
        found.append(
            {
                "symbol": listing.symbol,
                "positionSide": "BOTH",
                "positionAmt": position.amount,
                "entryPrice": position.entry_price,
                "breakEvenPrice": position.entry_price,
                "markPrice": position.mark_price,
                "unRealizedProfit": position.unrealized,
                "unrealizedProfit": position.unrealized,
                "liquidationPrice": "0",
                "leverage": str(venue.leverage),
                "marginType": "cross",
                "isolated": False,
                "notional": position.notional,
                "updateTime": venue.now_ms(),
            }
        )
    return found


def _margin(venue: Venue, account: int, asset: str) -> tuple[int, int, int]:
    """Return wallet, unrealised gain and what is left for margin beside the positions, in billionths."""
    wallet = venue.balance(account, asset)[0]
    gain = used = 0
    for listing in venue.listings.all:
        if listing.settled == asset:
            position = answers.position_of(venue, account, listing)
            gain += position.unrealized_billionths
            used += position.margin_billionths // venue.leverage
    return wallet, gain, max(0, wallet + gain - used)


def _order(venue: Venue, account: int, parameters: Parameters, *, cancelling: bool = False) -> Order:
    """Return the order that a request names. Raises Refusal where there is none."""
    listing = parameters.listing(venue.listings)
    number, client = parameters.whole("orderId"), parameters.text("origClientOrderId")
    if number is None and client is None:
        raise missing("origClientOrderId or orderId")
    order = venue.ledger.find(account, listing.index, number, client)
    if order is None:
        raise cancel_refused() if cancelling else Refusal.of(NO_SUCH_ORDER)
    return order


def _rows(parameters: Parameters) -> int:
    limit = parameters.whole("limit")
    if limit == 0:
        raise missing("limit")
    return min(limit or 500, MAX_ROWS)
