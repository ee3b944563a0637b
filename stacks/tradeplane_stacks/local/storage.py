"""PersistentVolumes of the embedded cluster: directories of the machine, the same on both nodes.

The store of a namespace is one directory below ``volumes/store``; tenants see their own, the operator sees all of
them. A volume and its claim name each other, so that neither can be bound to anything else.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tradeplane_stacks.local.images import NOBODY

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_stacks.local.layout import Layout

CLAIM = "tradeplane-store"
"""Name of the claim, in every namespace."""
OPERATOR_NAMESPACE = "tradeplane-system"
"""Where the operator runs, which sees the stores of all namespaces."""
STORE_MODE = 0o2770
"""What anyone puts into a store belongs to its group: what root imports, the operator and runs must read."""
_NOMINAL_SIZE = "100Gi"  # a directory has no size of its own; Kubernetes wants one to be written


def store_volume(layout: Layout, namespace: str) -> list[dict[str, Any]]:
    """Manifests of the store of one namespace: a PersistentVolume and the claim bound to it.

    The directory itself is made by :func:`make_store`.
    """
    return _bound(f"{CLAIM}-{namespace}", namespace, layout.store / namespace)


def operator_store_volume(layout: Layout, namespace: str = OPERATOR_NAMESPACE) -> list[dict[str, Any]]:
    """Manifests of the operator's view: every namespace's store below one directory."""
    return _bound(f"{CLAIM}-all", namespace, layout.store)


def make_store(layout: Layout, namespace: str | None = None) -> Path:
    """Make the directory of a namespace's store, or of all stores; its owner is the user that runs have (65532).

    Needs root, to give it away.
    """
    layout.volumes.mkdir(parents=True, exist_ok=True)
    directory = layout.store if namespace is None else layout.store / namespace
    if namespace is not None:
        make_store(layout)
    directory.mkdir(exist_ok=True)
    os.chown(directory, NOBODY, NOBODY)
    directory.chmod(STORE_MODE)
    return directory


def heads_folder(layout: Layout) -> Path:
    """Where the audit ledger's heads lie: beside the namespaces' stores, where the operator's namespace has none."""
    return layout.store / OPERATOR_NAMESPACE / "ledger-heads"


def make_heads(layout: Layout) -> None:
    """Make that folder, for the recorder to write to. Needs root, to give it away."""
    make_store(layout, OPERATOR_NAMESPACE)
    directory = heads_folder(layout)
    directory.mkdir(exist_ok=True)
    os.chown(directory, NOBODY, NOBODY)
    directory.chmod(STORE_MODE)


def _bound(name: str, namespace: str, directory: Path) -> list[dict[str, Any]]:
    modes = ["ReadWriteMany"]
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                "capacity": {"storage": _NOMINAL_SIZE},
                "accessModes": modes,
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": "",
                "hostPath": {"path": str(directory), "type": "Directory"},
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "namespace": namespace,
                    "name": CLAIM,
                },
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": CLAIM, "namespace": namespace},
            "spec": {
                "accessModes": modes,
                "storageClassName": "",
                "volumeName": name,
                "resources": {"requests": {"storage": _NOMINAL_SIZE}},
            },
        },
    ]
