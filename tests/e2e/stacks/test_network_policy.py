"""The kernel does what the ruleset says: real sockets, between namespaces joined as the `ptp` plugin joins pods.

One namespace is the node's: it routes, and holds the table. Each pod has a namespace of its own and a veth pair to it.
A socket belongs to the namespace its thread was in when it was made, so one process can play every pod.
"""

import ctypes
import errno
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from tradeplane_stacks.local.network_policy.enforcer import EnforcerError, load_table
from tradeplane_stacks.local.network_policy.model import Namespace, Pod, Policy
from tradeplane_stacks.local.network_policy.ruleset import compile_ruleset, render

Json = dict[str, Any]
Result = TypeVar("Result")

_NEWNET = 0x40000000
_WAIT_S = 5.0
_PORTS = (80, 8080, 9000, 9005)
NODE = "10.77.0.1"
CLIENT, SERVER, STRANGER, OUTSIDE = "10.77.0.2", "10.77.0.3", "10.77.0.4", "192.0.2.77"
_LIBC = ctypes.CDLL(None, use_errno=True)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=30)


def inside(name: str, work: Callable[[], Result]) -> Result:
    """Do some work in a network namespace, on a thread that ends with it."""

    def entered() -> Result:
        descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY)
        try:
            if _LIBC.setns(descriptor, _NEWNET) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number), name)
        finally:
            os.close(descriptor)
        return work()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(entered).result()


class Network:
    """A node and its pods."""

    def __init__(self) -> None:
        self._prefix = f"tradeplane-test-{os.getpid()}"
        self.node = f"{self._prefix}-node"
        self._names: dict[str, str] = {}
        self._sockets: list[socket.socket] = []
        self._serving = True

    def build(self, addresses: Sequence[str]) -> None:
        run("ip", "netns", "add", self.node)
        run("ip", "-n", self.node, "link", "set", "lo", "up")
        run("ip", "-n", self.node, "address", "add", f"{NODE}/32", "dev", "lo")
        run("ip", "netns", "exec", self.node, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0")
        for number, address in enumerate(addresses):
            self._attach(number, address)
        for address in (*addresses, NODE):
            self._listen(address)

    def _attach(self, number: int, address: str) -> None:
        pod, link = f"{self._prefix}-{number}", f"pod{number}"
        self._names[address] = pod
        run("ip", "netns", "add", pod)
        run("ip", "-n", self.node, "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", pod)
        run("ip", "-n", self.node, "link", "set", link, "up")
        run("ip", "-n", self.node, "route", "add", f"{address}/32", "dev", link, "src", NODE)
        run("ip", "-n", pod, "link", "set", "lo", "up")
        run("ip", "-n", pod, "address", "add", f"{address}/32", "dev", "eth0")
        run("ip", "-n", pod, "link", "set", "eth0", "up")
        run("ip", "-n", pod, "route", "add", f"{NODE}/32", "dev", "eth0")
        run("ip", "-n", pod, "route", "add", "default", "via", NODE, "dev", "eth0", "onlink")

    def _socket(self, address: str, kind: socket.SocketKind) -> socket.socket:
        made = inside(self._names.get(address, self.node), lambda: socket.socket(socket.AF_INET, kind))
        made.settimeout(_WAIT_S)
        return made

    def _listen(self, address: str) -> None:
        for port in _PORTS:
            listener = self._socket(address, socket.SOCK_STREAM)
            listener.bind((address, port))
            listener.listen()
            echo = self._socket(address, socket.SOCK_DGRAM)
            echo.bind((address, port))
            echo.settimeout(0.2)
            threading.Thread(target=self._echo, args=(echo,), daemon=True).start()
            self._sockets += [listener, echo]

    def _echo(self, echo: socket.socket) -> None:
        while self._serving:
            try:
                data, peer = echo.recvfrom(64)
                echo.sendto(data, peer)
            except TimeoutError:
                continue
            except OSError:
                return

    def load(self, policies: Sequence[Json]) -> None:
        """Put the table for these policies into the node's namespace, through the product's own loader."""
        text = render(compile_ruleset(map(_pod, PODS), map(Namespace.parse, SPACES), map(Policy.parse, policies)))
        subprocess.run(
            ["ip", "netns", "exec", self.node, "nft", "-f", "-"], input=text.encode(), check=True, timeout=30
        )

    def reaches(self, source: str, destination: str, port: int, protocol: str = "tcp") -> bool:
        """Whether a connection (or a datagram and its echo) succeeds; a refusal must be the policy's and no other."""
        with self._socket(source, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM) as caller:
            try:
                caller.connect((destination, port))
                if protocol == "udp":
                    caller.send(b"ping")
                    return caller.recv(64) == b"ping"
            except OSError as error:
                if error.errno != errno.EHOSTUNREACH:
                    raise
                return False
            return True

    def connection(self, source: str, destination: str, port: int) -> socket.socket:
        """Open a connection that stays."""
        caller = self._socket(source, socket.SOCK_STREAM)
        caller.connect((destination, port))
        return caller

    def remove(self) -> None:
        self._serving = False
        for opened in self._sockets:
            opened.close()
        for name in [*self._names.values(), self.node]:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True, timeout=30)


