"""The platform as ``make demo`` deploys it, and namespaces of tests' own, enrolled as an administrator enrols one.

Everything here goes through kubectl and the files a person has: a test sees what a user would see.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from tradeplane_stacks.demo.clusters import DEPLOY, Embedded
from tradeplane_stacks.demo.scenario import OPERATOR, SYSTEM, tradeplane
from tradeplane_stacks.deployment import DeployedImages
from tradeplane_stacks.local.storage import CLAIM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

State = TypeVar("State")
Object = dict[str, Any]

RUN_LIMIT_S = 300.0
"""Longest wait for a run: an emulated pod on a busy machine takes a minute to start."""
UNHURRIED: dict[str, dict[str, str]] = {"limits": {"cpu": "300m", "memory": "1Gi"}}
"""Resources of a run on the emulated node that is still going on when it is disturbed, however fast the machine."""
KUBECTL_LIMIT_S = 400.0
"""Longest wait for kubectl, above each that it is given by ``--timeout``: what it says then is worth more than ours."""
_PAUSE_S = 0.4
_SHOWN = 3_000


def until(what: str, look: Callable[[], State], accept: Callable[[State], bool], limit_s: float = RUN_LIMIT_S) -> State:
    """Look until what is seen is accepted; fail with what was waited for and what was seen last."""
    deadline = time.monotonic() + limit_s
    while True:
        state = look()
        if accept(state):
            return state
        if time.monotonic() > deadline:
            seen = json.dumps(state, default=str)[-_SHOWN:]
            raise AssertionError(f"{what} did not come within {limit_s:.0f} s; seen last: {seen}")
        time.sleep(_PAUSE_S)


def said(found: Object) -> tuple[str, str, str]:
    """Return what an object's conditions say: the standing (Ready, Stalled, Working), reason and message."""
    conditions = {one["type"]: one for one in (found.get("status") or {}).get("conditions", [])}
    ready, stalled = conditions.get("Ready", {}), conditions.get("Stalled", {})
    told = stalled if stalled.get("status") == "True" else ready
    standing = "Stalled" if told is stalled else "Ready" if ready.get("status") == "True" else "Working"
    return standing, told.get("reason", ""), told.get("message", "")


def seen(found: Object) -> bool:
    """Return whether the operator has acted on the newest spec."""
    return bool((found.get("status") or {}).get("observedGeneration", 0) >= found["metadata"]["generation"])


def ready_since(pod: Object) -> datetime | None:
    """Return since when a pod is ready; None where it is not."""
    for one in (pod.get("status") or {}).get("conditions", ()):
        if one["type"] == "Ready" and one["status"] == "True":
            return datetime.fromisoformat(one["lastTransitionTime"])
    return None


def ready(pod: Object) -> bool:
    """Return whether a pod is ready."""
    return ready_since(pod) is not None


def runs(found: Object) -> list[Object]:
    """Return the runs a Strategy's status tells of, newest first."""
    status = found.get("status") or {}
    latest, history = status.get("latest"), status.get("history", [])
    return [latest, *history] if latest else list(history)


