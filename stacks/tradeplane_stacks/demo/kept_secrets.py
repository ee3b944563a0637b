"""Secrets of the demo, which the cluster is the authority on: another checkout finds the same."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_stacks.demo.programs import Kubectl


def read_secret(kubectl: Kubectl, namespace: str, name: str) -> dict[str, bytes] | None:
    """Return the files of a Secret; None where there is none. Raises DemoError."""
    found = kubectl("get", "secret", name, "-n", namespace, "--ignore-not-found", "-o", "yaml")
    if not found.strip():
        return None
    return {file: base64.b64decode(content) for file, content in yaml.safe_load(found)["data"].items()}


def apply_secret(kubectl: Kubectl, namespace: str, name: str, files: Mapping[str, bytes]) -> None:
    """Apply a Secret from a file that only this user can read, and remove the file. Raises DemoError."""
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "data": {file: base64.b64encode(content).decode() for file, content in files.items()},
    }
    with tempfile.TemporaryDirectory(prefix="tradeplane-demo-") as directory:
        path = Path(directory) / "secret.yaml"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(manifest), encoding="utf-8")
        kubectl("apply", "--server-side", "--force-conflicts", "-f", path)
