"""A plan of mode Paper being made: what it is made from, what it wants so far, and what each part of it may ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_api.strategy import Mode

from tradeplane_operator.planning.conditions import Standing, Verdict
from tradeplane_operator.planning.history import runs_of
from tradeplane_operator.planning.paper_names import CLOSING_FINALIZER, trader_name
from tradeplane_operator.planning.paper_pins import session_asked
from tradeplane_operator.planning.paper_pods import Placement
from tradeplane_operator.planning.wanted import Fact, Need, Notice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.session import SessionStatus
    from tradeplane_api.strategy import RunStatus, StrategySpec, StrategyStatus

    from tradeplane_operator.planning.observed import Observed, TraderFacts
    from tradeplane_operator.planning.session_snapshots import Sealing
    from tradeplane_operator.settings import Settings

AGAIN = timedelta(seconds=2)
"""Pods that are ending are gone within moments; they are not watched."""


@dataclass(slots=True)
class Draft:
    """What a plan is made from, and what it wants so far.

    ``asked``: the digest of what a spec of mode Paper asks to be traded. ``session``: its record as the plan leaves it.
    ``unguarded``: the finalizer has to be there before anything trades. ``sealing``: where the Snapshot of a session
    that is closed stands.
    """

    observed: Observed
    spec: StrategySpec | None
    status: StrategyStatus
    settings: Settings
    now: datetime
    session: SessionStatus | None = None
    runs: list[RunStatus] = field(default_factory=list)
    verdict: Verdict | None = None
    needs: list[Need] = field(default_factory=list)
    apply: list[Mapping[str, Any]] = field(default_factory=list)
    create: list[Mapping[str, Any]] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)
    snapshots: list[Mapping[str, Any]] = field(default_factory=list)
    sealing: Sealing | None = None
    told: list[Notice] = field(default_factory=list)
    look: list[datetime] = field(default_factory=list)
    awaits_confirmation: bool = False
    asked: str | None = None
    unguarded: bool = False

    def __post_init__(self) -> None:
        self.session = self.status.session
        self.runs = list(runs_of(self.status))
        if self.spec is not None and self.spec.mode is Mode.PAPER:
            self.asked = session_asked(self.spec)

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata of the Strategy."""
        metadata: Mapping[str, Any] = self.observed.resource["metadata"]
        return metadata

    @property
    def generation(self) -> int:
        """The generation that is planned for."""
        return int(self.metadata["generation"])

    @property
    def deleted(self) -> bool:
        """Whether it is being deleted."""
        return bool(self.metadata.get("deletionTimestamp"))

    @property
    def guarded(self) -> bool:
        """Whether the finalizer keeps it."""
        return CLOSING_FINALIZER in (self.metadata.get("finalizers") or ())

    @property
    def trader(self) -> str:
        """The name of its StatefulSet."""
        return trader_name(self.metadata["name"], self.metadata["uid"])

    @property
    def placement(self) -> Placement:
        """Where its pods run."""
        return Placement.of(self.spec)

    def unwanted(self) -> str | None:
        """Return why nothing is to be traded; None where something is."""
        if self.deleted:
            return "the Strategy is deleted"
        if self.spec is None or self.spec.mode is not Mode.PAPER:
            return f"spec.mode is {self.spec.mode.value if self.spec else 'not known'}"
        return "spec.suspend is true" if self.spec.suspend else None

    def say(self, verdict: Verdict) -> None:
        """Say something, unless what was refused is still to be said."""
        if self.verdict is None or self.verdict.standing is not Standing.STALLED:
            self.verdict = verdict

    def put_off(self, name: str, reason: str, what: str) -> bool:
        """Return whether the API server refused something lately, and so is not asked again yet; that is said."""
        refusal = self.observed.refusals.get(name)
        if refusal is None:
            return False
        again = refusal.at + timedelta(seconds=self.settings.pace.pod_again_seconds)
        standing = Standing.STALLED if refusal.reason == "AlreadyExists" else Standing.WORKING
        self.say(Verdict(standing, reason, f"the API server refused {what}: {refusal.message}"))
        self.look.append(max(again, self.now))
        return self.now < again

    def looked_at(self) -> TraderFacts | None:
        """Return what the API server itself shows of the trader; None where that is yet to be asked."""
        if not self.observed.fresh:
            self.needs.append(Need(Fact.FRESH_RESOURCE))
        if self.observed.trader is None:
            self.needs.append(Need(Fact.TRADER, self.trader))
        return self.observed.trader if self.observed.fresh else None
