"""Compile policies into one nftables table.

Egress and ingress are decided in base chains of their own, so that `accept` in one leaves the other to decide; within
a base chain a verdict map takes an isolated pod's address to the chain of its policies, so the cost of a packet does
not grow with the number of pods. Pods selected by the same policies share a chain. A chain ends in `reject` and not in
`drop`: a refused program fails at once (EHOSTUNREACH, which a closed port never gives) instead of hanging. For that
the namespace needs `net.ipv4.icmp_ratelimit=0`; by default the kernel answers a few refusals, and the rest time out.

kube-proxy rewrites service addresses in `prerouting`, so these hooks see the pods' own addresses. Traffic from a pod to
an address of its node passes `input` and not `forward`; egress is decided there too, since the API server listens on
such an address. Traffic from a node to its pods (probes of the kubelet) passes `output` and is never filtered, as
Kubernetes wants it. Connections that were open when a policy came stay open. Forwarded IPv6 is refused, for nothing
here would decide on it.

`compile_ruleset` gives a structure that tests can interpret; `render` gives the text that `nft -f` loads.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, collapse_addresses

from tradeplane_stacks.local.network_policy.model import (
    AddressBlock,
    Namespace,
    Pod,
    PodPeer,
    Policy,
    PortMatch,
    Protocol,
    Rule,
)

TABLE = "inet tradeplane_policy"
_COMMENT_LIMIT = 128  # bytes that nftables keeps of a chain's comment

_ALWAYS = ("ct state established,related accept", "ip saddr . ip daddr @themselves accept")

PortRange = tuple[Protocol, int, int]
Endpoint = tuple[IPv4Address, Protocol, int]


class Direction(StrEnum):
    """Which way a policy restricts traffic, from the pod's point of view."""

    INGRESS = "ingress"
    EGRESS = "egress"

    @property
    def peer(self) -> str:
        """The nftables expression of the other side's address."""
        return "ip saddr" if self is Direction.INGRESS else "ip daddr"


