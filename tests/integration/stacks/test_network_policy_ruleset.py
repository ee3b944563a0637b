"""The compiled ruleset decides as the API's text says.

`Oracle` reads the API's JSON directly and asks for one connection at a time; it shares no code with the parser or the
compiler. `decide` walks the compiled structure as the kernel would.
"""

import copy
import random
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tradeplane_stacks.local.network_policy.model import Namespace, ObjectError, Pod, Policy
from tradeplane_stacks.local.network_policy.ruleset import Accept, Direction, Ruleset, compile_ruleset, render

Json = dict[str, Any]

CLIENT, SERVER, OTHER, OUTSIDE = "10.1.0.1", "10.1.0.2", "10.1.0.3", "192.0.2.9"


def pod(namespace: str, name: str, address: str | None, labels: Json | None = None, **named: int) -> Json:
    ports = [{"name": port, "containerPort": number} for port, number in named.items()]
    return {
        "metadata": {"namespace": namespace, "name": name, "uid": f"{namespace}-{name}", "labels": labels or {}},
        "spec": {"containers": [{"name": "main", "ports": ports}]},
        "status": {"phase": "Running"} | ({"podIP": address} if address else {}),
    }


def namespace(name: str, **labels: str) -> Json:
    return {"metadata": {"name": name, "uid": name, "labels": {"kubernetes.io/metadata.name": name} | labels}}


def policy(home: str, name: str, spec: Json) -> Json:
    return {"metadata": {"namespace": home, "name": name, "uid": f"{home}-{name}"}, "spec": spec}


def compiled(pods: Sequence[Json], namespaces: Sequence[Json], policies: Sequence[Json]) -> Ruleset:
    parsed = [value for value in map(Pod.parse, pods) if value is not None]
    return compile_ruleset(parsed, map(Namespace.parse, namespaces), map(Policy.parse, policies))


def decide(ruleset: Ruleset, source: str, destination: str, protocol: str, port: int) -> bool:
    """Walk the structure as the kernel walks the table."""
    sides = {Direction.EGRESS: (source, destination), Direction.INGRESS: (destination, source)}
    if source == destination:
        return True
    return all(
        _passes(ruleset, direction, IPv4Address(subject), IPv4Address(peer), (IPv4Address(destination), protocol, port))
        for direction, (subject, peer) in sides.items()
    )


def _passes(
    ruleset: Ruleset, direction: Direction, subject: IPv4Address, peer: IPv4Address, end: tuple[IPv4Address, str, int]
) -> bool:
    isolation = ruleset.isolations[direction]
    if subject not in isolation.pods:
        return True
    names = isolation.groups[isolation.pods[subject]]
    chains = [chain for chain in isolation.policies if chain.name in names]
    assert len(chains) == len(names)
    return any(_accepts(accept, peer, end) for chain in chains for accept in chain.accepts)


def _accepts(accept: Accept, peer: IPv4Address, end: tuple[IPv4Address, str, int]) -> bool:
    if accept.networks is not None and not any(peer in network for network in accept.networks):
        return False
    if accept.ports is None:
        return True
    return end in accept.endpoints or any(p == end[1] and first <= end[2] <= last for p, first, last in accept.ports)


