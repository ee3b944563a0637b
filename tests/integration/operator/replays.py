"""What a test does to a Replay: its Jobs end as their kubelets would say it, with a record in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_api.parity import (
    REPLAY_VARIABLE,
    Compared,
    FirstDivergence,
    Parity,
    ReplayFigures,
    ReplayRecord,
    ReplaySpecification,
    Verdict,
)
from tradeplane_api.run import ExitCode, Part, TerminationMessage
from tradeplane_api.snapshot_manifest import SessionDescription, SnapshotInstrument, SnapshotManifest
from tradeplane_operator.planning.names import API_VERSION, REPLAY_UID_LABEL
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json, sha256_digest

from tests.integration.operator.cluster import eventually, pod_status

if TYPE_CHECKING:
    from tests.integration.operator.cluster import Bench

Json = dict[str, Any]
NAME = "again"
EXACT = Verdict(decisions=Parity.EXACT, execution=Parity.EXACT, fills=7, fills_matched=7, pnl_difference="0.000000000")
DIVERGED = EXACT.model_copy(
    update={
        "execution": Parity.DIVERGED,
        "fills_matched": 6,
        "divergence": FirstDivergence(part="trades", sequence=6, field="price", expected="5", got="6"),
    }
)
SAME, ANOTHER = "sha256:" + "d" * 64, "sha256:" + "e" * 64


def path_of(bench: Bench, name: str = "") -> str:
    """Return the path of the Replays of the namespace, or of one."""
    return f"/apis/{API_VERSION}/namespaces/{bench.namespace}/replays" + (f"/{name}" if name else "")


async def create(bench: Bench, **spec: Any) -> Json:
    """Create a Replay."""
    body = {"apiVersion": API_VERSION, "kind": "Replay", "metadata": {"name": NAME}, "spec": spec}
    created: Json = await bench.client.create(path_of(bench), body)
    return created


async def until(bench: Bench, reason: str) -> Json:
    """Wait until the Replay is what a reason says, and return it."""
    return await bench.said("replays", NAME, reason)


async def jobs(bench: Bench, count: int) -> list[Json]:
    """Wait for so many Jobs of replays that have a pod each."""

    async def found() -> list[Json] | None:
        query = {"labelSelector": REPLAY_UID_LABEL}
        listed = await bench.client.get(f"/apis/batch/v1/namespaces/{bench.namespace}/jobs", query)
        ready = [job for job in listed["items"] if await bench.pods(job)]
        return ready if len(ready) == count else None

    return await eventually(found, f"{count} Jobs of replays")


def told(job: Json) -> ReplaySpecification:
    """Return what a Job tells its pod."""
    (container,) = job["spec"]["template"]["spec"]["containers"]
    variables = {item["name"]: item.get("value", "") for item in container["env"]}
    return ReplaySpecification.model_validate_json(variables[REPLAY_VARIABLE])


async def ends(
    bench: Bench, job: Json, verdict: Verdict, baseline: str = SAME, compared: Compared | None = None
) -> None:
    """Have a replay end as its pod would: its record in the store, exit code 0."""
    asked = told(job)
    record = ReplayRecord(
        schema_version=asked.format_version,
        specification=asked,
        baseline_digest=baseline,
        result_digest=baseline if verdict.exact else ANOTHER,
        verdict=verdict,
        compared=compared,
        environment={},
    )
    await leaves(bench, asked.replay, canonical_json(record))


async def leaves(bench: Bench, replay: str, data: bytes) -> None:
    """Have a replay end well, whatever it left where its record should be."""
    bench.store.put(layout.replay_record(replay), data)
    said = TerminationMessage(exit_code=ExitCode.OK, manifest_digest=sha256_digest(data))
    told_at_its_end = said.model_dump_json(by_alias=True)
    await bench.write_pod_status(replay, pod_status("Succeeded", 0, "Completed", told_at_its_end))


def write_session(bench: Bench) -> str:
    """Put the snapshot of a session into the store and return its id."""
    manifest = SnapshotManifest(
        schema_version=3,
        instruments=(SnapshotInstrument(symbol="SYNUSDT", price_exponent=-2, quantity_exponent=-3),),
        start="2026-03-01T00:00:00Z",
        end="2026-03-01T00:01:00Z",
        records=7,
        sources=(),
        session=SessionDescription(name="0" * 32, over=True, inputs=7, orders=2, fills=1, seed="0"),
        parts=(
            Part(name="specification.json", rows=1, digest=SAME),
            Part(name="journal-0.bin", rows=7, digest=SAME),
        ),
    )
    data = canonical_json(manifest)
    digest = sha256_digest(data)
    for part in manifest.parts:
        bench.store.put(layout.snapshot_part(digest, part.name), b"part")
    bench.store.put(layout.snapshot_manifest(digest), data)
    return digest


def figures(fills: int, pnl: str) -> ReplayFigures:
    """Return figures of a replay."""
    return ReplayFigures(
        orders=9, orders_digest=SAME, fills=fills, fills_digest=SAME, pnl=pnl, pnl_digest=sha256_digest(pnl.encode())
    )
