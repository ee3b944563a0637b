"""What a test does to the exchange of a connection: it is asked for, its pod runs, fails or goes, as a kubelet says."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tradeplane_operator.acting.errors import Conflict, NotFound

from tests.integration.operator.cluster import eventually

if TYPE_CHECKING:
    from tests.integration.operator.cluster import Bench

Json = dict[str, Any]
NAME = "binance-exchange"
SPEC: Json = {"type": "Simulated", "market": "UsdMargined", "simulated": {"synthetic": {"seed": 7}}}


def path_of(bench: Bench, plural: str, name: str = NAME) -> str:
    """Return the path of a StatefulSet, Service, pod or claim."""
    group = "/apis/apps/v1" if plural == "statefulsets" else "/api/v1"
    return f"{group}/namespaces/{bench.namespace}/{plural}/{name}"


async def find(bench: Bench, plural: str, name: str = NAME) -> Json | None:
    """Return an object, or None where there is none."""
    try:
        found: Json = await bench.client.get(path_of(bench, plural, name))
    except NotFound:
        return None
    return found


async def wait_for(bench: Bench, plural: str, name: str = NAME) -> Json:
    """Wait for an object."""
    return await eventually(lambda: find(bench, plural, name), f"{plural} {name}")


async def a_pod(bench: Bench, besides: str = "") -> Json:
    """Wait for the exchange's pod, other than the one of a UID."""

    async def found() -> Json | None:
        pod = await find(bench, "pods", f"{NAME}-0")
        return pod if pod is not None and pod["metadata"]["uid"] != besides else None

    return await eventually(found, "the exchange's pod")


async def write_pod(bench: Bench, *, ready: bool, **container: Any) -> None:
    """Write the status of the exchange's pod, as its kubelet would."""
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    status = {"name": "exchange", "image": "x", "imageID": "", "ready": ready, "restartCount": 0}
    body = {"phase": "Running", "conditions": [condition], "containerStatuses": [status | container]}
    await bench.client.merge_patch(path_of(bench, "pods", f"{NAME}-0") + "/status", {"status": body})


async def runs(bench: Bench) -> Json:
    """Have the exchange's pod answer; return its StatefulSet."""
    await a_pod(bench)
    await write_pod(bench, ready=True)
    return await wait_for(bench, "statefulsets")


async def ends(bench: Bench, pod: Json) -> None:
    """Wait until a pod of the exchange is to end, and have it be gone, as a kubelet does once its containers ended.

    A pod that no node has goes the moment it is asked to, and another may have its name before anybody looks.
    """
    uid = pod["metadata"]["uid"]

    async def asked() -> bool:
        there = await find(bench, "pods", f"{NAME}-0")
        return there is None or there["metadata"]["uid"] != uid or "deletionTimestamp" in there["metadata"]

    await eventually(asked, "the exchange's pod to be asked to end")
    body = {"gracePeriodSeconds": 0, "propagationPolicy": "Background", "preconditions": {"uid": uid}}
    with suppress(NotFound, Conflict):
        await bench.client._write("DELETE", path_of(bench, "pods", f"{NAME}-0"), body)
