"""The default StorageClass of the embedded cluster: a pool of directories, each a ``local`` volume of every node.

Kubernetes' own ``local`` volumes, made beforehand, because they are the part that suits one machine: a pod that is not
root may write to them (the kubelet gives them to its fsGroup, which it does not do for a hostPath), a claim waits for
its pod, and neither an image nor a process is needed. The controller-manager's hostpath provisioner makes hostPaths of
root's below /tmp; other provisioners start pods.

Nothing in Kubernetes cleans a local volume: one whose claim is gone is emptied, and made anew, at the next ``up``.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

from tradeplane_stacks.local.images import NOBODY
from tradeplane_stacks.local.storage import STORE_MODE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tradeplane_stacks.local.kubectl import Kubectl
    from tradeplane_stacks.local.layout import Layout

CLASS = "tradeplane-local"
VOLUMES = 32
"""How many claims there may be between two ``up``."""
_LABEL = "tradeplane.dev/pool"
_NOMINAL_SIZE = "100Gi"  # a directory has no size of its own; Kubernetes wants one to be written
_USED_UP = ("Released", "Failed")
"""Phases of a volume whose claim is gone."""


def storage_class() -> dict[str, Any]:
    """Manifest of the class that claims get which name none."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": CLASS, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Retain",
    }


def pool_volume(layout: Layout, number: int, nodes: Sequence[str]) -> dict[str, Any]:
    """Manifest of one volume: the same directory whichever of the nodes mounts it."""
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": list(nodes)}]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": _name(number), "labels": {_LABEL: CLASS}},
        "spec": {
            "capacity": {"storage": _NOMINAL_SIZE},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": CLASS,
            "local": {"path": str(_directory(layout, number))},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
        },
    }


def provide(client: Kubectl, layout: Layout, nodes: Sequence[str]) -> None:
    """Make the class and its volumes, those anew whose claim is gone. Needs root, to give directories away.

    Raises:
        CommandError: when the API server refuses.

    """
    found = client.get("pv", f"--selector={_LABEL}={CLASS}")["items"]
    used_up = {volume["metadata"]["name"] for volume in found if volume.get("status", {}).get("phase") in _USED_UP}
    for name in sorted(used_up):
        client.run("delete", "pv", name, "--wait=true")
    _make_directories(layout, anew={number for number in range(VOLUMES) if _name(number) in used_up})
    client.apply([storage_class(), *(pool_volume(layout, number, nodes) for number in range(VOLUMES))])


def _name(number: int) -> str:
    return f"{CLASS}-{number:02}"


def _directory(layout: Layout, number: int) -> Path:
    return layout.pool / f"{number:02}"


def _make_directories(layout: Layout, anew: Iterable[int]) -> None:
    """Make the directories of the pool, those of ``anew`` empty; their owner is the user that our pods have (65532)."""
    layout.pool.mkdir(parents=True, exist_ok=True)
    for number in anew:
        if _directory(layout, number).exists():
            shutil.rmtree(_directory(layout, number))
    for number in range(VOLUMES):
        directory = _directory(layout, number)
        if not directory.exists():
            directory.mkdir()
            os.chown(directory, NOBODY, NOBODY)
            directory.chmod(STORE_MODE)
