"""What pods, namespaces and NetworkPolicies mean to a packet filter, parsed from the API's JSON.

The API's defaults are easy to get subtly wrong (an absent list means everything, an empty selector means all, an absent
one means none), so they are resolved here, once: after parsing, `None` always means "no restriction" and a tuple always
means "any one of these". The semantics are those of the API reference:
https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/

Only IPv4 is known: the embedded cluster has no IPv6 pods. An IPv6 ``ipBlock`` is accepted and matches nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv4Network, ip_network
from typing import Any, Self

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_LAST_PORT = 65535

Labels = Mapping[str, str]
Json = Mapping[str, Any]


class ObjectError(ValueError):
    """An object that cannot be understood; the message names the object and the field."""


class Protocol(StrEnum):
    """Transport protocols a policy can name; the values are nftables' names for them."""

    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read the API's upper-case name; absent means TCP."""
        try:
            return cls((text or "TCP").lower())
        except ValueError:
            raise ObjectError(f"protocol {text!r} is not one of TCP, UDP, SCTP") from None


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement of a label selector; `operator` is In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
            raise ObjectError(f"selector operator {self.operator!r} is not one of In, NotIn, Exists, DoesNotExist")

    def matches(self, labels: Labels) -> bool:
        """Whether labels meet the requirement; NotIn is met by a missing key, as Kubernetes has it."""
        if self.operator == "Exists":
            return self.key in labels
        if self.operator == "DoesNotExist":
            return self.key not in labels
        return (labels.get(self.key) in self.values) == (self.operator == "In")


@dataclass(frozen=True, slots=True)
class Selector:
    """A label selector: all requirements hold. The empty one matches everything."""

    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def parse(cls, spec: Json) -> Self:
        """Read `matchLabels` and `matchExpressions`."""
        labels = (Requirement(k, "In", frozenset({v})) for k, v in (spec.get("matchLabels") or {}).items())
        expressions = (
            Requirement(e["key"], e["operator"], frozenset(e.get("values") or ()))
            for e in spec.get("matchExpressions") or ()
        )
        return cls((*labels, *expressions))

    def matches(self, labels: Labels) -> bool:
        """Whether labels meet every requirement."""
        return all(requirement.matches(labels) for requirement in self.requirements)


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace's name and labels."""

    name: str
    labels: Labels

    @classmethod
    def parse(cls, obj: Json) -> Self:
        """Read a v1 Namespace."""
        return cls(_name(obj), dict(obj["metadata"].get("labels") or {}))