class Oracle:
    """NetworkPolicy as the API reference words it, evaluated for one connection."""

    def __init__(self, pods: Sequence[Json], namespaces: Sequence[Json], policies: Sequence[Json]) -> None:
        self.pods = {p["status"]["podIP"]: p for p in pods if p["status"].get("podIP")}
        self.namespaces = {n["metadata"]["name"]: n["metadata"]["labels"] for n in namespaces}
        self.policies = policies

    def allows(self, source: str, destination: str, protocol: str, port: int) -> bool:
        if source == destination:
            return True
        out = self._direction("Egress", "to", source, destination, destination, protocol, port)
        return out and self._direction("Ingress", "from", destination, source, destination, protocol, port)

    def _direction(
        self, kind: str, field: str, subject: str, peer: str, destination: str, protocol: str, port: int
    ) -> bool:
        owner = self.pods.get(subject)
        if owner is None:
            return True
        applying = [
            p
            for p in self.policies
            if p["metadata"]["namespace"] == owner["metadata"]["namespace"]
            and self._selects(p["spec"].get("podSelector", {}), owner["metadata"]["labels"])
            and kind in self._types(p["spec"])
        ]
        return not applying or any(
            self._peer(p, rule.get(field), peer) and self._port(rule.get("ports"), destination, protocol, port)
            for p in applying
            for rule in p["spec"].get(kind.lower(), [])
        )

    @staticmethod
    def _types(spec: Json) -> list[str]:
        return list(spec.get("policyTypes") or (["Ingress"] + (["Egress"] if spec.get("egress") else [])))

    @staticmethod
    def _selects(selector: Json, labels: Json) -> bool:
        tests: dict[str, Callable[[str, list[str]], bool]] = {
            "In": lambda key, values: key in labels and labels[key] in values,
            "NotIn": lambda key, values: key not in labels or labels[key] not in values,
            "Exists": lambda key, _: key in labels,
            "DoesNotExist": lambda key, _: key not in labels,
        }
        return all(labels.get(k) == v for k, v in selector.get("matchLabels", {}).items()) and all(
            tests[e["operator"]](e["key"], e.get("values", [])) for e in selector.get("matchExpressions", [])
        )

    def _peer(self, owner: Json, peers: list[Json] | None, address: str) -> bool:
        return not peers or any(self._one_peer(owner, peer, address) for peer in peers)

    def _one_peer(self, owner: Json, peer: Json, address: str) -> bool:
        if "ipBlock" in peer:
            block, found = peer["ipBlock"], ip_address(address)
            return found in ip_network(block["cidr"]) and not any(
                found in ip_network(e) for e in block.get("except", [])
            )
        other = self.pods.get(address)
        if other is None or not self._selects(peer.get("podSelector", {}), other["metadata"]["labels"]):
            return False
        home = other["metadata"]["namespace"]
        if "namespaceSelector" not in peer:
            return bool(home == owner["metadata"]["namespace"])
        return home in self.namespaces and self._selects(peer["namespaceSelector"], self.namespaces[home])

    def _port(self, ports: list[Json] | None, destination: str, protocol: str, number: int) -> bool:
        return not ports or any(self._one_port(port, destination, protocol, number) for port in ports)

    def _one_port(self, port: Json, destination: str, protocol: str, number: int) -> bool:
        if port.get("protocol", "TCP").lower() != protocol:
            return False
        wanted = port.get("port")
        if wanted is None:
            return True
        if isinstance(wanted, int):
            return bool(wanted <= number <= port.get("endPort", wanted))
        owner = self.pods.get(destination)
        declared = owner["spec"]["containers"][0]["ports"] if owner else []
        return (wanted, protocol, number) in [
            (d["name"], d.get("protocol", "TCP").lower(), d["containerPort"]) for d in declared
        ]


ADDRESSES = [f"10.1.0.{n}" for n in range(1, 7)]
NAMES, KEYS, VALUES = ["red", "blue", "green"], ["app", "tier"], ["x", "y"]

labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))
expressions = st.one_of(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(KEYS),
            "operator": st.sampled_from(["In", "NotIn"]),
            "values": st.lists(st.sampled_from(VALUES), min_size=1, unique=True),
        }
    ),
    st.fixed_dictionaries({"key": st.sampled_from(KEYS), "operator": st.sampled_from(["Exists", "DoesNotExist"])}),
)
selectors = st.fixed_dictionaries(
    {}, optional={"matchLabels": labels, "matchExpressions": st.lists(expressions, max_size=2)}
)
networks = st.builds(
    lambda last, length: str(ip_network((f"10.1.0.{last}", length), strict=False)),
    st.integers(0, 7),
    st.integers(28, 32),
)
peers = st.one_of(
    st.fixed_dictionaries(
        {"ipBlock": st.fixed_dictionaries({"cidr": networks}, optional={"except": st.lists(networks, max_size=2)})}
    ),
    st.fixed_dictionaries({"podSelector": selectors}),
    st.fixed_dictionaries({"namespaceSelector": selectors}),
    st.fixed_dictionaries({"podSelector": selectors, "namespaceSelector": selectors}),
)
protocols = st.sampled_from(["TCP", "UDP", "SCTP"])
ports = st.one_of(
    st.fixed_dictionaries({}, optional={"protocol": protocols}),
    st.fixed_dictionaries({"port": st.integers(1, 6)}, optional={"protocol": protocols, "endPort": st.integers(6, 8)}),
    st.fixed_dictionaries({"port": st.sampled_from(["web", "dns"])}, optional={"protocol": protocols}),
)


def rules(field: str) -> st.SearchStrategy[list[Json]]:
    optional = {field: st.lists(peers, max_size=2), "ports": st.lists(ports, max_size=3)}
    return st.lists(st.fixed_dictionaries({}, optional=optional), max_size=2)


specs = st.fixed_dictionaries(
    {"podSelector": selectors},
    optional={
        "ingress": rules("from"),
        "egress": rules("to"),
        "policyTypes": st.lists(st.sampled_from(["Ingress", "Egress"]), unique=True, max_size=2),
    },
)


