"""GitHub's own charts of runner scale sets in a registry of the test's own, and what stands in for their controller.

The charts are those of their makers' repository at a release (``charts/go.mod``, by checksum), packaged and pushed as
Helm has them in OCI registries (HIP-6, https://helm.sh/docs/topics/registries/). Their registry cannot be reached from
everywhere that the tests run. Nothing of the controller runs, as there are no nodes: that it does and what it ends is
said by the test (``controller``).
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import subprocess
import tarfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.manifests import MANIFEST_TYPE

from tests.integration.stacks.pods import running_pods

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.policies.server import Server

CHARTS = ("gha-runner-scale-set-controller", "gha-runner-scale-set")
RUNNER_SETS = "/apis/actions.github.com/v1alpha1"
"""Where the API server serves the kinds of the charts."""
_MODULE = "github.com/actions/actions-runner-controller"
_HELM = "application/vnd.cncf.helm"
_PROTECTS = "actions.github.com/cleanup-protection"
_DOWNLOADED_WITHIN_S = 300
_LOOK_S = 0.5
_ENDS_WITHIN_S = 30


def chart_version() -> str:
    """Return the version that the charts have, all of them the same."""
    (version,) = {_about(name)["version"] for name in CHARTS}
    return str(version)


async def push_charts(host: str, prefix: str) -> None:
    """Push the charts below a prefix of a registry."""
    async with Registry(host, plain_http=True) as registry:
        for name in CHARTS:
            about = _about(name)
            await _push(registry, f"{prefix}/{name}", about["version"], about, _package(name))


async def _push(registry: Registry, repository: str, tag: str, about: dict[str, Any], package: bytes) -> None:
    config = json.dumps(about, sort_keys=True).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": _described(f"{_HELM}.config.v1+json", await registry.push_blob(repository, config), config),
        "layers": [
            _described(f"{_HELM}.chart.content.v1.tar+gzip", await registry.push_blob(repository, package), package)
        ],
    }
    await registry.push_manifest(repository, tag, json.dumps(manifest).encode(), MANIFEST_TYPE)


def _described(media_type: str, digest: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


def _about(chart: str) -> dict[str, Any]:
    found = yaml.safe_load((_folder() / chart / "Chart.yaml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def _package(chart: str) -> bytes:
    """Return a chart as ``helm package`` makes it, without its tests."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for file in sorted((_folder() / chart).rglob("*")):
            place = file.relative_to(_folder())
            if file.is_file() and place.parts[1] not in ("tests", "ci"):
                archive.add(file, str(place))
    return gzip.compress(written.getvalue(), mtime=0)


def _folder() -> Path:
    """Return where the charts are: in the module, which is had and checked as Go has its modules."""
    asked = subprocess.run(
        ["go", "mod", "download", "-json", _MODULE],
        cwd=Path(__file__).with_name("charts"),
        capture_output=True,
        text=True,
        check=False,
        timeout=_DOWNLOADED_WITHIN_S,
    )
    found = json.loads(asked.stdout or "{}")
    assert asked.returncode == 0, found.get("Error", asked.stderr)
    return Path(found["Dir"]) / "charts"


@contextlib.contextmanager
def controller(server: Server, system: str, runners: str) -> Iterator[None]:
    """Stand in for GitHub's controller: its pod runs, and what it ends, in the namespace of runners, is let go of."""
    ended = threading.Event()
    kinds = [f"/apis/rbac.authorization.k8s.io/v1/namespaces/{runners}/{kind}" for kind in ("roles", "rolebindings")]
    places = [*kinds, f"/api/v1/namespaces/{runners}/serviceaccounts"]

    def look() -> None:
        while not ended.wait(_LOOK_S):
            for place in places:
                for one in server.ask("GET", place).body.get("items", []):
                    meta = one["metadata"]
                    if "deletionTimestamp" in meta and _PROTECTS in meta.get("finalizers", []):
                        server.ask("PATCH", f"{place}/{meta['name']}", {"metadata": {"finalizers": None}})

    thread = threading.Thread(target=look)
    with running_pods(server, system):
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(_ENDS_WITHIN_S)
