"""What is applied to a cluster, each as one file of YAML: the kinds, the operator with its images by digest, policies.

kustomize renders them, by the kubectl whose sources are pinned beside the embedded cluster's: another one could write
the same objects in other bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_stacks.deployment import write_overlay
from tradeplane_stacks.images.programs import run

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_stacks.deployment import DeployedImages

OVERLAY = "operator/deploy/overlays/cluster-wide"
"""What is installed: an operator of the whole cluster, with its store on a volume that the platform provides."""
_KINDS = "operator/deploy/crds"
_POLICIES = ("admission", "quotas")
"""Directories of ``policies`` that are applied to a cluster."""
_BASE = "base"
"""What others are made of, and is applied by nobody."""


def write_manifests(sources: Path, kubectl: Path, images: DeployedImages | None, target: Path) -> None:
    """Write the manifests of a release into a directory.

    Args:
        sources: of the release; a directory is written below.
        kubectl: the program.
        images: that are installed; without them there is nothing that installs the operator.
        target: the directory.

    Raises:
        ImageError: kustomize refuses one.

    """
    rendered = {"crds.yaml": sources / _KINDS}
    if images is not None:
        rendered["install.yaml"] = write_overlay(sources / "build/install", sources / OVERLAY, images)
    for group in _POLICIES:
        for policy in (sources / "policies" / group).glob("*/kustomization.yaml"):
            if policy.parent.name != _BASE:
                rendered[f"{group}-{policy.parent.name}.yaml"] = policy.parent
    for name, directory in sorted(rendered.items()):
        text = run(
            [kubectl, "kustomize", directory],
            purpose=f"rendering {name}",
            environment={"HOME": str(sources)},
            timeout_s=120,
        )
        (target / name).write_text(text, encoding="utf-8")
