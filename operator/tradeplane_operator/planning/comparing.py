"""A replay beside its baseline in figures: what is said of a what-if, which is compared and not judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.parity import Parity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_api.parity import Compared, ReplayFigures
    from tradeplane_api.parity import Verdict as ParityVerdict
    from tradeplane_api.replay import ReplayRun


def is_what_if(verdict: ParityVerdict) -> bool:
    """Return whether a verdict is of a what-if; of all else at least the decisions are judged."""
    return verdict.decisions is Parity.UNJUDGED


def in_figures(compared: Compared) -> str:
    """Return orders, fills and P&L, expected and got."""
    expected, got = compared.expected, compared.got
    pairs = {
        "orders": (expected.orders, got.orders),
        "fills": (expected.fills, got.fills),
        "P&L": (expected.pnl, got.pnl),
    }
    return ", ".join(f"{name} {before} -> {after}" for name, (before, after) in pairs.items())


def side_by_side(replays: Sequence[ReplayRun]) -> str:
    """Return the figures of all replays: once where all came to the same, otherwise of each that came to another."""
    compared = [(replay, replay.compared) for replay in replays if replay.compared is not None]
    if not compared:
        return "no figures were left"
    first, _ = compared[0]
    told: dict[tuple[str, ...], str] = {}
    for replay, one in compared:
        where = "" if replay is first else f"otherwise in replay {replay.name} on {replay.architecture.value}: "
        told.setdefault(_digests(one.got), where + in_figures(one))
    return "; ".join(told.values())


def _digests(figures: ReplayFigures) -> tuple[str, ...]:
    """Return what figures that are the same have the same; a latency that was measured never is."""
    return figures.orders_digest, figures.fills_digest, figures.pnl_digest
