"""The manifests of operator/deploy as they are checked in, before kustomize has seen them."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "operator" / "deploy"


def manifests(*kinds: str) -> list[tuple[Path, dict[str, Any]]]:
    """Return every object of these kinds (all kinds when none is named) and the file it stands in."""
    return [(path, deepcopy(document)) for path, document in _every() if not kinds or document["kind"] in kinds]


@cache
def _every() -> list[tuple[Path, dict[str, Any]]]:
    return [
        (path.relative_to(DEPLOY), document)
        for path in sorted(DEPLOY.rglob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if document and "kind" in document
    ]


def the(kind: str, name: str, within: str = "") -> dict[str, Any]:
    """Return the one object of a kind and a name, below a directory of operator/deploy."""
    (found,) = [
        document
        for path, document in manifests(kind)
        if document["metadata"]["name"] == name and path.is_relative_to(within or ".")
    ]
    return found
