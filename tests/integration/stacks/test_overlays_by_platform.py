"""What the overlays of operator/deploy install, a platform's configuration says too: object by object the same.

Names of ConfigMaps that have a digest are compared without it; settings as the operator reads them.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_operator.settings import Settings
from tradeplane_stacks.deployment import DeployedImages, write_overlay
from tradeplane_stacks.kustomize import KustomizeError, locate_kubectl
from tradeplane_stacks.local import storage
from tradeplane_stacks.local.binaries import KUBECTL, Binaries
from tradeplane_stacks.local.layout import Layout
from tradeplane_stacks.local.settings import Settings as ClusterSettings

from tests.unit.deploy.manifests import DEPLOY
from tests.unit.stacks.components.platforms import OPERATOR, WORKLOADS, Json, rendered

if TYPE_CHECKING:
    from collections.abc import Iterable

STATE = Path("/var/lib/tradeplane")
FOLDER = "/var/lib/tradeplane/volumes/store"
IMAGES: Json = {"operator": OPERATOR, "workloads": WORKLOADS}
# These are beside what an overlay installs, and are tested by themselves.
ALONE: Json = {"policies": [], "namespaces": [{"name": "research", "quota": "none", "brokers": True}]}
SIGNER = "file:/etc/tradeplane-signing/key.pem"
REGISTRIES = ["registry.example/tradeplane/"]


@dataclass(frozen=True)
class Installation:
    """An overlay with what is laid over it, and the configuration that says the same."""

    overlay: str
    config: Json
    changes: Json
    components: tuple[str, ...] = ()
    namespace: bool = True
    # Whether the namespace is enrolled by hand, for a store in the network.
    enrolled: bool = False
    made_beside: list[Json] = field(default_factory=list)


EMBEDDED = Installation(
    "embedded",
    {
        **ALONE,
        "images": {**IMAGES, "attested": {"plain_http": True}},
        "store": {"kind": "volume", "directory": FOLDER},
        "evidence": {"registry": "registry.example:5000/runs", "plain_http": True, "signer": SIGNER},
        "registries": ["registry.example:5000/tradeplane/"],
        "ledger": {"audit": {"node_port": 30843}, "heads": {"kind": "volume", "every_seconds": 60}},
        "architecture": "amd64",
    },
    {
        "evidence": {"registry": "registry.example:5000/runs", "plainHttp": True, "signer": SIGNER},
        "images": {
            "registries": ["registry.example:5000/tradeplane/"],
            "attested": {"keyring": "/etc/tradeplane-trust/keyring.json", "plainHttp": True},
        },
    },
    ("overlays/embedded/ledger",),
    made_beside=[
        *storage.store_volume(Layout(STATE), "research"),
        *storage.operator_store_volume(Layout(STATE)),
    ],
)
"""What ``make demo`` installs on the embedded cluster, whose nodes pull from a registry without TLS."""

KIND = Installation(
    "kind",
    {**ALONE, "images": IMAGES, "store": {"kind": "volume", "directory": "/var/lib/tradeplane/store"}},
    {"images": {"registries": REGISTRIES}},
)

RELEASE = Installation(
    "cluster-wide",
    {"policies": [], "images": IMAGES, "store": {"kind": "volume"}},
    {"images": {"registries": REGISTRIES}},
    namespace=False,
)

BUCKET: Json = {"url": "s3://tradeplane-results", "credentialsSecret": "tradeplane-store"}
SINGLE = Installation(
    "single-namespace",
    {
        "policies": [],
        "images": IMAGES,
        "store": {"kind": "s3", "url": BUCKET["url"], "region": "eu-west-1", "credentials": "secret"},
        "serves": "namespaces",
        "namespaces": [{"name": "research", "quota": "none"}],
    },
    {
        "images": {"registries": REGISTRIES},
        "stores": {"default": {**BUCKET, "environment": {"AWS_REGION": "eu-west-1"}}},
    },
    namespace=False,
    enrolled=True,
)


@pytest.fixture(scope="module")
def kubectl() -> Path:
    """Give the program that renders: the one on PATH, else built from its module."""
    try:
        return locate_kubectl()
    except KustomizeError:
        return Binaries(ClusterSettings.from_environment(os.environ).cache).build((KUBECTL,), print)[KUBECTL]


def kustomized(kubectl: Path, directory: Path) -> list[Json]:
    command: list[str | Path] = [kubectl, "kustomize", directory]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return [one for one in yaml.load_all(text, Loader=yaml.CSafeLoader) if one]


def installed(one: Installation, kubectl: Path, folder: Path) -> list[Json]:
    """Return what the overlay installs, and what is made beside it."""
    images = DeployedImages(OPERATOR, WORKLOADS)
    laid = [DEPLOY / component for component in one.components]
    overlay = DEPLOY / "overlays" / one.overlay
    objects = kustomized(kubectl, write_overlay(folder, overlay, images, one.changes, laid))
    if one.namespace:
        objects += kustomized(kubectl, overlay / "namespace")
    if one.enrolled:
        objects += kustomized(kubectl, enrolment(folder.with_name("enrolment")))
    return [*objects, *one.made_beside]


def enrolment(folder: Path) -> Path:
    """Write what operator/deploy/README.md has for a namespace whose store is reached over the network."""
    folder.mkdir()
    deploy = os.path.relpath(DEPLOY, folder.resolve())
    fields = {"resources": [f"{deploy}/namespace"], "components": [f"{deploy}/components/s3-egress"]}
    text = yaml.safe_dump({"namespace": "research", **fields})
    (folder / "kustomization.yaml").write_text(text, encoding="utf-8")
    return folder


def named(objects: Iterable[Json]) -> dict[tuple[str, str, str], Json]:
    """Return objects by kind, namespace and name, each as it means: no digests of ConfigMaps, settings as read."""
    found: dict[tuple[str, str, str], Json] = {}
    for this in objects:
        plain = _without_digests(this)
        if plain["kind"] == "ConfigMap" and plain["metadata"]["name"] == "tradeplane-settings":
            read = yaml.safe_load(plain["data"]["settings.yaml"])
            plain["data"] = {"settings.yaml": Settings.model_validate(read)}
        name = (plain["kind"], plain["metadata"].get("namespace", ""), plain["metadata"]["name"])
        assert name not in found, name
        found[name] = plain
    return found


def _without_digests(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_digests(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_digests(one) for one in value]
    if isinstance(value, str):
        return re.sub(r"^(tradeplane-(?:settings|ledger-heads))-[a-z0-9]{10}$", r"\1", value)
    return value


@pytest.mark.parametrize("one", [EMBEDDED, KIND, RELEASE, SINGLE], ids=lambda one: one.overlay)
def test_a_platform_is_object_by_object_what_the_overlay_installs(
    one: Installation, kubectl: Path, tmp_path: Path
) -> None:
    wanted = named(installed(one, kubectl, tmp_path / "overlay"))
    found = named(rendered(one.config))
    assert found.keys() == wanted.keys()
    for name, this in wanted.items():
        assert found[name] == this, name


@pytest.mark.parametrize(
    ("part", "kind", "name"),
    [
        ("ledger", "Deployment", "tradeplane-recorder"),
        ("architecture", "Deployment", "tradeplane-operator"),
        ("evidence", "ConfigMap", "tradeplane-settings"),
        ("registries", "ConfigMap", "tradeplane-settings"),
    ],
)
def test_whatever_is_left_out_of_the_configuration_is_missed(
    part: str, kind: str, name: str, kubectl: Path, tmp_path: Path
) -> None:
    """The comparison sees what it is to see."""
    wanted = named(installed(EMBEDDED, kubectl, tmp_path / "overlay"))
    found = named(rendered({key: value for key, value in EMBEDDED.config.items() if key != part}))
    this = (kind, "tradeplane-system", name)
    assert found.get(this) != wanted[this]
