"""A node for a cluster that has none: it runs the pods that trade and that close, as processes on this machine.

It does what a kubelet does for them and no more: a pod is bound to it, its container is started, said to be ready once
it is, started again where it ends and must not, and told to end once its pod is to go; only then is the pod removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
from tradeplane_operator.acting.errors import ApiUnavailable, Conflict, NotFound
from tradeplane_operator.planning.names import MANAGED_BY_LABEL, ROLE_LABEL
from tradeplane_operator.planning.paper_names import TRADER_ROLE

from tests.integration.operator.cluster import eventually, pod_status
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from pathlib import Path

    from tests.integration.operator.cluster import Bench

Json = dict[str, Any]
SELECTED = f"{MANAGED_BY_LABEL},{ROLE_LABEL}={TRADER_ROLE}"
"""The pods that this node takes."""
_LOOK_S, _HEARTBEAT_S, _STOP_S = 0.05, 5.0, 15.0


@dataclass
class RunningPod:
    """A pod of this node, and its container's process."""

    name: str
    uid: str
    command: list[str]
    environment: dict[str, str]
    port: int
    termination: Path
    always: bool
    """Whether it is started again where it ends: of a trader; a closing ends by itself."""
    ending: bool = False
    restarts: int = 0
    process: asyncio.subprocess.Process | None = None
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def may_run(self) -> bool:
        """Whether its container runs, or will."""
        runs = self.process is None or self.process.returncode is None
        return runs or (self.always and not self.ending)


