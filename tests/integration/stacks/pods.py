"""Pods on a cluster without nodes, said to run as a kubelet would say it; nothing of them runs."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.policies.server import Server

_LOOK_S = 0.5
_ENDS_WITHIN_S = 30


@contextlib.contextmanager
def running_pods(server: Server, namespace: str) -> Iterator[None]:
    """Say of each pod of a namespace, for as long as this lasts, that it runs and is ready."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_S):
            listed = server.ask("GET", f"/api/v1/namespaces/{namespace}/pods")
            for pod in listed.body.get("items", []):
                if pod["status"].get("phase") == "Pending":
                    path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/status"
                    server.ask("PATCH", path, {"status": _running(pod)})

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(_ENDS_WITHIN_S)


def _running(pod: dict[str, Any]) -> dict[str, Any]:
    conditions = [{"type": kind, "status": "True"} for kind in ("Initialized", "ContainersReady", "Ready")]
    containers = [
        {"name": one["name"], "image": one["image"], "imageID": "", "ready": True, "restartCount": 0}
        for one in pod["spec"]["containers"]
    ]
    return {"phase": "Running", "conditions": conditions, "containerStatuses": containers}