@st.composite
def clusters(draw: st.DrawFn) -> tuple[list[Json], list[Json], list[Json]]:
    pods = []
    for number, address in enumerate(ADDRESSES[: draw(st.integers(1, len(ADDRESSES)))]):
        found = pod(draw(st.sampled_from(NAMES)), f"p{number}", address, draw(labels))
        declared = [{"name": name, "containerPort": draw(st.integers(1, 6))} for name in ("web", "dns")]
        found["spec"]["containers"][0]["ports"] = [d | {"protocol": draw(protocols)} for d in declared]
        pods.append(found)
    spaces = [namespace(name, **draw(labels)) for name in NAMES]
    policies = [
        policy(draw(st.sampled_from(NAMES)), f"n{number}", spec)
        for number, spec in enumerate(draw(st.lists(specs, max_size=4)))
    ]
    return pods, spaces, policies


@settings(max_examples=150, deadline=None)
@given(cluster=clusters(), protocol=st.sampled_from(["tcp", "udp", "sctp"]), port=st.integers(1, 9))
def test_every_connection_is_decided_as_the_api_reference_says(
    cluster: tuple[list[Json], list[Json], list[Json]], protocol: str, port: int
) -> None:
    ruleset, oracle = compiled(*cluster), Oracle(*cluster)
    everyone = [*ADDRESSES, OUTSIDE]
    for source in everyone:
        for destination in everyone:
            expected = oracle.allows(source, destination, protocol, port)
            assert decide(ruleset, source, destination, protocol, port) == expected, (source, destination)


@settings(max_examples=50, deadline=None)
@given(cluster=clusters(), seed=st.integers(0, 1000))
def test_the_text_does_not_depend_on_the_order_in_which_objects_came(
    cluster: tuple[list[Json], list[Json], list[Json]], seed: int
) -> None:
    shuffled = copy.deepcopy(cluster)
    for part in shuffled:
        random.Random(seed).shuffle(part)  # noqa: S311 - an order to test with
    assert render(compiled(*shuffled)) == render(compiled(*cluster))


SPACES = [namespace("shop", team="a"), namespace("bank", team="b")]
PODS = [
    pod("shop", "client", CLIENT, {"app": "client"}),
    pod("shop", "server", SERVER, {"app": "server"}, web=8080),
    pod("bank", "other", OTHER, {"app": "client"}),
]


def reaches(source: str, port: int, *specs: Json, protocol: str = "tcp") -> bool:
    """Whether `source` reaches the server's port under policies of its namespace."""
    policies = [policy("shop", f"p{number}", spec) for number, spec in enumerate(specs)]
    return decide(compiled(PODS, SPACES, policies), source, SERVER, protocol, port)


TO_SERVER = {"podSelector": {"matchLabels": {"app": "server"}}}


def test_without_policies_everything_passes_and_nothing_is_looked_up() -> None:
    ruleset = compiled(PODS, SPACES, [])
    assert decide(ruleset, OUTSIDE, SERVER, "tcp", 1)
    assert all(not isolation.pods for isolation in ruleset.isolations.values())


def test_a_policy_without_rules_refuses_ingress_and_leaves_egress_open() -> None:
    assert not reaches(CLIENT, 80, TO_SERVER)
    ruleset = compiled(PODS, SPACES, [policy("shop", "p", TO_SERVER)])
    assert decide(ruleset, SERVER, CLIENT, "tcp", 80)


def test_egress_rules_alone_restrict_both_directions_by_default() -> None:
    spec: Json = {"podSelector": {}, "egress": [{}]}
    assert not reaches(CLIENT, 80, spec)
    assert reaches(CLIENT, 80, spec | {"policyTypes": ["Egress"]})


