"""The answer to whether something may be started, whoever is asked: why not, what is not known, when to ask again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from tradeplane_operator.planning.conditions import Verdict
    from tradeplane_operator.planning.wanted import Need


@dataclass(frozen=True, slots=True)
class Permission:
    """Why nothing is started, or None; and when to ask again. ``unknown``: it has to be found out first."""

    verdict: Verdict | None = None
    look: datetime | None = None
    unknown: bool = False

    def heed(self, need: Need, needs: list[Need], look: list[datetime]) -> bool:
        """Return whether something may be started; add what must be known for that, and when to ask again."""
        if self.unknown:
            needs.append(need)
        if self.look is not None:
            look.append(self.look)
        return self.verdict is None and not self.unknown