@dataclass(frozen=True, slots=True)
class Accept:
    """Packets to let through: peer in `networks`, destination in `ports` or in `endpoints`; None stands for any.

    Endpoints are named ports, resolved: a destination pod's address, protocol and port.
    """

    networks: tuple[IPv4Network, ...] | None
    ports: tuple[PortRange, ...] | None
    endpoints: tuple[Endpoint, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyChain:
    """One direction of one policy."""

    name: str
    comment: str
    accepts: tuple[Accept, ...]


@dataclass(frozen=True, slots=True)
class Isolation:
    """One direction of the whole table.

    `policies` are the chains of policies, `groups` maps the chain of each group of equally treated pods to the names of
    its policy chains, and `pods` maps each isolated pod's address to its group.
    """

    policies: tuple[PolicyChain, ...]
    groups: Mapping[str, tuple[str, ...]]
    pods: Mapping[IPv4Address, str]


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Everything the table says."""

    isolations: Mapping[Direction, Isolation]


class _Cluster:
    """Pods that have an address, found by namespace; an address belongs to the pod created last."""

    def __init__(self, pods: Iterable[Pod], namespaces: Iterable[Namespace]) -> None:
        owners: dict[IPv4Address, Pod] = {}
        for pod in sorted(pods, key=lambda pod: (pod.created, pod.namespace, pod.name, pod.uid)):
            if pod.address is not None:
                owners[pod.address] = pod
        self.pods = tuple((address, owners[address]) for address in sorted(owners))
        self._by_namespace: dict[str, list[tuple[IPv4Address, Pod]]] = {}
        for address, pod in self.pods:
            self._by_namespace.setdefault(pod.namespace, []).append((address, pod))
        self._labels = {namespace.name: namespace.labels for namespace in namespaces}
        self._networks: dict[tuple[tuple[PodPeer | AddressBlock, ...], str], tuple[IPv4Network, ...]] = {}

    def networks(self, peers: tuple[PodPeer | AddressBlock, ...], home: str) -> tuple[IPv4Network, ...]:
        """Give the smallest list of networks that holds exactly the addresses of the peers, in a policy of `home`.

        Policies repeat one another's peers, so each answer is kept; it depends on `home` only where a peer leaves its
        namespaces out.
        """
        local = any(isinstance(peer, PodPeer) and peer.namespaces is None for peer in peers)
        key = (peers, home if local else "")
        if key not in self._networks:
            found: list[IPv4Network] = []
            for peer in peers:
                if isinstance(peer, PodPeer):
                    found.extend(map(IPv4Network, self._matching(peer, home)))
                else:
                    found.extend(_without(peer.cidr, peer.excluded))
            self._networks[key] = tuple(collapse_addresses(found))
        return self._networks[key]

    def inside(self, namespace: str) -> Sequence[tuple[IPv4Address, Pod]]:
        """Pods of a namespace."""
        return self._by_namespace.get(namespace, ())

    def _matching(self, peer: PodPeer, home: str) -> Iterator[IPv4Address]:
        """Addresses of the pods a peer means, in a policy of namespace `home`."""
        for namespace, pods in self._by_namespace.items():
            if peer.namespaces is None:
                wanted = namespace == home
            else:
                wanted = namespace in self._labels and peer.namespaces.matches(self._labels[namespace])
            if wanted:
                yield from (address for address, pod in pods if peer.pods.matches(pod.labels))


def compile_ruleset(pods: Iterable[Pod], namespaces: Iterable[Namespace], policies: Iterable[Policy]) -> Ruleset:
    """Decide who may talk to whom. The order of the arguments' elements does not matter."""
    cluster = _Cluster(pods, namespaces)
    ordered = sorted(policies, key=lambda policy: (policy.namespace, policy.name))
    return Ruleset({direction: _isolation(direction, cluster, ordered) for direction in Direction})


def _isolation(direction: Direction, cluster: _Cluster, policies: Sequence[Policy]) -> Isolation:
    """Compile one direction."""
    chains: list[PolicyChain] = []
    selected: dict[IPv4Address, list[str]] = {}
    for policy in policies:
        rules = policy.ingress if direction is Direction.INGRESS else policy.egress
        subjects = [(a, pod) for a, pod in cluster.inside(policy.namespace) if policy.selector.matches(pod.labels)]
        if rules is None or not subjects:
            continue
        chain = _policy_chain(direction, policy, rules, cluster, subjects)
        chains.append(chain)
        for address, _ in subjects:
            selected.setdefault(address, []).append(chain.name)
    groups = {_digest_name(f"{direction}_pods", *names): tuple(names) for names in selected.values()}
    names_of = {names: group for group, names in groups.items()}
    return Isolation(
        policies=tuple(chains),
        groups=dict(sorted(groups.items())),
        pods={address: names_of[tuple(names)] for address, names in sorted(selected.items())},
    )


def _policy_chain(
    direction: Direction,
    policy: Policy,
    rules: Sequence[Rule],
    cluster: _Cluster,
    subjects: Sequence[tuple[IPv4Address, Pod]],
) -> PolicyChain:
    """Compile one direction of one policy; rules that can match nothing are left out."""
    comment = f"{policy.namespace}/{policy.name}"
    accepts = []
    for rule in rules:
        networks = None if rule.peers is None else cluster.networks(rule.peers, policy.namespace)
        destinations = subjects if direction is Direction.INGRESS else _within(networks, cluster)
        accept = Accept(
            networks=networks,
            ports=None if rule.ports is None else _numbered(rule.ports),
            endpoints=() if rule.ports is None else _endpoints(rule.ports, destinations),
        )
        if accept.networks != () and (accept.ports != () or accept.endpoints):
            accepts.append(accept)
    return PolicyChain(_digest_name(str(direction), comment), comment, tuple(accepts))


def _without(cidr: IPv4Network, excluded: Iterable[IPv4Network]) -> list[IPv4Network]:
    """Take networks out of a network."""
    remaining = [cidr]
    for hole in excluded:
        remaining = [piece for network in remaining for piece in _cut(network, hole)]
    return remaining


def _cut(network: IPv4Network, hole: IPv4Network) -> Iterable[IPv4Network]:
    """Take one network out of another: two networks are disjoint or one holds the other."""
    if network.subnet_of(hole):
        return ()
    return network.address_exclude(hole) if hole.subnet_of(network) else (network,)


def _within(networks: tuple[IPv4Network, ...] | None, cluster: _Cluster) -> Sequence[tuple[IPv4Address, Pod]]:
    """Pods whose address is in one of the networks."""
    if networks is None:
        return cluster.pods
    singles = {network.network_address for network in networks if network.prefixlen == 32}
    wider = [network for network in networks if network.prefixlen < 32]
    return [(a, pod) for a, pod in cluster.pods if a in singles or any(a in network for network in wider)]


def _numbered(ports: Iterable[PortMatch]) -> tuple[PortRange, ...]:
    """Ranges of port numbers, overlapping and adjacent ones merged (nftables refuses overlaps)."""
    merged: list[PortRange] = []
    for protocol, first, last in sorted((p.protocol, p.first, p.last) for p in ports if p.name is None):
        if merged and merged[-1][0] is protocol and first <= merged[-1][2] + 1:
            merged[-1] = (protocol, merged[-1][1], max(last, merged[-1][2]))
        else:
            merged.append((protocol, first, last))
    return tuple(merged)


def _endpoints(ports: Iterable[PortMatch], destinations: Iterable[tuple[IPv4Address, Pod]]) -> tuple[Endpoint, ...]:
    """Resolve named ports at each destination."""
    wanted = {(port.name, port.protocol) for port in ports if port.name is not None}
    found = {
        (address, named.protocol, named.port)
        for address, pod in destinations
        for named in pod.ports
        if (named.name, named.protocol) in wanted
    }
    return tuple(sorted(found))


def _digest_name(prefix: str, *parts: str) -> str:
    """Name a chain; names of policies are longer than nftables allows."""
    return f"{prefix}_{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:16]}"


def render(ruleset: Ruleset) -> str:
    """Write the ruleset as one nftables transaction that replaces the table, whether or not it is there."""
    body: list[str] = []
    for direction in Direction:
        body += _render_isolation(direction, ruleset.isolations[direction])
    isolated = sorted({address for isolation in ruleset.isolations.values() for address in isolation.pods})
    body += _block("set themselves", ["type ipv4_addr . ipv4_addr", *_elements(f"{a} . {a}" for a in isolated)])
    body += _render_hooks()
    return "\n".join([f"table {TABLE}", f"delete table {TABLE}", f"table {TABLE} {{", *body, "}", ""])


def _render_isolation(direction: Direction, isolation: Isolation) -> list[str]:
    """Write one direction: its sets and chains, and the map that finds a pod's chain."""
    sets: dict[str, list[str]] = {}
    chains: list[str] = []
    for policy in isolation.policies:
        rules = [rule for accept in policy.accepts for rule in _render_accept(direction, accept, sets)]
        chains += _block(f"chain {policy.name}", [f'comment "{policy.comment[:_COMMENT_LIMIT]}"', *rules])
    for group, names in isolation.groups.items():
        jumps = [f"jump {name}" for name in names]
        chains += _block(f"chain {group}", [*jumps, "reject with icmpx admin-prohibited"])
    verdicts = [f"{address} : goto {group}" for address, group in isolation.pods.items()]
    pods = _block(f"map {direction}_pods", ["type ipv4_addr : verdict", *_elements(verdicts)])
    return [*(line for block in sets.values() for line in block), *chains, *pods]


def _render_accept(direction: Direction, accept: Accept, sets: dict[str, list[str]]) -> list[str]:
    """Write the rules of one `Accept`, and note the sets they look in."""

    def named(kind: str, statements: Sequence[str], elements: Iterable[str]) -> str:
        """Name a set by what is in it, so that equal ones are one."""
        listed = list(elements)
        name = _digest_name(f"{direction}_{kind}", *listed)
        sets.setdefault(name, _block(f"set {name}", [*statements, *_elements(listed)]))
        return name

    peer = ""
    if accept.networks is not None:
        name = named("peers", ["type ipv4_addr", "flags interval"], map(str, accept.networks))
        peer = f"{direction.peer} @{name} "
    if accept.ports is None:
        return [f"{peer}accept"]
    rules = []
    if accept.ports:
        ranges = (f"{protocol} . {first}-{last}" for protocol, first, last in accept.ports)
        name = named("ports", ["type inet_proto . inet_service", "flags interval"], ranges)
        rules.append(f"{peer}meta l4proto . th dport @{name} accept")
    if accept.endpoints:
        ends = (f"{address} . {protocol} . {port}" for address, protocol, port in accept.endpoints)
        name = named("endpoints", ["type ipv4_addr . inet_proto . inet_service"], ends)
        rules.append(f"{peer}ip daddr . meta l4proto . th dport @{name} accept")
    return rules


def _render_hooks() -> list[str]:
    """Write the base chains. No policy stops a pod from reaching itself, as it does through a service."""
    egress = [*_ALWAYS, "ip saddr vmap @egress_pods"]
    return [
        *_block("chain egress_forward", ["type filter hook forward priority filter; policy accept", *egress]),
        *_block("chain egress_input", ["type filter hook input priority filter; policy accept", *egress]),
        *_block(
            "chain ingress_forward",
            [
                "type filter hook forward priority filter + 1; policy accept",
                "meta nfproto ipv6 reject with icmpx admin-prohibited",
                *_ALWAYS,
                "ip daddr vmap @ingress_pods",
            ],
        ),
    ]


def _block(head: str, statements: Iterable[str]) -> list[str]:
    return [f"  {head} {{", *(f"    {statement};" for statement in statements), "  }"]


def _elements(elements: Iterable[str]) -> list[str]:
    """Write an `elements` statement, or none: nftables has no way to write an empty list."""
    joined = ", ".join(elements)
    return [f"elements = {{ {joined} }}"] if joined else []
