"""Laying the images that were built over an overlay of operator/deploy.

What is checked in names no registry and no digest; this writes a directory beside it that does, and leaves the rest to
kustomize: ``kubectl apply --server-side -k <directory>``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

OPERATOR_IMAGE = "tradeplane/operator"
"""Name of the operator's image in the manifests."""
_SETTINGS = "settings.yaml"


class UnpinnedImage(ValueError):
    """An image is not named by digest; the message names it."""


@dataclass(frozen=True)
class DeployedImages:
    """The operator's image and the runner's, each ``<registry>/<repository>@sha256:<digest>``.

    Raises:
        UnpinnedImage: when one has no digest.

    """

    operator: str
    workloads: str

    def __post_init__(self) -> None:
        for image in (self.operator, self.workloads):
            _, at, digest = image.partition("@")
            if not at or not digest.startswith("sha256:"):
                raise UnpinnedImage(f"{image} has no digest: name it as <registry>/<repository>@sha256:<digest>")


def write_overlay(
    directory: Path,
    overlay: Path,
    images: DeployedImages,
    changes: Mapping[str, Any] | None = None,
    components: Sequence[Path] = (),
) -> Path:
    """Write a kustomization of an overlay with these images into a directory, and return the directory.

    ``changes`` replaces whole sections of the overlay's settings, such as ``{"limits": {"runs": 4000}}``.
    ``components`` are laid over it, in their order.
    """
    directory.mkdir(parents=True, exist_ok=True)
    settings = yaml.safe_load((overlay / _SETTINGS).read_text(encoding="utf-8")) | dict(changes or {})
    laid_over = operator_kustomization(
        [os.path.relpath(overlay.resolve(), directory.resolve())],
        [os.path.relpath(one.resolve(), directory.resolve()) for one in components],
        images,
        settings,
        replaces=True,
    )
    for name, text in laid_over.items():
        (directory / name).write_text(text, encoding="utf-8")
    return directory


def operator_kustomization(
    resources: Sequence[str],
    components: Sequence[str],
    images: DeployedImages,
    settings: Mapping[str, Any],
    *,
    replaces: bool = False,
    patches: Sequence[Mapping[str, Any]] = (),
) -> dict[str, str]:
    """Return the files of a kustomization of the operator: with these images and settings, by their names.

    ``replaces`` says that one of the resources has settings already. Of ``settings``, the runner's image is set here.
    """
    name, _, digest = images.operator.partition("@")
    generated = {"name": "tradeplane-settings", "namespace": "tradeplane-system", "files": [_SETTINGS]}
    kustomization = {
        "resources": [*resources],
        **({"components": [*components]} if components else {}),
        "images": [{"name": OPERATOR_IMAGE, "newName": name, "digest": digest}],
        "configMapGenerator": [{**generated, **({"behavior": "replace"} if replaces else {})}],
        **({"patches": [*patches]} if patches else {}),
    }
    used = {**settings, "images": {**settings.get("images", {}), "default": images.workloads}}
    return {"kustomization.yaml": kustomization_text(kustomization), _SETTINGS: yaml.safe_dump(used, sort_keys=False)}


def kustomization_text(fields: Mapping[str, Any]) -> str:
    """Return a kustomization of these fields, as YAML."""
    document = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", **fields}
    return yaml.safe_dump(document, sort_keys=False)
