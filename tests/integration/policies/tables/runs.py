"""What would pass for a run, or get at one, asked by those who may do anything in a namespace and nothing to it."""

from collections.abc import Callable
from typing import Any

from tests.integration.policies.cases import (
    EDITORS,
    JOB_CONTROLLER,
    NAMESPACE_ADMINISTRATORS,
    OPERATOR,
    Case,
    Table,
)
from tests.integration.policies.objects import IMAGE, container, named, pod
from tests.integration.policies.server import Json

_GUARDED = {"tradeplane.dev/runs": "guarded"}
_RUN = {"tradeplane.dev/run": "x"}
_LABELS, _VOLUMES, _COUNTED = (
    "are of what the tradeplane operator makes",
    "are mounted by pods of",
    "by their controllers alone",
)
_NODE, _SCHEDULER = "system:node:node-1", "system:kube-scheduler"
_OTHERS = (
    "system:serviceaccount:research:tradeplane-operator",
    "system:serviceaccount:tradeplane-system:default",
    "system:serviceaccount:kube-systems:job-controller",
    "system:nodes:node-1",
    "system:kubelet",
)


def _template(**changes: Any) -> Json:
    """Return what pods are made of; its labels are those that its maker selects by, and others."""
    labels = {"app": "a", **changes.pop("labels", {})}
    made = pod(labels=labels, restartPolicy=changes.pop("restartPolicy", "Always"), **changes)
    return {"metadata": {"labels": labels}, "spec": made["spec"]}


def _selecting(kind: str, version: str = "apps/v1", **changes: Any) -> Json:
    """Return an object of a kind that makes pods and selects them by a label."""
    more = changes.pop("spec", {})
    selector: Json = {"app": "a"} if kind == "ReplicationController" else {"matchLabels": {"app": "a"}}
    return named(kind, "made", {"selector": selector, "template": _template(**changes), **more}, version)


def _job(**changes: Any) -> Json:
    metadata = changes.pop("metadata", {})
    spec = {"template": _template(restartPolicy="Never", **changes)}
    return named("Job", "made", spec, "batch/v1", **metadata)


def _cron_job(**changes: Any) -> Json:
    spec = {"schedule": "@daily", "jobTemplate": {"spec": _job(**changes)["spec"]}}
    return named("CronJob", "made", spec, "batch/v1")


def _stateful(*claims: str) -> Json:
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    templates = [{"metadata": {"name": name}, "spec": asked} for name in claims]
    return _selecting("StatefulSet", spec={"serviceName": "a", "volumeClaimTemplates": templates})


def _mounting(*claims: str) -> list[Json]:
    return [
        {"name": "scratch", "emptyDir": {}},
        *({"name": f"v{n}", "persistentVolumeClaim": {"claimName": claim}} for n, claim in enumerate(claims)),
    ]


def _owned(**labels: str) -> Json:
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "a", "uid": "0"}
    made = pod(labels=labels)
    return {**made, "metadata": {**made["metadata"], "ownerReferences": [owner]}}


def _patched(kind: str = "Pod", version: str = "v1", spec: Json | None = None, **metadata: Any) -> Json:
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec or {}}


