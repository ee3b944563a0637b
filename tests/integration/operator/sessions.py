"""What a test does to a Strategy that trades: its trader runs and its closings end, as their kubelet would say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_api.paper import PaperOutcome, PaperReport
from tradeplane_api.probe import ProbeOutcome
from tradeplane_operator.acting.errors import NotFound
from tradeplane_operator.planning.names import STRATEGY_UID_LABEL

from tests.integration.operator import connections
from tests.integration.operator.cluster import eventually, pod_status

if TYPE_CHECKING:
    from tests.integration.operator.cluster import Bench

Json = dict[str, Any]
NAME = "maker"
TRADER = f"{NAME}-trader"
POD = f"{TRADER}-0"
SEALED = "sha256:" + "9" * 64
_ENDPOINT = {"rest": "http://exchange:9090", "stream": "ws://exchange:9090"}


async def connect(bench: Bench) -> None:
    """Create a BrokerConnection to a simulated exchange, probed so seldom that no second probe comes in between."""
    await connections.create(bench, type="Simulated", endpoint=_ENDPOINT, probe={"intervalSeconds": 3_600})


async def connected(bench: Bench) -> None:
    """Have the connection's first probe find it ready."""
    job = await connections.a_probe(bench)
    await connections.says(bench, job, ProbeOutcome.CONNECTED)
    await connections.until(bench, "Connected")


async def create(bench: Bench, **session: Any) -> Json:
    """Create a Strategy that trades the connection."""
    spec = {
        "mode": "Paper",
        "snapshotRef": None,
        "connectionRef": {"name": connections.NAME},
        "session": {"symbols": ["BTCUSDT"], "volume": {"size": "1Mi"}} | session,
    }
    return await bench.create_strategy(NAME, **spec)


def path_of(bench: Bench, group: str, plural: str, name: str = "") -> str:
    """Return the path of objects of the namespace, or of one."""
    return f"/{group}/namespaces/{bench.namespace}/{plural}" + (f"/{name}" if name else "")


async def found(bench: Bench, group: str, plural: str, name: str) -> Json | None:
    """Return an object, or nothing where there is none."""
    try:
        body: Json = await bench.client.get(path_of(bench, group, plural, name))
    except NotFound:
        return None
    return body


async def a_trader(bench: Bench) -> Json:
    """Wait for the trader's pod, and return its StatefulSet."""

    async def there() -> Json | None:
        return await found(bench, "api/v1", "pods", POD)

    async def state() -> Json:
        return {"strategy": await found(bench, "apis/tradeplane.dev/v1alpha1", "strategies", NAME)}

    await eventually(there, f"pod {POD}", state=state)
    made = await found(bench, "apis/apps/v1", "statefulsets", TRADER)
    assert made is not None
    return made


async def no_trader(bench: Bench) -> None:
    """Wait until there is no pod of the trader."""

    async def gone() -> bool:
        return await found(bench, "api/v1", "pods", POD) is None

    await eventually(gone, f"pod {POD} to be gone")


async def trades(bench: Bench) -> Json:
    """Have the trader's pod be ready; return the Strategy, which trades then."""
    await a_trader(bench)
    container = {"name": "trader", "image": "x", "imageID": "", "ready": True, "restartCount": 0}
    running = container | {"state": {"running": {}}, "started": True}
    conditions = [{"type": kind, "status": "True"} for kind in ("Ready", "ContainersReady")]
    status = {"phase": "Running", "conditions": conditions, "containerStatuses": [running]}
    await bench.client.merge_patch(path_of(bench, "api/v1", "pods", f"{POD}/status"), {"status": status})
    return await bench.until(NAME, "Trading")


async def lose_its_node(bench: Bench) -> None:
    """Have the trader's pod be said to be not ready, as the control plane says it of a node that is silent."""
    conditions = [
        {"type": "Ready", "status": "False", "reason": "NodeNotReady"},
        {"type": "ContainersReady", "status": "True"},
    ]
    path = path_of(bench, "api/v1", "pods", f"{POD}/status")
    await bench.client.merge_patch(path, {"status": {"conditions": conditions}})


async def remove_pod(bench: Bench, **how: Any) -> None:
    """Delete the trader's pod, as the control plane does once its node is away for longer; ``how``: options."""
    await bench.client._write("DELETE", path_of(bench, "api/v1", "pods", POD), how)


async def closings(bench: Bench, strategy: Json) -> list[Json]:
    """Return the Jobs that close a Strategy's sessions."""
    query = {"labelSelector": f"{STRATEGY_UID_LABEL}={strategy['metadata']['uid']}"}
    listed = await bench.client.get(path_of(bench, "apis/batch/v1", "jobs"), query)
    return list(listed["items"])


async def closes(bench: Bench, job: Json, outcome: PaperOutcome = PaperOutcome.FLAT, **others: Any) -> str:
    """Have a closing's pod end with a report; return the Job's name."""
    sealed = SEALED if outcome in (PaperOutcome.FLAT, PaperOutcome.LEFT) else None
    facts = {"session": "a" * 32, "number": 1, "inputs": 10, "orders": 4, "fills": 2, "snapshot": sealed}
    code = 0 if sealed else 4
    report = PaperReport.model_validate({"exit_code": code, "outcome": outcome, **facts, **others})
    name = str(job["metadata"]["name"])
    phase, reason = ("Succeeded", "Completed") if sealed else ("Failed", "Error")
    await bench.write_pod_status(name, pod_status(phase, code, reason, report.model_dump_json()))
    return name


async def warnings(bench: Bench) -> dict[str, str]:
    """Return the Warning Events about the Strategy, their notes by reason."""
    listed = await bench.client.get(path_of(bench, "apis/events.k8s.io/v1", "events"))
    about = [event for event in listed["items"] if event["regarding"].get("name") == NAME]
    return {event["reason"]: event["note"] for event in about if event["type"] == "Warning"}
