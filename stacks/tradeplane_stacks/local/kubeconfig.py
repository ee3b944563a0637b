"""Kubeconfigs: one for each client, complete in itself so that it can be copied."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import yaml

from tradeplane_stacks.local.certificates import CLUSTER, Certificates, write_private

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def render(server: str, name: str, certificates: Certificates, leaf: str) -> str:
    """Render a kubeconfig as YAML for a server (``https://...``), a context name, and a client certificate."""

    def inline(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode("ascii")

    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": name,
                    "cluster": {
                        "server": server,
                        "certificate-authority-data": inline(certificates.certificate(CLUSTER)),
                    },
                }
            ],
            "users": [
                {
                    "name": leaf,
                    "user": {
                        "client-certificate-data": inline(certificates.certificate(leaf)),
                        "client-key-data": inline(certificates.key(leaf)),
                    },
                }
            ],
            "contexts": [{"name": name, "context": {"cluster": name, "user": leaf}}],
            "current-context": name,
        },
        sort_keys=False,
    )


def write_all(directory: Path, server: str, name: str, certificates: Certificates, clients: Sequence[str]) -> None:
    """Write a kubeconfig for each client certificate, named as it is, that only its owner can read."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for client in clients:
        write_private(directory / client, render(server, name, certificates, client).encode())