_MAKERS: dict[str, Callable[..., Json]] = {
    "a Job": _job,
    "a CronJob": _cron_job,
    "a ReplicationController": lambda **changes: _selecting("ReplicationController", "v1", **changes),
    "a Deployment": lambda **changes: _selecting("Deployment", **changes),
    "a ReplicaSet": lambda **changes: _selecting("ReplicaSet", **changes),
    "a StatefulSet": lambda **changes: _selecting("StatefulSet", spec={"serviceName": "a"}, **changes),
    "a DaemonSet": lambda **changes: _selecting("DaemonSet", **changes),
}
_LOOKING = _patched(
    spec={"ephemeralContainers": [{"name": "look", "image": IMAGE, "terminationMessagePolicy": "File"}]}
)
_RESIZED = _patched(
    spec={
        "containers": [
            container(resources={"requests": {"cpu": "200m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}})
        ]
    }
)

WORK = Table(
    "runs",
    "tradeplane-work",
    labels=_GUARDED,
    within=EDITORS,
    standing=(
        pod(name="plain", labels={"team": "a"}),
        pod(name="running", labels=_RUN),
        {**_job(), "metadata": {"name": "running", "labels": _RUN}},
        *({**make(), "metadata": {"name": "standing"}} for make in _MAKERS.values()),
    ),
    cases=(
        Case("a pod of one's own", pod()),
        Case("a pod with a label of a run", pod(labels=_RUN), _LABELS),
        Case("a pod that says it is ours", pod(labels={"app.kubernetes.io/managed-by": "tradeplane"}), _LABELS),
        Case("a pod that something else manages", pod(labels={"app.kubernetes.io/managed-by": "helm"})),
        Case("a pod with a label that says tradeplane", pod(labels={"team": "tradeplane"})),
        Case("a pod with a label of a run and another", pod(labels={"team": "a", **_RUN}), _LABELS),
        *(
            Case(f"a pod with a label of a run, by {user}", pod(labels=_RUN), user=user)
            for user in (OPERATOR, JOB_CONTROLLER, _NODE, _SCHEDULER)
        ),
        *(Case(f"a pod with a label of a run, by {user}", pod(labels=_RUN), _LABELS, user=user) for user in _OTHERS),
        Case(
            "a pod with a label of a run, by who may change namespaces",
            pod(labels=_RUN),
            groups=(NAMESPACE_ADMINISTRATORS,),
        ),
        Case("a Job with a label of a run", _job(metadata={"labels": _RUN}), _LABELS),
        *(Case(f"{name} of one's own", make()) for name, make in _MAKERS.items()),
        *(Case(f"{name} that makes pods of a run", make(labels=_RUN), _LABELS) for name, make in _MAKERS.items()),
        *(
            Case(f"{name} whose pods mount results", make(volumes=_mounting("tradeplane-store")), _VOLUMES)
            for name, make in _MAKERS.items()
        ),
        Case("a pod that mounts its own volume", pod(volumes=_mounting("own"))),
        Case("a pod that mounts results", pod(volumes=_mounting("tradeplane-store")), _VOLUMES),
        Case("a pod that mounts results beside its own", pod(volumes=_mounting("own", "tradeplane-store")), _VOLUMES),
        Case("a pod that mounts results, by the operator", pod(volumes=_mounting("tradeplane-store")), user=OPERATOR),
        Case("a pod that mounts sessions", pod(volumes=_mounting("sessions-desk-0")), _VOLUMES),
        Case("a StatefulSet with claims of its own", _stateful("data")),
        Case("a StatefulSet that claims sessions", _stateful("sessions"), _VOLUMES),
        Case("a StatefulSet that claims sessions beside its own", _stateful("data", "sessions"), _VOLUMES),
        Case("a StatefulSet that claims sessions, by the operator", _stateful("sessions"), user=OPERATOR),
        Case("a pod with an owner", _owned(), _COUNTED),
        Case("a pod with an owner, by the controller of Jobs", _owned(), user=JOB_CONTROLLER),
        Case("a Job with an owner", {**_job(), "metadata": _owned()["metadata"]}),
        Case("a pod counted as a Job's", pod(labels={"batch.kubernetes.io/controller-uid": "0"}), _COUNTED),
        Case("a pod counted as a StatefulSet's", pod(labels={"statefulset.kubernetes.io/pod-name": "a"}), _COUNTED),
        Case("a pod is annotated", _patched(annotations={"a": "b"}), of="plain"),
        Case("a pod of a run is annotated", _patched(annotations={"a": "b"}), of="running"),
        Case("a pod becomes one of a run", _patched(labels=_RUN), _LABELS, of="plain"),
        Case("a pod of a run is labelled otherwise", _patched(labels={"team": "b"}), _LABELS, of="running"),
        Case(
            "a pod becomes owned",
            _patched(ownerReferences=_owned()["metadata"]["ownerReferences"]),
            _COUNTED,
            of="plain",
        ),
        Case(
            "a pod runs another image",
            _patched(spec={"containers": [container(image=IMAGE.replace("a" * 64, "b" * 64))]}),
            of="plain",
        ),
        Case(
            "a pod of a run runs another image",
            _patched(spec={"containers": [container(image=IMAGE.replace("a" * 64, "b" * 64))]}),
            _LABELS,
            of="running",
        ),
        Case("a pod is looked into", _LOOKING, of="plain", subresource="ephemeralcontainers"),
        Case("a pod of a run is looked into", _LOOKING, _LABELS, of="running", subresource="ephemeralcontainers"),
        Case("a pod is resized", _RESIZED, of="plain", subresource="resize"),
        Case("a pod of a run is resized", _RESIZED, _LABELS, of="running", subresource="resize"),
        Case("a Job of a run is let go on", _patched("Job", "batch/v1", {"suspend": True}), _LABELS, of="running"),
        Case(
            "a Job of a run is stopped, by the operator",
            _patched("Job", "batch/v1", {"suspend": True}),
            user=OPERATOR,
            of="running",
        ),
        *(
            Case(
                f"{name} becomes one of a run",
                _patched(body["kind"], body["apiVersion"], labels=_RUN),
                _LABELS,
                of="standing",
            )
            for name, body in ((name, make()) for name, make in _MAKERS.items())
        ),
        Case("a pod of a run where runs are not guarded", pod(labels=_RUN), outside=True),
    ),
)

_ENTERED, _NETWORK = "are entered by nobody but", "are changed by who administers the cluster"
_NO_HOST = "does not have a host assigned"
_WAYS = {"exec": _NO_HOST, "attach": _NO_HOST, "portforward": _NO_HOST, "proxy": "address not allowed"}
"""Each with how the API server ends it for a pod that is on no node."""


def _entering(way: str, refused: str = "", ends: str = "", **asked: Any) -> Case:
    name = f"a pod is entered by {way}, {asked}"
    return Case(name, _patched(), refused, of="standing", subresource=way, verb="CONNECT", ends=ends, **asked)


def _network(name: str = "made") -> Json:
    return named("NetworkPolicy", name, {"podSelector": {}}, "networking.k8s.io/v1")


_LABELLED = _patched("NetworkPolicy", "networking.k8s.io/v1", labels={"a": "b"})
WAYS_IN = Table(
    "runs",
    "tradeplane-ways-in",
    labels=_GUARDED,
    within=EDITORS,
    standing=(pod(name="standing"), _network("standing")),
    cases=(
        *(_entering(way, _ENTERED) for way in _WAYS),
        *(_entering(way, _ENTERED, user=OPERATOR) for way in _WAYS),
        *(_entering(way, ends=ends, groups=(NAMESPACE_ADMINISTRATORS,)) for way, ends in _WAYS.items()),
        *(_entering(way, ends=ends, outside=True) for way, ends in _WAYS.items()),
        Case("a network is opened", _network(), _NETWORK),
        Case("a network is opened, by the operator", _network(), _NETWORK, user=OPERATOR),
        Case("a network is opened, by a controller", _network(), user=JOB_CONTROLLER),
        Case(
            "a network is opened, by one of nearly its name",
            _network(),
            _NETWORK,
            user="system:serviceaccount:kube-systems:a",
        ),
        Case("a network is opened, by who may change namespaces", _network(), groups=(NAMESPACE_ADMINISTRATORS,)),
        Case("a network is opened where runs are not guarded", _network(), outside=True),
        Case("a network is changed", _LABELLED, _NETWORK, of="standing"),
        Case(
            "a network is changed, by who may change namespaces",
            _LABELLED,
            of="standing",
            groups=(NAMESPACE_ADMINISTRATORS,),
        ),
        Case("a network is taken away", _network("standing"), _NETWORK, of="standing", verb="DELETE"),
        Case(
            "a network is taken away, by who may change namespaces",
            _network("standing"),
            of="standing",
            verb="DELETE",
            groups=(NAMESPACE_ADMINISTRATORS,),
        ),
    ),
)
