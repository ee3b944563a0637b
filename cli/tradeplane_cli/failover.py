"""A service moved to another region, as the command shows it; what moves it is in ``tradeplane_stacks.failover``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_cli.printing import columns
from tradeplane_cli.progress import stage
from tradeplane_cli.stacks import failures_told, folder_of

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_stacks.failover.moving import Moved, Plan


@dataclass(frozen=True, slots=True)
class Shown:
    """A move in the forms it is printed in; ``moved`` is None where it was only looked at."""

    plan: Plan
    moved: Moved | None
    valid_seconds: int

    @property
    def refused(self) -> bool:
        """Whether it cannot be."""
        return bool(self.plan.refused_by)

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        from tradeplane_stacks.failover.moving import as_json

        return as_json(self.plan, self.moved)

    def as_text(self) -> str:
        """Return a line for each part of the service, what was done or would be, and how to go back."""
        plan = self.plan
        rows = [[one.part, one.state, one.message] for one in plan.findings]
        table = [columns(("part", "state", "what"), rows), ""] if rows else []
        warnings = [f"warning: {text}" for text in self.moved.warnings] if self.moved else []
        return "\n".join([*table, *(self._looked_at() if self.moved is None else self._done(self.moved)), *warnings])

    def _looked_at(self) -> list[str]:
        plan = self.plan
        stands = f"stack {plan.stack}: {plan.seen.region} is active (epoch {plan.seen.epoch})"
        if not plan.needed:
            return [f"{stands} already; nothing to move"]
        verdict = "cannot take over" if self.refused else "can take over"
        return [f"{stands}; {plan.target} {verdict}; nothing was changed{'' if self.refused else ', give --yes'}"]

    def _done(self, moved: Moved) -> list[str]:
        plan, record = self.plan, moved.record
        stands = f"stack {plan.stack}: {record.region} is active (epoch {record.epoch})"
        if not plan.needed:
            return [f"{stands} already; its names were led there again"]
        lost = [f"given up: {one.message}" for one in plan.given_up]
        operators = (
            f"operators of {plan.seen.region} stop within {self.valid_seconds} s, those of {record.region} after"
        )
        return [
            f"{stands}; {operators} that begin",
            *lost,
            f"back: tradeplane stack failover {plan.stack} --to {plan.seen.region} --yes",
        ]


def failover(folder: Path | None, name: str, to: str, *, source_lost: bool, yes: bool) -> Shown:
    """Look whether a service can be moved, and move it where that was asked for."""
    with failures_told():
        from tradeplane_stacks.automation.stack import program_of
        from tradeplane_stacks.failover.moving import Mover
        from tradeplane_stacks.failover.service import read_service

        found = folder_of(folder, name)
        service = read_service(found, name, program_of(found))
        mover = Mover(service)
        with stage(f"Looking at {to} for stack {name}"):
            plan = mover.plan(to, source_lost=source_lost)
        moved = mover.move(plan) if yes else None
        return Shown(plan, moved, service.failover.valid_seconds)