@dataclass(frozen=True)
class Platform:
    """The embedded cluster with the operator on it."""

    cluster: Embedded

    @property
    def kubectl(self) -> Any:
        return self.cluster.kubectl

    def apply(self, *documents: Mapping[str, Any], directory: Path) -> None:
        """Apply objects from a file, as a user does."""
        path = directory / f"objects-{time.monotonic_ns()}.yaml"
        path.write_text(yaml.safe_dump_all([dict(one) for one in documents], sort_keys=False), encoding="utf-8")
        self.kubectl("apply", "-f", path)

    def images(self) -> DeployedImages:
        """Return the images that are deployed, by digest."""
        deployment = self.kubectl.get("deployment", OPERATOR, "-n", SYSTEM)
        pod = deployment["spec"]["template"]["spec"]
        (config,) = [one["configMap"]["name"] for one in pod["volumes"] if one["name"] == "settings"]
        settings = yaml.safe_load(self.kubectl.get("configmap", config, "-n", SYSTEM)["data"]["settings.yaml"])
        return DeployedImages(operator=pod["containers"][0]["image"], workloads=settings["images"]["default"])

    def enrol(self, name: str, directory: Path) -> Tenant:
        """Enrol a namespace to run work, with a store on a volume."""
        folder = directory / name
        folder.mkdir(parents=True, exist_ok=True)
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": name,
            "resources": [os.path.relpath(DEPLOY / "namespace", folder)],
        }
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
        self.apply_directory(folder)
        self.cluster.provide_store(name)
        return Tenant(self, name, folder)

    def apply_directory(self, directory: Path) -> None:
        """Apply a kustomization on the server's side."""
        self.kubectl("apply", "--server-side", "--force-conflicts", "-k", directory)

    def holder(self) -> str:
        """Return who leads: a process, which is another one where a pod's container was started again; or nobody."""
        lease = self.kubectl.get("lease", OPERATOR, "-n", SYSTEM)
        return str(lease["spec"].get("holderIdentity") or "")

    def leader(self) -> str:
        """Return the name of the pod that leads; empty where none does."""
        return self.holder().partition("_")[0]

    def pods(self) -> list[Object]:
        """Return the operator's pods."""
        found = self.kubectl.get("pods", "-n", SYSTEM, "-l", f"app.kubernetes.io/name={OPERATOR}")
        return list(found["items"])

    def await_replicas(self, limit_s: float = 240.0) -> None:
        """Wait until every replica is the one wanted now, ready, and one of them leads."""
        limit = f"--timeout={limit_s:.0f}s"
        self.kubectl("rollout", "status", f"deployment/{OPERATOR}", "-n", SYSTEM, limit, limit_s=KUBECTL_LIMIT_S)
        names = {pod["metadata"]["name"] for pod in self.pods()}
        until("a leader among the operator's pods", self.leader, lambda leader: leader in names, limit_s)


