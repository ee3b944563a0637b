"""Pods that run what somebody else wrote: on nodes of their own, without credentials, and shut off but for HTTPS."""

from typing import Annotated, Any

from pulumi_kubernetes import meta, networking
from pydantic import StringConstraints

from tradeplane_stacks.components.node_groups import ARCHITECTURE, DEDICATED

Cpu = Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]{0,2}|[1-9][0-9]{1,5}m)$")]
Memory = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}(Mi|Gi)$")]

# The addresses that give out credentials: instance metadata and pod identity (RFC 3927).
LINK_LOCAL = ("169.254.0.0/16",)
# With them, the network's own addresses (RFC 1918) and those of carriers (RFC 6598), which networks use as well.
INTERNAL = ("10.0.0.0/8", "100.64.0.0/10", *LINK_LOCAL, "172.16.0.0/12", "192.168.0.0/16")

CONTAINER: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What Pod Security's `restricted` asks of a container."""


def placed(dedicated: str) -> dict[str, Any]:
    """Return what puts a pod on the dedicated arm64 nodes, and only there."""
    return {
        "nodeSelector": {DEDICATED: dedicated, ARCHITECTURE: "arm64"},
        "tolerations": [
            {"key": DEDICATED, "operator": "Equal", "value": dedicated, "effect": "NoSchedule"},
            {"key": ARCHITECTURE, "operator": "Equal", "value": "arm64", "effect": "NoSchedule"},
        ],
        "automountServiceAccountToken": False,
    }


def resources(cpu: str, memory: str) -> dict[str, Any]:
    """Return requests and limits that are the same, so that a job is as fast at one time as at another."""
    both = {"cpu": cpu, "memory": memory}
    return {"requests": both, "limits": both}


def egress(*, inside: bool) -> list[networking.v1.NetworkPolicyEgressRuleArgs]:
    """Return whom pods may talk to: DNS of the cluster, and HTTPS outside, or anywhere where the API is needed too."""
    dns = networking.v1.NetworkPolicyEgressRuleArgs(
        to=[
            networking.v1.NetworkPolicyPeerArgs(
                namespace_selector=_labelled({"kubernetes.io/metadata.name": "kube-system"}),
                pod_selector=_labelled({"k8s-app": "kube-dns"}),
            )
        ],
        ports=[_port("UDP", 53), _port("TCP", 53)],
    )
    excepted = LINK_LOCAL if inside else INTERNAL
    block = networking.v1.IPBlockArgs(cidr="0.0.0.0/0", except_=list(excepted))
    to = networking.v1.NetworkPolicyPeerArgs(ip_block=block)
    return [dns, networking.v1.NetworkPolicyEgressRuleArgs(to=[to], ports=[_port("TCP", 443)])]


def _labelled(labels: dict[str, str]) -> meta.v1.LabelSelectorArgs:
    return meta.v1.LabelSelectorArgs(match_labels=labels)


def _port(protocol: str, port: int) -> networking.v1.NetworkPolicyPortArgs:
    return networking.v1.NetworkPolicyPortArgs(protocol=protocol, port=port)
