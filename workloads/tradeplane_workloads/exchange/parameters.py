"""The parameters of a request: read once, bounded, and each one that was sent must be read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from tradeplane_workloads.exchange.refusal import BAD_SYMBOL, Refusal, Words, missing
from tradeplane_workloads.exchange.units import decimal_of
from tradeplane_workloads.market.scale import DECIMAL

if TYPE_CHECKING:
    from decimal import Decimal

    from tradeplane_workloads.exchange.listing import Listing, Listings

MAX_PARAMETERS = 40
MAX_VALUE = 256
"""Characters of a value."""
_WHOLE = re.compile(r"[0-9]{1,19}")
_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
_SIGNING = ("signature", "timestamp", "recvWindow")


class Parameters:
    """What a request was sent with, from its query and its body."""

    def __init__(self, query: str, body: str = "") -> None:
        self._values: dict[str, str] = {}
        self._unread: set[str] = set()
        for text in (query, body):
            for name, value in _pairs(text):
                if name in self._values:
                    raise Refusal(-1101, f"Duplicate values for a parameter detected: '{_shown(name)}'.")
                self._values[name] = value
        if len(self._values) > MAX_PARAMETERS:
            raise Refusal(-1101, "Too many parameters sent for this endpoint.")
        self._unread = set(self._values) - set(_SIGNING)

    def text(self, name: str) -> str | None:
        """Return a value, or None where there is none or it is empty."""
        self._unread.discard(name)
        value = self._values.get(name)
        if value is not None and len(value) > MAX_VALUE:
            raise _illegal(name, f"^.{{0,{MAX_VALUE}}}$")
        return value or None

    def needed(self, name: str) -> str:
        """Return a value that must be there."""
        value = self.text(name)
        if value is None:
            raise missing(name)
        return value

    def one_of(self, name: str, choices: tuple[str, ...], otherwise: Words, default: str | None = None) -> str:
        """Return one of some words."""
        value = self.text(name) or default
        if value is None:
            raise missing(name)
        if value not in choices:
            raise Refusal.of(otherwise)
        return value

    def whole(self, name: str) -> int | None:
        """Return a whole number of zero or more that fits 63 bits."""
        text = self.text(name)
        if text is None:
            return None
        if not _WHOLE.fullmatch(text) or int(text) >= 2**63:
            raise _illegal(name, f"^{_WHOLE.pattern}$")
        return int(text)

    def decimal(self, name: str) -> Decimal | None:
        """Return a plain decimal of zero or more."""
        text = self.text(name)
        if text is None:
            return None
        value = decimal_of(text)
        if value is None:
            raise _illegal(name, f"^{DECIMAL.pattern}$")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false, which is the default."""
        words = Words(-1102, missing(name).message)
        return self.one_of(name, ("true", "false", "TRUE", "FALSE"), words, "false").lower() == "true"

    def client_id(self, name: str) -> str | None:
        """Return a client's name for an order."""
        value = self.text(name)
        if value is not None and not _CLIENT_ID.fullmatch(value):
            raise _illegal(name, f"^{_CLIENT_ID.pattern}$")
        return value

    def listing(self, listings: Listings) -> Listing:
        """Return the instrument of ``symbol``."""
        found = listings.by_symbol.get(self.needed("symbol"))
        if found is None:
            raise Refusal.of(BAD_SYMBOL)
        return found

    def done(self) -> None:
        """Refuse the request where something that was sent was not read."""
        if self._unread:
            sent = len(self._values)
            raise Refusal(
                -1104,
                f"Not all sent parameters were read; read '{sent - len(self._unread)}' parameter(s) but was sent "
                f"'{sent}': '{_shown(min(self._unread))}'.",
            )


def _illegal(name: str, legal: str) -> Refusal:
    return Refusal(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=MAX_PARAMETERS)
    except ValueError as error:  # not name=value, bytes that are no UTF-8, or too many
        raise Refusal(-1101, "Too many parameters sent for this endpoint, or not as name=value.") from error


def _shown(name: str) -> str:
    """Return a client's word as it may be shown back to it."""
    return "".join(letter for letter in name[:40] if letter.isascii() and letter.isalnum())
