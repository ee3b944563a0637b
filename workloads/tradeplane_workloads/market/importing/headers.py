"""Which column of a file plays which role.

Names are matched without regard to case, spaces and underscores, against the few usual ones; everything else is said
by an option. A guess that could be wrong (two columns that would do) is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_workloads.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_USUAL = {
    "time": {"time", "date", "datetime", "timestamp"},
    "open": {"open"},
    "high": {"high"},
    "low": {"low"},
    "close": {"close"},
    "volume": {"volume"},
    "adjusted": {"adjclose", "adjustedclose"},
    "symbol": {"symbol", "ticker"},
}
_OPTIONAL = {"adjusted", "symbol"}


def match_headers(file: str, headers: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the header that plays each role. Raises DataRefused for a missing or ambiguous one.

    ``given`` maps roles to headers as an option states them; they are matched without regard to case.
    """
    found: dict[str, str] = {}
    for role, usual in _USUAL.items():
        wanted = {given[role].strip().lower()} if role in given else usual
        matches = [header for header in headers if _form(header, exact=role in given) in wanted]
        if len(matches) > 1:
            raise DataRefused(
                f"{file} has more than one column for {role}: {', '.join(matches)}; name one of them, "
                f"or rename the others"
            )
        if matches:
            found[role] = matches[0]
        elif role in given or role not in _OPTIONAL:
            name = given.get(role, role)
            raise DataRefused(
                f'{file} has no column "{name}" (it has: {", ".join(headers) or "none"}); '
                f"add it, or say which column holds the {role}"
            )
    return found


def _form(header: str, *, exact: bool) -> str:
    plain = header.strip().lower()
    return plain if exact else plain.replace(" ", "").replace("_", "").replace("-", "")
