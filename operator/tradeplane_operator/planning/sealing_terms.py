"""How the captures that name a Strategy have its sessions sealed: how often, and what becomes of what is sealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

    from tradeplane_api.snapshot import DeletionPolicy


@dataclass(frozen=True, slots=True, order=True)
class Cadence:
    """How often a session that goes on is sealed, and the capture that asks for it."""

    every: timedelta
    capture: str


@dataclass(frozen=True, slots=True)
class SealingTerms:
    """What captures ask for.

    ``policy``: deletionPolicy of the Snapshots; None where nothing is said. ``cadence``: None where none asks for one.
    """

    policy: DeletionPolicy | None = None
    cadence: Cadence | None = None