@dataclass(frozen=True, slots=True)
class NamedPort:
    """A container port that has a name, which policies may use in place of its number."""

    name: str
    protocol: Protocol
    port: int


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod with a network of its own; `address` is None until the pod has one.

    `created` (RFC 3339) settles which pod owns an address that two of them claim: the later one.
    """

    namespace: str
    name: str
    uid: str
    created: str
    address: IPv4Address | None
    labels: Labels
    ports: tuple[NamedPort, ...] = ()

    @classmethod
    def parse(cls, obj: Json) -> Self | None:
        """Read a v1 Pod; None for a pod that policies do not apply to.

        Those are pods on their node's network (their address is the node's) and finished ones (their address may be
        another pod's by now).
        """
        meta, spec, status = obj["metadata"], obj["spec"], obj.get("status") or {}
        if spec.get("hostNetwork") or status.get("phase") in ("Succeeded", "Failed"):
            return None
        return cls(
            namespace=meta["namespace"],
            name=_name(obj),
            uid=meta["uid"],
            created=meta.get("creationTimestamp") or "",
            address=_address(status),
            labels=dict(meta.get("labels") or {}),
            ports=_named_ports(spec),
        )


@dataclass(frozen=True, slots=True)
class PortMatch:
    """Ports of one protocol: a closed range of numbers, or a name that each destination pod resolves for itself."""

    protocol: Protocol
    first: int = 0
    last: int = _LAST_PORT
    name: str | None = None

    @classmethod
    def parse(cls, spec: Json) -> Self:
        """Read a NetworkPolicyPort; without `port` it means every port of the protocol."""
        protocol, port = Protocol.parse(spec.get("protocol")), spec.get("port")
        if port is None:
            return cls(protocol)
        if isinstance(port, str):
            return cls(protocol, name=port)
        last = spec.get("endPort") or port
        if not 0 < port <= last <= _LAST_PORT:
            raise ObjectError(f"ports {port}-{last} are not an ascending range within 1-{_LAST_PORT}")
        return cls(protocol, port, last)


@dataclass(frozen=True, slots=True)
class AddressBlock:
    """An ipBlock: addresses in `cidr` that are in none of `excluded`."""

    cidr: IPv4Network
    excluded: tuple[IPv4Network, ...] = ()


@dataclass(frozen=True, slots=True)
class PodPeer:
    """Pods of the namespaces that match; `namespaces` None means the policy's own namespace."""

    pods: Selector
    namespaces: Selector | None


@dataclass(frozen=True, slots=True)
class Rule:
    """What one rule lets through: any of the peers on any of the ports; None stands for all."""

    peers: tuple[PodPeer | AddressBlock, ...] | None
    ports: tuple[PortMatch, ...] | None

    @classmethod
    def parse(cls, spec: Json, peer_field: str) -> Self:
        """Read an ingress rule (`peer_field` "from") or an egress rule ("to")."""
        peers, ports = spec.get(peer_field), spec.get("ports")
        return cls(
            peers=tuple(peer for peer in map(_peer, peers) if peer is not None) if peers else None,
            ports=tuple(PortMatch.parse(port) for port in ports) if ports else None,
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """A NetworkPolicy; a direction that is None is not restricted by it, an empty one lets nothing through."""

    namespace: str
    name: str
    selector: Selector
    ingress: tuple[Rule, ...] | None
    egress: tuple[Rule, ...] | None

    @classmethod
    def parse(cls, obj: Json) -> Self:
        """Read a networking.k8s.io/v1 NetworkPolicy.

        Without `policyTypes` a policy restricts ingress, and egress only if it has egress rules.

        Raises:
            ObjectError: the policy says something this parser does not know.

        """
        name, namespace, spec = _name(obj), obj["metadata"]["namespace"], obj.get("spec") or {}
        types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
        try:
            ingress = tuple(Rule.parse(rule, "from") for rule in spec.get("ingress") or ())
            egress = tuple(Rule.parse(rule, "to") for rule in spec.get("egress") or ())
            selector = Selector.parse(spec.get("podSelector") or {})
        except (ObjectError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise ObjectError(f"NetworkPolicy {namespace}/{name} cannot be understood: {error}") from error
        return cls(
            namespace=namespace,
            name=name,
            selector=selector,
            ingress=ingress if "Ingress" in types else None,
            egress=egress if "Egress" in types else None,
        )

    @classmethod
    def deny_all(cls, obj: Json) -> Self:
        """Stand in for a policy that cannot be understood: nothing passes in its namespace, so the mistake is seen."""
        return cls(obj["metadata"]["namespace"], _name(obj), Selector(), ingress=(), egress=())


def _name(obj: Json) -> str:
    """Give an object's name, checked, since it ends up in the comments of a ruleset."""
    name = obj["metadata"]["name"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ObjectError(f"{name!r} is not a name of a Kubernetes object")
    return name


def _address(status: Json) -> IPv4Address | None:
    """Give the first IPv4 address of a pod's status."""
    listed = [entry["ip"] for entry in status.get("podIPs") or ()] or [status.get("podIP")]
    for text in filter(None, listed):
        try:
            return IPv4Address(text)
        except AddressValueError:
            continue  # an IPv6 address of a dual-stack pod
    return None


def _named_ports(spec: Json) -> tuple[NamedPort, ...]:
    """Collect named ports of containers, and of init containers that stay (sidecars)."""
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    return tuple(
        NamedPort(port["name"], Protocol.parse(port.get("protocol")), port["containerPort"])
        for container in [*(spec.get("containers") or ()), *sidecars]
        for port in container.get("ports") or ()
        if port.get("name")
    )


def _peer(spec: Json) -> PodPeer | AddressBlock | None:
    """Read a NetworkPolicyPeer; None for an IPv6 block, which no IPv4 address is in."""
    if (block := spec.get("ipBlock")) is not None:
        cidr = ip_network(block["cidr"], strict=False)
        if not isinstance(cidr, IPv4Network):
            return None
        return AddressBlock(cidr, tuple(IPv4Network(text, strict=False) for text in block.get("except") or ()))
    pods, namespaces = spec.get("podSelector"), spec.get("namespaceSelector")
    if pods is None and namespaces is None:
        raise ObjectError("a peer has none of ipBlock, podSelector, namespaceSelector")
    return PodPeer(Selector.parse(pods or {}), None if namespaces is None else Selector.parse(namespaces))
