"""What is scanned: objects as kustomize renders them, each kustomization in at least one rendering.

Components are rendered laid over what they are meant for. Images are named by a digest, as whoever deploys names them
(``tradeplane_stacks.deployment``).
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import yaml
from tradeplane_stacks.deployment import DeployedImages, write_overlay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CHECKOUT = Path(__file__).parents[2]
DEPLOY = CHECKOUT / "operator" / "deploy"
POLICIES = CHECKOUT / "policies"
_RENDERS_WITHIN_S = 60

IMAGES = DeployedImages(
    operator=f"registry.example/tradeplane/operator@sha256:{'a' * 64}",
    workloads=f"registry.example/tradeplane/workloads@sha256:{'b' * 64}",
)

OPERATORS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "cluster-wide": (
            "file-store-removal",
            "image-trust",
            "keyless-signing",
            "monitoring",
            "pod-identity-egress",
            "registry-egress",
            "sigstore-egress",
        ),
        "embedded": ("approvals", "../overlays/embedded/ledger", "queues", "multikueue", "multikueue-worker"),
        "kind": (),
        "single-namespace": ("evidence", "snapshot-keys"),
    }
)
"""Overlays of the operator, and the components that are laid over each."""

NAMESPACE = ("broker-egress", "local-queue", "quota", "registry-egress", "runs-pod-identity-egress", "s3-egress")
"""Components of a namespace that runs work."""


def render(kubectl: Path, folder: Path) -> dict[str, str]:
    """Render everything, by name, into YAML; what is written on the way lies in a folder.

    Raises:
        subprocess.CalledProcessError: kustomize refuses one.

    """

    def kustomize(directory: Path) -> str:
        command: list[str | Path] = [kubectl, "kustomize", directory]
        environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=_RENDERS_WITHIN_S, env=environment
        )
        return done.stdout

    rendered = {
        f"operator-{overlay}": kustomize(
            write_overlay(
                folder / overlay,
                DEPLOY / "overlays" / overlay,
                IMAGES,
                components=[DEPLOY / "components" / one for one in components],
            )
        )
        for overlay, components in OPERATORS.items()
    }
    rendered["namespace"] = kustomize(_namespace(folder / "namespace"))
    rendered |= _others(kustomize)
    return rendered


def _namespace(directory: Path) -> Path:
    directory.mkdir(parents=True)
    kustomization = {
        "namespace": "research",
        "resources": [os.path.relpath(DEPLOY / "namespace", directory.resolve())],
        "components": [os.path.relpath(DEPLOY / "components" / one, directory.resolve()) for one in NAMESPACE],
    }
    (directory / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    return directory


def _others(kustomize: Callable[[Path], str]) -> dict[str, str]:
    overlays = DEPLOY / "overlays"
    rendered = {f"{place}-namespace": kustomize(overlays / place / "namespace") for place in ("embedded", "kind")}
    # Together, as no policy is a matter of another's, and each start of a scanner takes its time.
    policies = (one.parent for one in sorted(POLICIES.glob("*/*/kustomization.yaml")) if one.parent.name != "base")
    return rendered | {"policies": "---\n".join(kustomize(policy) for policy in policies)}
