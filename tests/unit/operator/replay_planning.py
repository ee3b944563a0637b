"""A Replay as plan() sees it: what the tests of it are made from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradeplane_api.parity import (
    Compared,
    FirstDivergence,
    Parity,
    ReplayFigures,
    ReplaySpecification,
    Verdict,
)
from tradeplane_api.replay import ReplaySpec
from tradeplane_api.run import Part
from tradeplane_api.snapshot_manifest import SessionDescription, SnapshotInstrument, SnapshotManifest
from tradeplane_operator.planning.observed import (
    Admitted,
    JobEnd,
    Observed,
    ObservedJob,
    ReplayFacts,
    ResultFacts,
    ResultState,
    SnapshotView,
)
from tradeplane_operator.planning.replay import ObservedReplay, plan
from tradeplane_operator.planning.replay_pins import FinishedRun, StrategyView
from tradeplane_operator.planning.snapshot import SnapshotFacts, SnapshotState
from tradeplane_operator.planning.times import rfc3339
from tradeplane_store.canonical import sha256_digest

from tests.unit.operator.simulation import AS_ASKED, SETTINGS, as_asked

if TYPE_CHECKING:
    from tradeplane_operator.planning.wanted import Plan

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
IMAGE = "registry.example/runner@sha256:" + "7" * 64
MANIFEST, RESULT, OTHER = ("sha256:" + digit * 64 for digit in "abc")
NEWEST = FinishedRun("macd-2", MANIFEST, RESULT, IMAGE)
OLDER = FinishedRun("macd-1", "sha256:" + "d" * 64, OTHER, IMAGE)
STRATEGY = StrategyView("default", (NEWEST, OLDER))
EXACT = Verdict(decisions=Parity.EXACT, execution=Parity.EXACT, fills=33, fills_matched=33, pnl_difference="0")
DIVERGED = Verdict(
    decisions=Parity.EXACT,
    execution=Parity.DIVERGED,
    fills=33,
    fills_matched=30,
    pnl_difference="-1.5",
    divergence=FirstDivergence(part="trades", sequence=30, field="price", expected="5", got="6"),
)
WITHIN = EXACT.model_copy(update={"execution": Parity.WITHIN, "pnl_difference": "-0.25"})
UNJUDGED = EXACT.model_copy(update={"execution": Parity.UNJUDGED})
WHAT_IF = UNJUDGED.model_copy(update={"decisions": Parity.UNJUDGED, "pnl_difference": "1.5"})
SESSION = SnapshotView(digest="sha256:" + "5" * 64, store="default", ready=True, stalled=False)
SESSION_FOUND = SnapshotFacts(
    SnapshotState.FOUND,
    manifest=SnapshotManifest(
        schema_version=3,
        instruments=(SnapshotInstrument(symbol="SYNUSDT", price_exponent=-2, quantity_exponent=-3),),
        start="2026-03-01T00:00:00Z",
        end="2026-03-01T00:01:00Z",
        records=7,
        sources=(),
        session=SessionDescription(name="0" * 32, over=True, inputs=7, orders=2, fills=1, seed="0"),
        parts=(
            Part(name="specification.json", rows=1, digest=OTHER),
            Part(name="journal-0.bin", rows=7, digest=OTHER),
        ),
    ),
)


class Everything(dict[str, Admitted]):
    """Grants a slot to every replay."""

    def get(self, key: str, default: Any = None) -> Any:
        """Grant."""
        return Admitted(granted=True)


def resource(status: Any = None, generation: int = 1, **spec: Any) -> dict[str, Any]:
    named = {"strategyRef": {"name": "macd"}} | spec
    asked = {name: value for name, value in named.items() if value is not None}
    whole = ReplaySpec.model_validate(asked).model_dump(mode="json", by_alias=True, exclude_none=True)
    metadata = {
        "name": "again",
        "namespace": "research",
        "uid": "uid-1",
        "generation": generation,
        "resourceVersion": "1",
        "creationTimestamp": "2026-03-01T00:00:00Z",
    }
    return {"metadata": metadata, "spec": whole, "status": status or {}}


def planned(
    of: dict[str, Any],
    strategy: StrategyView | None = STRATEGY,
    verdicts: dict[str, Verdict] | None = None,
    now: datetime = NOW,
    manifest: SnapshotFacts | None = SESSION_FOUND,
    compared: dict[str, Compared] | None = None,
    **seen: Any,
) -> Plan:
    defaults: dict[str, Any] = {"admitted": Everything(), "snapshot": SESSION}
    seen["jobs"] = as_asked(of, seen.get("jobs", {}))
    cluster = Observed(resource=of, **(defaults | seen))
    left = {
        name: ReplayFacts(cluster.results[name], one, (compared or {}).get(name))
        for name, one in (verdicts or {}).items()
    }
    return plan(ObservedReplay(cluster, strategy, left, manifest), SETTINGS, now)


def condition(wanted: Plan, kind: str) -> dict[str, Any]:
    assert wanted.status is not None
    return next(each for each in wanted.status["conditions"] if each["type"] == kind)


def ready(wanted: Plan) -> tuple[str, str]:
    return condition(wanted, "Ready")["status"], condition(wanted, "Ready")["reason"]


def of_session(generation: int = 1, **spec: Any) -> dict[str, Any]:
    """Return a Replay of a session, by what it was traded by where no strategyRef is given."""
    return resource(generation=generation, **({"strategyRef": None, "snapshotRef": {"name": "quoting-1"}} | spec))


def session_started(**spec: Any) -> dict[str, Any]:
    """Return a Replay of a session whose Jobs were just asked for."""
    asked = of_session(**spec)
    return {**asked, "status": planned(asked, STRATEGY).status}


def told(wanted: Plan) -> list[ReplaySpecification]:
    """Return what the pods of the Jobs wanted are told."""
    containers = [made["spec"]["template"]["spec"]["containers"][0] for made in wanted.create]
    variables = ({each["name"]: each.get("value") for each in container["env"]} for container in containers)
    return [ReplaySpecification.model_validate_json(each["TRADEPLANE_REPLAY"]) for each in variables]


def figures(fills: int, pnl: str) -> ReplayFigures:
    """Return figures that are the same where fills and P&L are."""
    return ReplayFigures(
        orders=9,
        orders_digest=OTHER,
        fills=fills,
        fills_digest=sha256_digest(str(fills).encode()),
        pnl=pnl,
        pnl_digest=sha256_digest(pnl.encode()),
    )


def started(**spec: Any) -> dict[str, Any]:
    """Return a Replay whose Jobs were just asked for."""
    asked = resource(**spec)
    return {**asked, "status": planned(asked).status}


def names(of: dict[str, Any]) -> list[str]:
    return [each["name"] for each in of["status"]["replays"]]


def job(name: str, end: JobEnd | None = JobEnd.COMPLETE) -> ObservedJob:
    ended = None if end is None else rfc3339(NOW)
    return ObservedJob(
        name=name, namespace="research", uid=f"{name}-uid", owner_uid="uid-1", owner_name="again", resource_version=1,
        created=rfc3339(NOW), ready=end is None, start_time=rfc3339(NOW), end=end, end_time=ended,
        did=AS_ASKED,
    )  # fmt: skip


def ended(of: dict[str, Any], verdicts: list[Verdict], **seen: Any) -> Plan:
    """Return the plan once every Job has ended with a record."""
    found = dict(zip(names(of), verdicts, strict=True))
    digests = {name: RESULT if one.exact else OTHER for name, one in found.items()}
    facts = {
        name: ResultFacts(ResultState.FOUND, result_digest=digest, manifest_digest=OTHER)
        for name, digest in digests.items()
    }
    return planned(of, verdicts=found, jobs={name: job(name) for name in found}, results=facts, **seen)