@dataclass
class Kubelet:
    """One node. ``mounts``: where on this machine the volumes of claims, and what Secrets hold, are."""

    bench: Bench
    root: Path
    """Volumes of claims are folders below it, by name, but those in ``claims``."""
    claims: dict[str, Path]
    secrets: dict[str, Path]
    together: list[str] = field(default_factory=list)
    """What was wrong: containers that were there at one time."""
    started: int = 0
    _pods: dict[str, RunningPod] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _failed: list[BaseException] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Name of the node."""
        return f"node-of-{self.bench.namespace}"

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Kubelet]:
        """Be a node of the cluster for a while; whatever still runs then is killed."""
        await self._register()
        loops = [asyncio.create_task(self._for_ever(self._sync, _LOOK_S))]
        loops.append(asyncio.create_task(self._for_ever(self._beat, _HEARTBEAT_S)))
        try:
            yield self
            if self._failed:
                raise self._failed[0]
        finally:
            for one in (*loops, *self._tasks):
                one.cancel()
            await asyncio.gather(*loops, *self._tasks, return_exceptions=True)
            for pod in self._pods.values():
                await self._kill(pod)
            await self.bench.client._write("DELETE", f"/api/v1/nodes/{self.name}", {})

    async def _register(self) -> None:
        """Make a node that nothing is scheduled to: this one binds what it takes."""
        node = {"metadata": {"name": self.name}, "spec": {"unschedulable": True}}
        await self.bench.client.create("/api/v1/nodes", node)
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": _now()}
        status = {"status": {"conditions": [ready | {"lastTransitionTime": _now()}]}}
        await self.bench.client.merge_patch(f"/api/v1/nodes/{self.name}/status", status)

    async def _beat(self) -> None:
        """Renew the node's Lease, without which its pods would be taken for lost."""
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        spec = {"holderIdentity": self.name, "leaseDurationSeconds": 40, "renewTime": _now(micro=True)}
        try:
            await self.bench.client.merge_patch(f"{path}/{self.name}", {"spec": spec})
        except NotFound:
            await self.bench.client.create(path, {"metadata": {"name": self.name}, "spec": spec})

    async def _for_ever(self, step: Callable[[], Awaitable[None]], pause: float) -> None:
        while True:
            try:
                await step()
            except (ApiUnavailable, Conflict):
                pass  # the API server is busy, or somebody was faster: the next look is soon
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                self._failed.append(error)
                raise
            await asyncio.sleep(pause)

    async def _sync(self) -> None:
        """Look at the pods there are, and do what each needs."""
        path = f"/api/v1/namespaces/{self.bench.namespace}/pods"
        listed = await self.bench.client.get(path, {"labelSelector": SELECTED})
        there = {pod["metadata"]["uid"]: pod for pod in listed["items"]}
        for uid, pod in there.items():
            known, ending = self._pods.get(uid), "deletionTimestamp" in pod["metadata"]
            if known is None and not ending and pod["status"].get("phase") == "Pending":
                await self._take(pod)
            elif known is not None and ending and not known.ending:
                known.ending = True
                self._do(self._end(known))
        for uid in self._pods.keys() - there.keys():
            gone = self._pods.pop(uid)
            if gone.may_run and not gone.ending:
                self.together.append(f"{gone.name} was removed while its container ran")
            gone.ending = True
            await self._kill(gone)

    async def _take(self, pod: Json) -> None:
        """Bind a pod, and start its container."""
        metadata = pod["metadata"]
        if pod["spec"].get("nodeName") != self.name:  # else an answer was lost
            try:
                await self.bench.bind(metadata, self.name)
            except NotFound:
                return
        taken = self._described(pod)
        others = [one.name for one in self._pods.values() if one.may_run]
        if others:
            self.together.append(f"{taken.name} was started while there was {', '.join(others)}")
        self._pods[taken.uid] = taken
        self._do(self._run(taken))

    def _described(self, pod: Json) -> RunningPod:
        metadata, spec = pod["metadata"], pod["spec"]
        (container,) = spec["containers"]
        places = self._mounted(spec, container)
        told = {one["name"]: one.get("value", "").replace("$$(", "$(") for one in container["env"]}
        for name, value in told.items():
            for inside, here in places.items():
                told[name] = str(here) if value == inside else told[name]
                told[name] = here.as_uri() if value == f"file://{inside}" else told[name]
        folder = self.root / "pods" / metadata["uid"]
        folder.mkdir(parents=True)
        return RunningPod(
            name=metadata["name"],
            uid=metadata["uid"],
            command=[sys.executable, *container["command"][1:], "--host", "127.0.0.1"],
            environment={**os.environ, **told, "TRADEPLANE_TERMINATION_LOG": str(folder / "termination")},
            port=free_port(),
            termination=folder / "termination",
            always=spec["restartPolicy"] == "Always",
        )

    def _mounted(self, spec: Json, container: Json) -> dict[str, Path]:
        """Return where on this machine the paths of a container are."""
        volumes = {one["name"]: one for one in spec["volumes"]}
        found = {}
        for mount in container["volumeMounts"]:
            volume = volumes[mount["name"]]
            if "persistentVolumeClaim" in volume:
                claim = volume["persistentVolumeClaim"]["claimName"]
                found[mount["mountPath"]] = self.claims.get(claim, self.root / claim)
                found[mount["mountPath"]].mkdir(exist_ok=True)
            elif "secret" in volume:
                found[mount["mountPath"]] = self.secrets[volume["secret"]["secretName"]]
        return found

    def _do(self, work: Coroutine[None, None, None]) -> None:
        """Have something done beside the loop; what goes wrong there fails the test in the end."""

        async def watched() -> None:
            try:
                await work
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                self._failed.append(error)
                raise

        task = asyncio.create_task(watched())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, pod: RunningPod) -> None:
        """Run a pod's container, again and again where it is to go on, and tell how it stands."""
        while await self._start(pod):
            assert pod.process is not None
            await self._say(pod, _running(pod, ready=False))
            if pod.always:
                await self._until_ready(pod)
            code = await pod.process.wait()
            if not pod.always:
                words = pod.termination.read_text() if pod.termination.exists() else ""
                phase, reason = ("Failed", "Error") if code else ("Succeeded", "Completed")
                await self._say(pod, pod_status(phase, code, reason, words))
                return
            pod.restarts += 1

    async def _start(self, pod: RunningPod) -> bool:
        """Start a pod's container, unless the pod is to end."""
        async with pod.starting:
            if pod.ending:
                return False
            with (self.root / "pods" / pod.uid / "log").open("ab") as log:
                pod.process = await asyncio.create_subprocess_exec(
                    *pod.command, "--port", str(pod.port), stdout=log, stderr=log, env=pod.environment
                )
            self.started += 1
            return True

    async def _until_ready(self, pod: RunningPod) -> None:
        """Probe a trader until it is ready, and say so; return where it has ended."""
        assert pod.process is not None
        async with aiohttp.ClientSession() as http:
            while pod.process.returncode is None:
                with contextlib.suppress(aiohttp.ClientError):
                    async with http.get(f"http://127.0.0.1:{pod.port}/readyz") as answer:
                        if answer.status == 200:
                            await self._say(pod, _running(pod, ready=True))
                            return
                await asyncio.sleep(_LOOK_S)

    async def _end(self, pod: RunningPod) -> None:
        """End a pod's container as a kubelet does, then remove the pod."""
        async with pod.starting:
            if pod.process is not None and pod.process.returncode is None:
                pod.process.send_signal(signal.SIGTERM)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(pod.process.wait(), _STOP_S)
            await self._kill(pod)
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod.uid}}
        await self._surely(lambda: self.bench.client._write("DELETE", self._path(pod.name), body))

    async def _kill(self, pod: RunningPod) -> None:
        if pod.process is not None and pod.process.returncode is None:
            pod.process.kill()
            await pod.process.wait()

    async def _say(self, pod: RunningPod, status: Json) -> None:
        """Write a pod's status, if it is still there."""
        body = {"metadata": {"uid": pod.uid}, "status": status}
        await self._surely(lambda: self.bench.client.merge_patch(self._path(pod.name, "status"), body))

    async def _surely(self, write: Callable[[], Awaitable[object]]) -> None:
        """Write about a pod, if it is still there; what a busy API server did not take is sent again."""

        async def written() -> bool:
            try:
                await write()
            except ApiUnavailable:
                return False
            except (NotFound, Conflict):
                pass
            return True

        await eventually(written, "the API server to take what a kubelet says")

    def _path(self, name: str, part: str = "") -> str:
        return f"/api/v1/namespaces/{self.bench.namespace}/pods/{name}" + (f"/{part}" if part else "")


def _running(pod: RunningPod, *, ready: bool) -> Json:
    """Return the status of a pod whose container runs."""
    container = {"name": "trader", "image": "x", "imageID": "", "ready": ready, "restartCount": pod.restarts}
    conditions = [{"type": kind, "status": str(ready)} for kind in ("Ready", "ContainersReady")]
    running = container | {"state": {"running": {}}, "started": True}
    return {"phase": "Running", "conditions": conditions, "containerStatuses": [running]}


def _now(*, micro: bool = False) -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ" if micro else "%Y-%m-%dT%H:%M:%SZ")