def test_policies_add_up() -> None:
    from_client = TO_SERVER | {"ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "client"}}}]}]}
    assert reaches(CLIENT, 80, TO_SERVER, from_client)
    assert not reaches(OTHER, 80, TO_SERVER, from_client), "a podSelector alone means the policy's own namespace"


def test_both_sides_must_consent() -> None:
    open_server: Json = TO_SERVER | {"ingress": [{}]}
    closed_client = {"podSelector": {"matchLabels": {"app": "client"}}, "policyTypes": ["Egress"]}
    assert not reaches(CLIENT, 80, open_server, closed_client)


def test_a_pod_always_reaches_itself() -> None:
    closed = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert reaches(SERVER, 80, closed)
    assert f"{SERVER} . {SERVER}" in render(compiled(PODS, SPACES, [policy("shop", "p", closed)]))


def test_a_range_of_ports_has_both_ends() -> None:
    spec: Json = TO_SERVER | {"ingress": [{"ports": [{"port": 100, "endPort": 200}]}]}
    assert [port for port in (99, 100, 200, 201) if reaches(CLIENT, port, spec)] == [100, 200]


def test_overlapping_and_adjacent_ranges_are_merged() -> None:
    listed = [{"port": 5, "endPort": 9}, {"port": 8, "endPort": 12}, {"port": 13}, {"port": 20}, {"port": 20}]
    ruleset = compiled(PODS, SPACES, [policy("shop", "p", TO_SERVER | {"ingress": [{"ports": listed}]})])
    (chain,) = ruleset.isolations[Direction.INGRESS].policies
    assert chain.accepts[0].ports == (("tcp", 5, 13), ("tcp", 20, 20))


def test_a_named_port_means_what_the_destination_declares() -> None:
    spec: Json = TO_SERVER | {"ingress": [{"ports": [{"port": "web"}]}]}
    assert reaches(CLIENT, 8080, spec)
    assert not reaches(CLIENT, 80, spec)
    assert not reaches(CLIENT, 8080, spec, protocol="udp")


def test_a_named_port_nobody_declares_lets_nothing_through() -> None:
    assert not reaches(CLIENT, 8080, TO_SERVER | {"ingress": [{"ports": [{"port": "metrics"}]}]})


def test_a_sidecars_named_port_counts_and_an_init_containers_does_not() -> None:
    obj = pod("shop", "p", CLIENT)
    port = [{"name": "proxy", "containerPort": 15001}]
    obj["spec"]["initContainers"] = [
        {"ports": port, "restartPolicy": "Always"},
        {"ports": [{**port[0], "name": "setup"}]},
    ]
    parsed = Pod.parse(obj)
    assert parsed is not None
    assert [named.name for named in parsed.ports] == ["proxy"]


def test_an_ipv6_block_matches_no_ipv4_address() -> None:
    spec: Json = TO_SERVER | {"ingress": [{"from": [{"ipBlock": {"cidr": "::/0"}}]}]}
    assert not reaches(CLIENT, 80, spec)


def test_pods_that_policies_do_not_apply_to_are_left_alone() -> None:
    on_host, finished = pod("shop", "a", CLIENT), pod("shop", "b", CLIENT)
    on_host["spec"]["hostNetwork"] = True
    finished["status"]["phase"] = "Succeeded"
    assert Pod.parse(on_host) is None
    assert Pod.parse(finished) is None


def test_an_address_claimed_twice_belongs_to_the_later_pod() -> None:
    old, new = pod("shop", "server", SERVER, {"app": "server"}), pod("shop", "new", SERVER, {"app": "client"})
    old["metadata"]["creationTimestamp"], new["metadata"]["creationTimestamp"] = (
        "2026-01-01T00:00:00Z",
        "2026-01-02T00:00:00Z",
    )
    for order in ([old, new], [new, old]):
        assert decide(compiled(order, SPACES, [policy("shop", "p", TO_SERVER)]), CLIENT, SERVER, "tcp", 80)


def test_pods_with_the_same_policies_share_a_chain() -> None:
    many = [pod("shop", f"p{n}", f"10.2.{n // 250}.{n % 250}") for n in range(1000)]
    isolation = compiled(many, SPACES, [policy("shop", "p", {"podSelector": {}})]).isolations[Direction.INGRESS]
    assert len(isolation.pods) == 1000
    assert len(isolation.groups) == len(isolation.policies) == 1


def test_policies_with_the_same_peers_share_a_set() -> None:
    many = [pod("shop", f"p{n}", f"10.2.0.{2 * n}") for n in range(100)]
    same: Json = {"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}}]}]}
    policies = [policy(home, f"p{n}", same) for home in ("shop", "bank") for n in range(5)]
    text = render(compiled([*many, *PODS], SPACES, policies))
    assert text.count("set ingress_peers") == 1
    assert text.count("accept;") >= len(policies)


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"ingress": [{"ports": [{"protocol": "QUIC"}]}]}, "QUIC"),
        ({"ingress": [{"ports": [{"port": 200, "endPort": 100}]}]}, "200-100"),
        ({"ingress": [{"ports": [{"port": 70000}]}]}, "70000"),
        ({"ingress": [{"from": [{}]}]}, "none of ipBlock"),
        ({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/99"}}]}]}, "10.0.0.0/99"),
        ({"podSelector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}}, "Near"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(spec: Json, named: str) -> None:
    with pytest.raises(ObjectError, match="shop/odd") as caught:
        Policy.parse(policy("shop", "odd", spec))
    assert named in str(caught.value)


def test_a_name_that_could_break_out_of_a_comment_is_refused() -> None:
    with pytest.raises(ObjectError, match="not a name"):
        Policy.parse(policy("shop", 'x"; flush ruleset; "', {}))


def test_the_longest_name_fits_a_comment() -> None:
    text = render(compiled(PODS, SPACES, [policy("shop", "p" * 253, TO_SERVER)]))
    (comment,) = [line.strip() for line in text.splitlines() if "comment" in line]
    assert comment == 'comment "shop/' + "p" * (128 - len("shop/")) + '";'
