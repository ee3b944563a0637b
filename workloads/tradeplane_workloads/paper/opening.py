"""What a spot account had when its session began, of what the session trades.

A market of futures tells positions, and a session that begins has none. At spot there are balances alone, and what was
there before stays there: so it is written down before the first order, and what the account has must from then on be
that and what the session traded. Fees are taken of what is paid with, as the simulated exchange does, so an asset that
one instrument is paid with is not compared.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

from tradeplane_workloads.durable import write_whole
from tradeplane_workloads.errors import DataRefused, StoreFailure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tradeplane_workloads.paper.market import Traded

OPENING = "opening.json"
_MAX_BYTES = 65_536
Balances = dict[str, Decimal]


def compared(traded: Sequence[Traded]) -> frozenset[str]:
    """Return the assets whose balances what is traded decides alone."""
    return frozenset(one.base for one in traded if one.base) - {one.instrument.currency for one in traded}


def opening_of(traded: Sequence[Traded], balances: Mapping[str, Decimal]) -> Balances:
    """Return what an account has of the assets that are compared; one that is not listed is not there."""
    return {asset: balances.get(asset, Decimal(0)) for asset in sorted(compared(traded))}


def held(traded: Sequence[Traded], lots: Sequence[int], asset: str) -> Decimal:
    """Return what a session traded of an asset, by the lots that it holds of each instrument."""
    return sum((one.instrument.lot * lots[one.index] for one in traded if one.base == asset), Decimal(0))


def read_opening(folder: Path) -> Balances | None:
    """Return what the account had as the session of a folder began; None where nobody wrote it down.

    Raises DataRefused and StoreFailure.
    """
    path = folder / OPENING
    try:
        with path.open("rb") as file:
            told = json.loads(file.read(_MAX_BYTES))
        return {asset: Decimal(amount) for asset, amount in told.items()}
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreFailure(f"{path}: it cannot be read ({error.strerror}); check the volume") from error
    except (ValueError, ArithmeticError, AttributeError, TypeError) as error:
        raise DataRefused(
            f"{path}: it has no balances ({error}); close this trader, and begin a new session"
        ) from error


def write_opening(folder: Path, opening: Balances) -> None:
    """Write down what the account has before its session sends anything. Raises StoreFailure."""
    path = folder / OPENING
    try:
        write_whole(path, json.dumps({asset: str(amount) for asset, amount in opening.items()}).encode())
    except OSError as error:
        raise StoreFailure(f"{path}: it cannot be written ({error.strerror}); check the volume") from error