def _object(namespace: str, name: str, address: str, app: str) -> Json:
    ports = [{"name": "metrics", "containerPort": 9000}] if app == "server" else []
    return {
        "metadata": {"namespace": namespace, "name": name, "uid": name, "labels": {"app": app}},
        "spec": {"containers": [{"name": "main", "ports": ports}]},
        "status": {"phase": "Running", "podIP": address},
    }


def _pod(obj: Json) -> Pod:
    parsed = Pod.parse(obj)
    assert parsed is not None
    return parsed


PODS = [
    _object("shop", "client", CLIENT, "client"),
    _object("shop", "server", SERVER, "server"),
    _object("bank", "stranger", STRANGER, "client"),
]
SPACES: list[Json] = [
    {"metadata": {"name": "shop", "uid": "shop", "labels": {"team": "a"}}},
    {"metadata": {"name": "bank", "uid": "bank", "labels": {"team": "b"}}},
]


def policy(spec: Json, namespace: str = "shop", name: str = "p") -> Json:
    return {"metadata": {"namespace": namespace, "name": name, "uid": f"{namespace}-{name}"}, "spec": spec}


def ingress(*rules: Json) -> Json:
    return policy({"podSelector": {"matchLabels": {"app": "server"}}, "ingress": list(rules)})


def egress(*rules: Json) -> Json:
    return policy(
        {"podSelector": {"matchLabels": {"app": "client"}}, "policyTypes": ["Egress"], "egress": list(rules)},
        name="out",
    )


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    made = Network()
    try:
        made.build((CLIENT, SERVER, STRANGER, OUTSIDE))
        yield made
    finally:
        made.remove()


EVERYONE = {CLIENT, STRANGER, OUTSIDE}
SAME_NAMESPACE: Json = {"podSelector": {}}
TEAM_B = {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]}}
BLOCK = {"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.0/26"]}}
HOLE = {"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.64/27"]}}


@pytest.mark.parametrize(
    ("policies", "callers"),
    [
        pytest.param([], EVERYONE, id="no policy"),
        pytest.param([ingress()], set(), id="no rule"),
        pytest.param([ingress({})], EVERYONE, id="empty rule"),
        pytest.param([ingress({"from": [SAME_NAMESPACE]})], {CLIENT}, id="own namespace"),
        pytest.param([ingress({"from": [TEAM_B]})], {STRANGER}, id="another namespace"),
        pytest.param([ingress({"from": [SAME_NAMESPACE, TEAM_B]})], {CLIENT, STRANGER}, id="either"),
        pytest.param([ingress({"from": [SAME_NAMESPACE | TEAM_B]})], {STRANGER}, id="namespace and pods"),
        pytest.param([ingress({"from": [BLOCK]})], {OUTSIDE}, id="block"),
        pytest.param([ingress({"from": [HOLE]})], set(), id="block with a hole"),
        pytest.param([policy({"podSelector": {}}, "bank")], EVERYONE, id="a policy of another namespace"),
    ],
)
def test_who_reaches_the_server(network: Network, policies: list[Json], callers: set[str]) -> None:
    network.load(policies)
    for protocol in ("tcp", "udp"):
        assert {caller for caller in EVERYONE if network.reaches(caller, SERVER, 80, protocol)} == callers, protocol


