"""Kueue's own controller, built from its Go module, beside the control plane of a test.

It is the real one, with its kinds, webhooks and MultiKueue. What differs from a cluster's: it runs as a process of this
machine and as an administrator, its webhooks are called at loopback with a certificate of the cluster's own authority
(so its own management of certificates is off), and of its integrations only that of Jobs is on.
"""

from __future__ import annotations

import base64
import datetime
import json
import os
import shutil
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from tradeplane_stacks.local.binaries import KUEUE, MODULES, Binaries
from tradeplane_stacks.local.certificates import CLUSTER, Leaf
from tradeplane_stacks.local.errors import CommandError

from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradeplane_stacks.local.cluster import EmbeddedCluster

Json = dict[str, Any]
SYSTEM = "kueue-system"
"""The namespace that Kueue takes kubeconfigs of workers from."""
_STARTED_WITHIN_S = 120.0
_ENDED_WITHIN_S = 30.0
_LOOPBACK = IPv4Address("127.0.0.1")
_CERTIFICATE = "kueue-webhook"
_PLURALS = ("workloads", "clusterqueues", "localqueues", "resourceflavors", "admissionchecks", "multikueueclusters")
_OURS = ("batch", "kueue.x-k8s.io")
"""Groups of the webhooks that are called; the kinds of the others are not here."""


@cache
def program() -> Path:
    """Return where Kueue's controller lies, which is built where it is not."""
    return Binaries.of_user().build((KUEUE,), print)[KUEUE]


@cache
def _sources() -> Path:
    """Return where the sources of the same version lie, whose manifests are installed."""
    command = ["go", "mod", "download", "-json", "sigs.k8s.io/kueue"]
    answer = subprocess.run(command, cwd=MODULES / KUEUE.module, capture_output=True, check=True, timeout=300)
    return Path(json.loads(answer.stdout)["Dir"])


@contextmanager
def queueing(cluster: EmbeddedCluster, folder: Path, worker_lost_s: float = 900.0) -> Iterator[None]:
    """Run Kueue beside a control plane of the test's own, until that is thrown away.

    ``worker_lost_s``: how long a worker that is not reached keeps its work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port, health = free_port(), free_port()
    leaf = Leaf(_CERTIFICATE, CLUSTER, _CERTIFICATE, addresses=(_LOOPBACK,), server=True)
    cluster.certificates.ensure([leaf], datetime.datetime.now(datetime.UTC))
    shutil.copyfile(cluster.certificates.certificate(_CERTIFICATE), folder / "tls.crt")
    shutil.copyfile(cluster.certificates.key(_CERTIFICATE), folder / "tls.key")
    configuration = folder / "kueue.yaml"
    configuration.write_text(yaml.safe_dump(_configuration(folder, port, health, worker_lost_s)), encoding="utf-8")
    hooks = _Hooks(f"https://127.0.0.1:{port}", cluster.certificates.certificate(CLUSTER).read_bytes())
    cluster.client.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}}, *hooks.kinds()])
    _await_kinds(cluster)
    command = [str(program()), f"--config={configuration}", f"--kubeconfig={cluster.kubeconfig}"]
    command += ["--feature-gates=VisibilityOnDemand=false", "--zap-log-level=2"]
    environment = os.environ | {"KUEUE_METRICS_CERTIFICATES": str(folder)}
    log = folder / "kueue.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
    try:
        _await(f"http://127.0.0.1:{health}/readyz", process, log)
        cluster.client.apply(hooks.configurations())
        _await_webhook(cluster)
        yield
    finally:
        process.terminate()
        process.wait(timeout=_ENDED_WITHIN_S)


def _await_kinds(cluster: EmbeddedCluster) -> None:
    """Wait until Kueue's kinds can be listed, which is later than that they are established."""
    deadline = time.monotonic() + _STARTED_WITHIN_S
    while True:
        try:
            cluster.client.run("get", ",".join(f"{plural}.kueue.x-k8s.io" for plural in _PLURALS), "--all-namespaces")
        except CommandError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def _await_webhook(cluster: EmbeddedCluster) -> None:
    """Wait until the API server shows Kueue the Jobs that are created: one for a queue is suspended then."""
    container = {"name": "x", "image": "x"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    metadata = {"name": "x", "labels": {"kueue.x-k8s.io/queue-name": "x"}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}}
    asked = ("create", "--dry-run=server", "--output=jsonpath={.spec.suspend}", "--filename=-")
    deadline = time.monotonic() + _STARTED_WITHIN_S
    while cluster.client.run(*asked, content=json.dumps(job)) != "true":
        assert time.monotonic() < deadline, "the API server does not ask Kueue"
        time.sleep(0.1)


def _configuration(folder: Path, port: int, health: int, worker_lost_s: float) -> Json:
    return {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "namespace": SYSTEM,
        "health": {"healthProbeBindAddress": f"127.0.0.1:{health}"},
        "metrics": {"bindAddress": "0"},
        "webhook": {"host": "127.0.0.1", "port": port, "certDir": str(folder)},
        "internalCertManagement": {"enable": False},
        "leaderElection": {"leaderElect": False},
        "clientConnection": {"qps": 500, "burst": 1000},
        "controller": {"groupKindConcurrency": {"Job.batch": 10, "Workload.kueue.x-k8s.io": 10}},
        "integrations": {"frameworks": ["batch/job"]},
        "multiKueue": {"workerLostTimeout": f"{worker_lost_s:g}s"},
    }


@dataclass(frozen=True)
class _Hooks:
    """What Kueue ships, with its webhooks at a URL instead of a Service."""

    url: str
    authority: bytes

    def kinds(self) -> list[Json]:
        """Return the definitions of its kinds."""
        folder = _sources() / "config" / "components" / "crd"
        converted = {yaml.safe_load(path.read_text())["metadata"]["name"] for path in _conversions(folder)}
        found = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((folder / "bases").glob("*.yaml"))]
        for one in found:
            if one["metadata"]["name"] in converted:
                webhook = {"clientConfig": self._at("/convert"), "conversionReviewVersions": ["v1"]}
                one["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
        return found

    def configurations(self) -> list[Json]:
        """Return the webhooks of Jobs and of its own kinds."""
        path = _sources() / "config" / "components" / "webhook" / "manifests.yaml"
        found = [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]
        for one in found:
            one["webhooks"] = [hook for hook in one["webhooks"] if hook["rules"][0]["apiGroups"][0] in _OURS]
            for hook in one["webhooks"]:
                hook["clientConfig"] = self._at(hook["clientConfig"]["service"]["path"])
        return found

    def _at(self, path: str) -> Json:
        return {"url": f"{self.url}{path}", "caBundle": base64.b64encode(self.authority).decode()}


def _conversions(folder: Path) -> list[Path]:
    """Return Kueue's patches of the kinds that it converts between versions."""
    named = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))["patches"]
    return [folder / one["path"] for one in named if Path(one["path"]).name.startswith("webhook_in_")]


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _STARTED_WITHIN_S
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            with opener.open(url, timeout=5):
                return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"Kueue is not ready ({error}): {log.read_text()[-3000:]}") from None
            time.sleep(0.1)
