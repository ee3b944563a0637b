"""Signed requests about what an account has: balances and positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_workloads.exchange import answers
from tradeplane_workloads.exchange.units import amount_text

if TYPE_CHECKING:
    from tradeplane_workloads.exchange.parameters import Parameters
    from tradeplane_workloads.exchange.venue import Venue

Fields = dict[str, object]


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
