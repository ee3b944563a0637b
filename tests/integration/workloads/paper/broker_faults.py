"""What a broker does wrong on purpose while somebody trades, by what that is in words."""

from __future__ import annotations

from typing import Any

FAULTS: dict[str, list[dict[str, Any]]] = {
    "the market's stream is cut": [{"kind": "Drop", "channel": "Market", "after": 40}],
    "the account's stream is cut": [{"kind": "Drop", "channel": "User", "after": 6, "count": 1}],
    "answers are lost": [{"kind": "Drop", "channel": "Request", "after": 20, "count": 3}],
    "answers are garbage": [{"kind": "Garbage", "channel": "Request", "after": 20, "count": 3}],
    "the market sends garbage": [{"kind": "Garbage", "channel": "Market", "after": 30, "count": 2}],
    "the account's stream sends garbage": [{"kind": "Garbage", "channel": "User", "after": 5, "count": 2}],
    "reports come twice": [{"kind": "Double", "channel": "User", "after": 0, "count": 1_000}],
    "reports come out of turn": [{"kind": "Reorder", "channel": "User", "after": 3, "count": 4}],
    # Those of the book alone have an order that is looked at, and who is late by chance is most often another.
    "the market's messages come out of turn": [
        {"kind": "Reorder", "channel": "Market", "after": after, "count": 3} for after in range(30, 230, 8)
    ],
    "the market's messages come twice": [{"kind": "Double", "channel": "Market", "after": 0, "count": 1_000}],
    "answers stall": [{"kind": "Stall", "channel": "Request", "after": 20, "count": 2, "milliseconds": 700}],
    "both streams stall": [
        {"kind": "Stall", "channel": "Market", "after": 40, "count": 1, "milliseconds": 900},
        {"kind": "Stall", "channel": "User", "after": 6, "count": 1, "milliseconds": 1_600},
    ],
    "too much was asked": [{"kind": "RateLimited", "channel": "Request", "after": 20, "milliseconds": 1_000}],
    "the address is banned": [{"kind": "Banned", "channel": "Request", "after": 20, "milliseconds": 1_000}],
}


LOSE_MARKET = (
    "the market's stream is cut",
    "the market sends garbage",
    "the market's messages come out of turn",
)
"""What loses messages of the market: the journal says so, of these alone."""
