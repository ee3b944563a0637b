"""What every pod of ours has: restricted Pod Security, and nothing that grants power."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_operator.planning.names import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_operator.settings import Jobs

_USER = 65532
_GRACE_SECONDS = 5
"""A pod of ours ends within moments of being asked; one that is still importing, as process 1, does not hear it."""


def restricted_pod(jobs: Jobs) -> dict[str, Any]:
    """Return the part of a pod's spec that is the same for all: no API token, no service links, no root."""
    return {
        "restartPolicy": "Never",
        "serviceAccountName": jobs.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": jobs.store_group,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def restricted_container() -> dict[str, Any]:
    """Return the security context of a container: it can gain nothing and write to nothing but its volumes."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def owner_reference(metadata: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return the reference by which garbage collection removes an object's Jobs with it."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": False,
    }
