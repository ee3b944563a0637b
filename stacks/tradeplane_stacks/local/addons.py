"""Objects that a cluster needs in its API before anything else: who may do what, and the name server.

CoreDNS runs as an ordinary Deployment in ``kube-system`` with the label that everybody's NetworkPolicy names
(``k8s-app: kube-dns``), so that policies written for other clusters mean the same here.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradeplane_stacks.local.settings import Settings

_LABELS = {"k8s-app": "kube-dns"}
_RBAC = "rbac.authorization.k8s.io"
COREFILE = """\
cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {
    errors
    health :8080 {
        lameduck 1s
    }
    ready :8181
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 5
    }
    cache 5
}
.:53 {
    errors
    template IN ANY . {
        rcode NXDOMAIN
    }
}
"""
"""Names of this cluster and no others: it cannot reach any other name server."""


def access() -> list[dict[str, Any]]:
    """Roles for the API server's own calls to kubelets, for the NetworkPolicy enforcer, and for the name server."""
    watch = ["get", "list", "watch"]
    return [
        _binding("tradeplane:kubelet-api", "system:kubelet-api-admin", _user("kube-apiserver-kubelet-client")),
        _role(
            "system:tradeplane:network-policy",
            [
                {"apiGroups": [""], "resources": ["pods", "namespaces", "nodes"], "verbs": watch},
                {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": watch},
            ],
        ),
        _binding(
            "system:tradeplane:network-policy",
            "system:tradeplane:network-policy",
            _user("system:tradeplane:network-policy"),
        ),
        _role(
            "system:coredns",
            [
                {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": ["list", "watch"]},
                {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
            ],
        ),
        _binding(
            "system:coredns",
            "system:coredns",
            {"kind": "ServiceAccount", "name": "coredns", "namespace": "kube-system"},
        ),
    ]


def name_server(settings: Settings, image: str) -> list[dict[str, Any]]:
    """CoreDNS on the node that is not emulated, behind the Service address that kubelets tell to pods."""
    configuration = hashlib.sha256(COREFILE.encode()).hexdigest()[:16]
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata("coredns")},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata("coredns"), "data": {"Corefile": COREFILE}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": _metadata("coredns"),
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": _LABELS},
                "template": {
                    # it reads its configuration once: another configuration makes another pod
                    "metadata": {"labels": _LABELS, "annotations": {"tradeplane.dev/configuration": configuration}},
                    "spec": _name_server_pod(image),
                },
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": _metadata("kube-dns"),
            "spec": {
                "clusterIP": str(settings.dns_address),
                "selector": _LABELS,
                "ports": [
                    {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
                    {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
                ],
            },
        },
    ]


def _name_server_pod(image: str) -> dict[str, Any]:
    return {
        "serviceAccountName": "coredns",
        "priorityClassName": "system-cluster-critical",
        "dnsPolicy": "Default",
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "coredns",
                "image": image,
                "imagePullPolicy": "Never",
                "args": ["-conf", "/etc/coredns/Corefile"],
                "ports": [
                    {"name": "dns", "containerPort": 53, "protocol": "UDP"},
                    {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
                ],
                "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 2},
                "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}, "initialDelaySeconds": 30},
                "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
            }
        ],
        "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
    }


def _metadata(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": "kube-system", "labels": _LABELS}


def _user(name: str) -> dict[str, Any]:
    return {"kind": "User", "name": name, "apiGroup": _RBAC}


def _role(name: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}


def _binding(name: str, role: str, subject: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"kind": "ClusterRole", "name": role, "apiGroup": _RBAC},
        "subjects": [subject],
    }
