"""The StatefulSet of a trader and the Job that closes what it left: one volume, one image, one specification.

Both are written from the record of the session and not from the spec, but for what says where and with how much of a
node a pod runs. The closing alone may reach the store.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_api.paper import HEALTH_PORT, IMAGE_VARIABLE, PAPER_VARIABLE, SESSIONS_VARIABLE
from tradeplane_api.probe import API_KEY_FILE, API_SECRET_FILE, CREDENTIALS_VARIABLE
from tradeplane_api.strategy import Architecture, Resources

from tradeplane_operator.planning.names import (
    MANAGED_BY,
    MANAGED_BY_LABEL,
    ROLE_LABEL,
    STORE_LABEL,
    STRATEGY_UID_LABEL,
)
from tradeplane_operator.planning.paper_names import TRADER_ROLE, claim_name, claim_template, trader_name
from tradeplane_operator.planning.restricted import owner_reference, restricted_container, restricted_pod
from tradeplane_operator.planning.work import Work, build_work, literal, on_architecture, quantities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.session import ClosingStatus, SessionStatus
    from tradeplane_api.strategy import StrategySpec

    from tradeplane_operator.settings import Settings

CONTAINER = "trader"
_COMMAND = ("/usr/bin/python3", "-m", "tradeplane_workloads.paper")
_SESSIONS_PATH = "/sessions"
_CREDENTIALS_PATH = "/credentials"
_READABLE_BY_GROUP = 0o440
_STOP_SECONDS = 15
"""A trader ends within ten seconds of being told to."""
_START_PROBES = 90
_PROBE_SECONDS = 2
"""A trader that does not answer three minutes after its start is started again."""
_BACKOFF_LIMIT = 3


@dataclass(frozen=True, slots=True)
class Placement:
    """Where pods of a session run, and with how much of a node."""

    resources: Resources
    architecture: Architecture

    @classmethod
    def of(cls, spec: StrategySpec | None) -> Placement:
        """Return what a spec says; one that cannot be read says nothing."""
        if spec is None:
            return cls(Resources(), Architecture.ANY)
        return cls(spec.resources, spec.architecture)


@dataclass(frozen=True, slots=True)
class _Limits:
    """What the Job of a closing may use."""

    resources: Resources
    active_deadline_seconds: int
    backoff_limit: int = _BACKOFF_LIMIT


def build_trader(
    metadata: Mapping[str, Any], session: SessionStatus, placement: Placement, settings: Settings, *, replicas: int
) -> dict[str, Any]:
    """Return the manifest of a trader's StatefulSet, to be applied.

    Pods are made in parallel, though there is one: else a pod that never becomes ready would not be replaced by one of
    a template that was put right.
    """
    name, uid = trader_name(metadata["name"], metadata["uid"]), metadata["uid"]
    labels = _labels(uid)
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [owner_reference(metadata, "Strategy")],
        },
        "spec": {
            "replicas": replicas,
            "serviceName": name,
            "podManagementPolicy": "Parallel",
            "revisionHistoryLimit": 2,
            "selector": {"matchLabels": labels},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "template": {
                "metadata": {"labels": labels | {STORE_LABEL: "none"}},
                "spec": _trader_pod(uid, session, placement, settings),
            },
            "volumeClaimTemplates": [_claim(uid, session)],
        },
    }


def _labels(uid: str) -> dict[str, str]:
    return {MANAGED_BY_LABEL: MANAGED_BY, STRATEGY_UID_LABEL: uid, ROLE_LABEL: TRADER_ROLE}


def _claim(uid: str, session: SessionStatus) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": session.volume.size}},
    }
    if session.volume.storage_class_name is not None:
        spec["storageClassName"] = session.volume.storage_class_name
    return {"metadata": {"name": claim_template(uid), "labels": _labels(uid)}, "spec": spec}


def _trader_pod(uid: str, session: SessionStatus, placement: Placement, settings: Settings) -> dict[str, Any]:
    pod = {
        **restricted_pod(settings.jobs),
        **on_architecture(placement.architecture),
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": _STOP_SECONDS,
        "containers": [_trader_container(session, placement)],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": settings.jobs.temporary_size}}],
    }
    _add_session(pod, session, claim_template(uid))
    return pod


def _trader_container(session: SessionStatus, placement: Placement) -> dict[str, Any]:
    return {
        "name": CONTAINER,
        "image": session.image,
        "command": list(_COMMAND),
        "env": [{"name": PAPER_VARIABLE, "value": literal(session.specification)}],
        "ports": [{"name": "health", "containerPort": HEALTH_PORT, "protocol": "TCP"}],
        "startupProbe": _answers("/healthz", _START_PROBES),
        "livenessProbe": _answers("/healthz", 10),
        "readinessProbe": _answers("/readyz", 3),
        "resources": quantities(placement.resources),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - a volume of the pod's own
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": restricted_container(),
    }


def _answers(path: str, failures: int) -> dict[str, Any]:
    asked = {"path": path, "port": "health"}
    return {"httpGet": asked, "periodSeconds": _PROBE_SECONDS, "timeoutSeconds": 2, "failureThreshold": failures}


def _add_session(pod: dict[str, Any], session: SessionStatus, volume: str) -> None:
    """Mount the volume of sessions, and the Secret where there is one, into a pod's only container.

    As for a probe, the Secret may be missing: what cannot read it says so, while a pod that waits for it would not.
    """
    (container,) = pod["containers"]
    container["env"].append({"name": SESSIONS_VARIABLE, "value": _SESSIONS_PATH})
    container["volumeMounts"].append({"name": volume, "mountPath": _SESSIONS_PATH})
    secret = json.loads(session.specification).get("secret")
    if secret is None:
        return
    files = [{"key": file, "path": file} for file in (API_KEY_FILE, API_SECRET_FILE)]
    mounted = {"secretName": secret, "optional": True, "defaultMode": _READABLE_BY_GROUP, "items": files}
    pod["volumes"].append({"name": "credentials", "secret": mounted})
    container["env"].append({"name": CREDENTIALS_VARIABLE, "value": _CREDENTIALS_PATH})
    container["volumeMounts"].append({"name": "credentials", "mountPath": _CREDENTIALS_PATH, "readOnly": True})


def build_closing(
    metadata: Mapping[str, Any],
    session: SessionStatus,
    closing: ClosingStatus,
    store: str,
    placement: Placement,
    settings: Settings,
) -> dict[str, Any]:
    """Return the manifest of the Job of a closing, ready to be posted."""
    work = Work(
        name=closing.name,
        owner_label=STRATEGY_UID_LABEL,
        image=session.image,
        architecture=placement.architecture,
        store=store,
        variable=PAPER_VARIABLE,
        specification=session.specification,
        command=(*_COMMAND, "--close", closing.way.value, "--within", str(closing.within_seconds)),
    )
    deadline = closing.within_seconds + settings.pace.closing_grace_seconds
    job = build_work(metadata, _Limits(placement.resources, deadline), work, settings)
    template = job["spec"]["template"]
    template["metadata"] = {"labels": {**template["metadata"]["labels"], ROLE_LABEL: TRADER_ROLE}}
    claim = {"claimName": claim_name(metadata["name"], metadata["uid"])}
    template["spec"]["volumes"].append({"name": "sessions", "persistentVolumeClaim": claim})
    _add_session(template["spec"], session, "sessions")
    template["spec"]["containers"][0]["env"].append({"name": IMAGE_VARIABLE, "value": session.image})
    return job
