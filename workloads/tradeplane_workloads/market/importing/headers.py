"""Which column of a file plays which role.

Names are matched without regard to case, spaces and underscores, against the few usual ones; everything else is said
by an option. A guess that could be wrong (two columns that would do) is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_workloads.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Roles:
    """What the columns of a kind of file are for: the usual headers of each, and those that may be absent."""

    usual: Mapping[str, frozenset[str]]
    optional: frozenset[str]


def _roles(usual: dict[str, str], optional: str) -> Roles:
    return Roles({role: frozenset(headers.split()) for role, headers in usual.items()}, frozenset(optional.split()))


BARS = _roles(
    {
        "time": "time date datetime timestamp",
        "open": "open",
        "high": "high",
        "low": "low",
        "close": "close",
        "volume": "volume",
        "adjusted": "adjclose adjustedclose",
        "symbol": "symbol ticker",
    },
    optional="adjusted symbol",
)
TICKS = _roles(
    {
        "time": "time datetime timestamp exchangetime tsevent",
        "local": "localtime receivetime tsrecv",
        "price": "price",
        "quantity": "quantity qty size amount volume",
        "side": "side aggressor takerside",
        "symbol": "symbol ticker",
    },
    optional="local side symbol",
)


def match_headers(file: str, headers: Sequence[str], given: Mapping[str, str], roles: Roles = BARS) -> dict[str, str]:
    """Return the header that plays each role. Raises DataRefused for a missing or ambiguous one.

    ``given`` maps roles to headers as an option states them; they are matched without regard to case.
    """
    strange = sorted(set(given) - set(roles.usual))
    if strange:
        raise DataRefused(f"{file} is read for {', '.join(roles.usual)}, not for {strange[0]}; leave that column out")
    found: dict[str, str] = {}
    for role, usual in roles.usual.items():
        wanted = {given[role].strip().lower()} if role in given else usual
        matches = [header for header in headers if _form(header, exact=role in given) in wanted]
        if len(matches) > 1:
            raise DataRefused(
                f"{file} has more than one column for {role}: {', '.join(matches)}; name one of them, "
                f"or rename the others"
            )
        if matches:
            found[role] = matches[0]
        elif role in given or role not in roles.optional:
            name = given.get(role, role)
            raise DataRefused(
                f'{file} has no column "{name}" (it has: {", ".join(headers) or "none"}); '
                f"add it, or say which column holds the {role}"
            )
    return found


def _form(header: str, *, exact: bool) -> str:
    plain = header.strip().lower()
    return plain if exact else plain.replace(" ", "").replace("_", "").replace("-", "")
