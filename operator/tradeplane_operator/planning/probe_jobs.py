"""The Job of a probe: the Secret is mounted into it, as two files, and into nothing else.

The mount is optional, so that a probe of a Secret that is not there starts and says which key is missing; a pod that
waits for a volume says so in an Event of the kubelet's alone. Each probe is a new pod, and so sees the Secret as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_api.broker_connection import endpoint_of
from tradeplane_api.probe import (
    API_KEY_FILE,
    API_SECRET_FILE,
    CREDENTIALS_VARIABLE,
    PROBE_VARIABLE,
    ProbeSpecification,
)

from tradeplane_operator.planning.names import (
    CONNECTION_UID_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    PROBE_ROLE,
    ROLE_LABEL,
    RUN_LABEL,
)
from tradeplane_operator.planning.restricted import owner_reference, restricted_container, restricted_pod

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.broker_connection import BrokerConnectionSpec

    from tradeplane_operator.settings import Settings

CONTAINER = "probe"
DEADLINE_SECONDS = 120
"""A probe takes half a minute at most; the rest is for its node and its image."""
_COMMAND = ["/usr/bin/python3", "-m", "tradeplane_workloads.brokers.probe"]
_CREDENTIALS_PATH = "/credentials"
_READABLE_BY_GROUP = 0o440
_RESOURCES = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}


def build_probe(
    metadata: Mapping[str, Any], spec: BrokerConnectionSpec, name: str, settings: Settings
) -> dict[str, Any]:
    """Return the manifest of a probe's Job, ready to be posted."""
    labels = {
        MANAGED_BY_LABEL: MANAGED_BY,
        CONNECTION_UID_LABEL: metadata["uid"],
        RUN_LABEL: name,
        ROLE_LABEL: PROBE_ROLE,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [owner_reference(metadata, "BrokerConnection")],
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": DEADLINE_SECONDS,
            "template": {"metadata": {"labels": labels}, "spec": _pod_spec(metadata, spec, settings)},
        },
    }


def _pod_spec(metadata: Mapping[str, Any], spec: BrokerConnectionSpec, settings: Settings) -> dict[str, Any]:
    secret = spec.credentials_secret_ref
    pod: dict[str, Any] = {**restricted_pod(settings.jobs), "containers": [_container(metadata, spec, settings)]}
    if secret is not None:
        files = [{"key": file, "path": file} for file in (API_KEY_FILE, API_SECRET_FILE)]
        mounted = {"secretName": secret.name, "optional": True, "defaultMode": _READABLE_BY_GROUP, "items": files}
        pod["volumes"] = [{"name": "credentials", "secret": mounted}]
    return pod


def _container(metadata: Mapping[str, Any], spec: BrokerConnectionSpec, settings: Settings) -> dict[str, Any]:
    secret = spec.credentials_secret_ref
    asked = ProbeSpecification(
        market=spec.market,
        endpoint=endpoint_of(spec, metadata["name"], metadata["namespace"]),
        secret=None if secret is None else secret.name,
        rate_limits=spec.rate_limits,
    )
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": settings.images.default,
        "command": _COMMAND,
        "env": [{"name": PROBE_VARIABLE, "value": asked.model_dump_json(exclude_none=True)}],
        "resources": _RESOURCES,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": restricted_container(),
    }
    if secret is not None:
        container["env"].append({"name": CREDENTIALS_VARIABLE, "value": _CREDENTIALS_PATH})
        container["volumeMounts"] = [{"name": "credentials", "mountPath": _CREDENTIALS_PATH, "readOnly": True}]
    return container
