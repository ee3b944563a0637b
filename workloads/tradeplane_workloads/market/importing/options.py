"""What an import may be told, each with its unit, its default and why."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import time
from types import MappingProxyType
from typing import TYPE_CHECKING

from tradeplane_api.snapshot_manifest import CURRENCY

from tradeplane_workloads.errors import InvalidSpecification
from tradeplane_workloads.market.importing.headers import BARS, TICKS

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SOURCE_BYTES = 1024**3
ROLES = tuple(dict.fromkeys((*BARS.usual, *TICKS.usual)))
"""What columns of bars and of ticks are for."""
EPOCHS = {"epoch-s": 1_000_000_000, "epoch-ms": 1_000_000, "epoch-us": 1_000, "epoch-ns": 1}
"""Names of the formats of integer times, and the nanoseconds of their unit."""
_DIRECTIVES = set("YymdHMSfjz%")


SYMBOLS = "1 to 64 printable characters"
"""What a symbol is."""


def is_symbol(text: str) -> bool:
    """Say whether a text can be the symbol of an instrument."""
    return bool(text.strip()) and len(text) <= 64 and text.isprintable()


def check_names(symbol: str | None, currency: str | None) -> None:
    """Raise InvalidSpecification for a symbol or a currency that can be none, where they are given."""
    if symbol is not None and not is_symbol(symbol):
        raise InvalidSpecification(f"{symbol[:64]!r} is no symbol; give {SYMBOLS}")
    if currency is not None and re.fullmatch(CURRENCY, currency) is None:
        raise InvalidSpecification(f"{currency[:64]!r} is no currency; give its code, such as USD")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file of bars is read. Raises InvalidSpecification for values that cannot be."""

    symbol: str | None = None
    """Symbol of the instrument where no column names it; the file's name without its extension by default."""
    currency: str = "USD"
    """Currency of the prices."""
    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Header of the column for a role (``ROLES``), where it is not the role's usual name."""
    adjust: bool = True
    """Whether prices are multiplied by adjusted close / close where there is an adjusted close."""
    price_exponent: int | None = None
    """Power of ten of a tick. None: the smallest the prices need, exactly. Given: prices are rounded half to even."""
    quantity_exponent: int | None = None
    """Power of ten of a lot of volume; as ``price_exponent``."""
    time_zone: str = "UTC"
    """IANA zone of times that state none, and of ``daily_close``."""
    daily_close: time = time(21, 0)
    """When a bar closed that has a date alone. By default 21:00 UTC, the same calendar day in UTC and in New York."""
    time_format: str | None = None
    """None: ISO 8601. Else strptime directives of numbers (``%m/%d/%Y``), or epoch-s, -ms, -us, -ns."""
    delimiter: str = ","
    """Character between the fields of a CSV file."""
    max_bytes: int = MAX_SOURCE_BYTES
    """Size above which a file is refused: everything is held in memory."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.columns) - set(ROLES))
        if unknown:
            raise InvalidSpecification(f"no column is named {unknown[0]!r}; the names are {', '.join(ROLES)}")
        for name, exponent in (("price", self.price_exponent), ("quantity", self.quantity_exponent)):
            if exponent is not None and not -12 <= exponent <= 6:
                raise InvalidSpecification(f"the {name} exponent {exponent} is out of range; give one from -12 to 6")
        if len(self.delimiter) != 1 or not self.delimiter.isascii() or self.delimiter in '"\r\n\0':
            raise InvalidSpecification(
                f"{self.delimiter!r} cannot separate fields; give one ASCII character, such as ';'"
            )
        check_names(self.symbol, self.currency)
        self._check_time_format()

    def _check_time_format(self) -> None:
        if self.time_format is None or self.time_format in EPOCHS:
            return
        used = {after for before, after in zip(self.time_format, self.time_format[1:], strict=False) if before == "%"}
        if not used or not used <= _DIRECTIVES:
            raise InvalidSpecification(
                f"the time format {self.time_format!r} cannot be used; give one of {', '.join(EPOCHS)} or strptime "
                "directives of numbers alone, such as %m/%d/%Y or %Y%m%d %H:%M:%S (names of months depend on a locale)"
            )