@pytest.mark.parametrize(
    ("ports", "tcp", "udp"),
    [
        pytest.param([{}], _PORTS, (), id="every TCP port"),
        pytest.param([{"protocol": "UDP"}], (), _PORTS, id="every UDP port"),
        pytest.param([{"port": 80}, {"port": 8080, "protocol": "UDP"}], (80,), (8080,), id="numbers"),
        pytest.param([{"port": 8080, "endPort": 9004}], (8080, 9000), (), id="range"),
        pytest.param([{"port": "metrics"}], (9000,), (), id="name"),
        pytest.param([{"port": "metrics"}, {"port": 80}], (80, 9000), (), id="name and number"),
        pytest.param([{"port": "metrics", "protocol": "UDP"}], (), (), id="name of another protocol"),
        pytest.param([{"port": 80, "protocol": "SCTP"}], (), (), id="another protocol"),
    ],
)
@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_which_ports(
    network: Network, direction: str, ports: list[Json], tcp: Sequence[int], udp: Sequence[int]
) -> None:
    rule: Json = {"ports": ports}
    network.load([ingress(rule) if direction == "ingress" else egress(rule)])
    assert [port for port in _PORTS if network.reaches(CLIENT, SERVER, port)] == list(tcp)
    assert [port for port in _PORTS if network.reaches(CLIENT, SERVER, port, "udp")] == list(udp)


def test_egress_reaches_only_whom_it_names_and_answers_come_back(network: Network) -> None:
    network.load([egress({"to": [{"podSelector": {"matchLabels": {"app": "server"}}}]})])
    assert network.reaches(CLIENT, SERVER, 80)
    assert not network.reaches(CLIENT, STRANGER, 80)
    assert not network.reaches(CLIENT, OUTSIDE, 80)
    assert network.reaches(STRANGER, CLIENT, 80), "the answer to a connection is not egress of its own"


def test_egress_to_an_address_of_the_node_needs_a_rule(network: Network) -> None:
    network.load([egress({"to": [SAME_NAMESPACE]})])
    assert not network.reaches(CLIENT, NODE, 80)
    network.load([egress({"to": [{"ipBlock": {"cidr": f"{NODE}/32"}}], "ports": [{"port": 80}]})])
    assert network.reaches(CLIENT, NODE, 80)
    assert not network.reaches(CLIENT, NODE, 8080)


def test_the_node_itself_reaches_an_isolated_pod(network: Network) -> None:
    network.load([ingress()])
    assert network.reaches(NODE, SERVER, 80)


def test_both_sides_must_consent(network: Network) -> None:
    network.load([ingress({}), egress()])
    assert not network.reaches(CLIENT, SERVER, 80)
    network.load([ingress(), egress({})])
    assert not network.reaches(CLIENT, SERVER, 80)
    network.load([ingress({}), egress({})])
    assert network.reaches(CLIENT, SERVER, 80)


def test_an_open_connection_outlives_a_new_policy_and_a_new_one_is_refused(network: Network) -> None:
    network.load([])
    with network.connection(CLIENT, SERVER, 80) as opened:
        network.load([ingress()])
        opened.sendall(b"still here")
        assert not network.reaches(CLIENT, SERVER, 80)


def test_a_thousand_isolated_pods_load_and_are_told_apart(network: Network) -> None:
    crowd = [_pod(_object("shop", f"p{n}", f"10.78.{n // 250}.{n % 250 + 1}", "crowd")) for n in range(1000)]
    closed = ingress({"from": [{"podSelector": {"matchLabels": {"app": "crowd"}}}]})
    everyone = policy({"podSelector": {}, "ingress": [{"ports": [{"port": 8080}]}]}, name="everyone")
    text = render(
        compile_ruleset([*map(_pod, PODS), *crowd], map(Namespace.parse, SPACES), map(Policy.parse, [closed, everyone]))
    )
    run_text = ["ip", "netns", "exec", network.node, "nft", "-f", "-"]
    subprocess.run(run_text, input=text.encode(), check=True, timeout=30)
    assert not network.reaches(CLIENT, SERVER, 80)
    assert network.reaches(CLIENT, SERVER, 8080)


async def test_a_refused_table_is_explained() -> None:
    with pytest.raises(EnforcerError, match=r"refuses the table: .*syntax error"):
        await load_table("table inet tradeplane_policy { nonsense }\n")


async def test_a_missing_program_is_named() -> None:
    with pytest.raises(EnforcerError, match="install the package nftables"):
        await load_table("", nft="/nonexistent/nft")