@dataclass(frozen=True)
class Tenant:
    """An enrolled namespace, and its files."""

    platform: Platform
    name: str
    files: Path

    @cached_property
    def store(self) -> str:
        """URL of the namespace's store as this machine reaches it."""
        return self.platform.cluster.store_url(self.name)

    @cached_property
    def directory(self) -> Path:
        """Directory of the namespace's store."""
        return Path(self.store.removeprefix("file://"))

    def kubectl(self, *arguments: str | Path) -> str:
        return str(self.platform.kubectl("-n", self.name, *arguments, limit_s=KUBECTL_LIMIT_S))

    def get(self, kind: str, name: str) -> Object:
        found: Object = self.platform.kubectl.get(kind, name, "-n", self.name)
        return found

    def items(self, kind: str, *selection: str) -> list[Object]:
        return list(self.platform.kubectl.get(kind, "-n", self.name, *selection)["items"])

    def apply(self, *documents: Mapping[str, Any]) -> None:
        """Apply objects to this namespace."""
        placed = [{**one, "metadata": {**one["metadata"], "namespace": self.name}} for one in documents]
        self.platform.apply(*placed, directory=self.files)

    def patch(self, kind: str, name: str, spec: Mapping[str, Any]) -> None:
        self.kubectl("patch", kind, name, "--type=merge", "-p", json.dumps({"spec": spec}))

    def reach_exchanges(self) -> None:
        """Let probes, traders and captures reach exchanges of this namespace, as an administrator allows it."""
        folder = self.files / "broker-egress"
        folder.mkdir()
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": self.name,
            "components": [os.path.relpath(DEPLOY / "components/broker-egress", folder)],
        }
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
        self.platform.apply_directory(folder)

    def import_bars(self, *sources: str | Path, name: str, store: str | None = None) -> Object:
        """Import bars into the store; return the Snapshot to apply."""
        arguments = ["snapshot", "import", *map(str, sources), "--name", name, "-o", "json"]
        found: Object = json.loads(tradeplane(*arguments, "--store", store or self.store))
        return found

    def jobs(self, strategy: Object) -> dict[str, str]:
        """Return the Jobs of a Strategy: name to UID."""
        selector = f"tradeplane.dev/strategy-uid={strategy['metadata']['uid']}"
        return {one["metadata"]["name"]: one["metadata"]["uid"] for one in self.items("jobs", "-l", selector)}

    def await_said(self, kind: str, name: str, *reasons: str, words: str = "", limit_s: float = RUN_LIMIT_S) -> Object:
        """Wait until an object says one of these reasons about its newest spec, and words that may come only later."""
        return until(
            f"{kind} {self.name}/{name} with reason {' or '.join(reasons)} {words}".rstrip(),
            lambda: self.get(kind, name),
            lambda found: seen(found) and said(found)[1] in reasons and words in said(found)[2],
            limit_s,
        )

    def await_run(self, name: str, count: int = 1, limit_s: float = RUN_LIMIT_S) -> Object:
        """Wait until a Strategy's newest run has succeeded and is attested, and it has had so many."""

        def settled(found: Object) -> bool:
            had = runs(found)
            return seen(found) and said(found)[0] == "Ready" and len(had) >= count and "attestation" in had[0]

        wanted = f"strategy {self.name}/{name} with {count} runs, the newest succeeded and attested"
        return until(wanted, lambda: self.get("strategy", name), settled, limit_s)

    def await_running_pod(self, strategy: str, limit_s: float = RUN_LIMIT_S) -> Object:
        """Wait for a pod of a Strategy's newest run whose container runs; fail at once if the run ended unseen."""

        def look() -> list[Object]:
            latest = (self.get("strategy", strategy).get("status") or {}).get("latest") or {}
            assert "completionTime" not in latest, f"the run was over before its pod was seen: {latest}"
            return self.items("pods", "-l", f"tradeplane.dev/run={latest.get('name', 'none')}")

        found = until(
            f"a running pod of strategy {self.name}/{strategy}", look, lambda pods: any(map(runs_now, pods)), limit_s
        )
        return next(pod for pod in found if runs_now(pod))

    def await_traded(self, wanted_s: float, limit_s: float) -> None:
        """Wait until a Strategy of the namespace has traded for a while since it last began to."""

        def seconds() -> float:
            begun = map(ready_since, self.items("pods", "-l", "tradeplane.dev/role=trader"))
            return next(((datetime.now(UTC) - since).total_seconds() for since in begun if since), 0.0)

        until(f"{wanted_s:g} s of trading", seconds, lambda passed: passed > wanted_s, limit_s)

    def remove(self) -> None:
        """Delete the namespace and what lies in it; its store's directory stays, as a volume's does."""
        self.platform.kubectl("delete", "namespace", self.name, "--wait=false", "--ignore-not-found")

    def remove_store(self) -> None:
        """Delete the volume of the namespace's store and what lies there, once the namespace is being deleted."""
        self.platform.kubectl("delete", "pv", f"{CLAIM}-{self.name}", "--wait=false", "--ignore-not-found")
        shutil.rmtree(self.directory, ignore_errors=True)  # a pod may write there until it has ended


def restricted_pod(name: str, image: str, labels: Mapping[str, str], *command: str, **own: Any) -> Object:
    """Write a pod, restricted as a run's is but for its container's own security context, that does something once."""
    confined = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "runner", "image": image, "command": list(command), "securityContext": {**confined, **own}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": "tradeplane-runner",
            "nodeSelector": {"kubernetes.io/arch": "amd64"},
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "runAsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        },
    }


def runs_now(pod: Object) -> bool:
    """Return whether a pod's container is running."""
    statuses = (pod.get("status") or {}).get("containerStatuses", [])
    return any("running" in one.get("state", {}) for one in statuses)


def processes_with(variable: str, value: str) -> list[int]:
    """Return processes of this machine whose environment has a variable with this value: how a pod's are found."""
    wanted = f"{variable}={value}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue  # it ended while we looked
    return found


def kill(processes: Iterable[int]) -> None:
    """Kill processes, some of which may go by that of another: of a pod whose first process is killed, all are."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def strategy(name: str, snapshot: str = "sp500", algorithm: str = "macd-momentum", **spec: Any) -> Object:
    """Write a Strategy: an algorithm with its own defaults, unless more is said."""
    parameters = spec.pop("parameters", {})
    return {
        "apiVersion": "tradeplane.dev/v1alpha1",
        "kind": "Strategy",
        "metadata": {"name": name},
        "spec": {
            "algorithm": {"name": algorithm, "parameters": parameters},
            "snapshotRef": {"name": snapshot},
            "capital": "1000000",
            **spec,
        },
    }
