"""Everything that a cluster with nodes has beyond its control plane, and the order in which it is made and unmade."""

from __future__ import annotations

import datetime
import importlib.util
import sys
import time
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradeplane_stacks.local import addons, binaries, emulation, pool, processes, storage
from tradeplane_stacks.local.certificates import write_private
from tradeplane_stacks.local.component import Component, flags
from tradeplane_stacks.local.errors import ComponentError
from tradeplane_stacks.local.execution import execute, find_program
from tradeplane_stacks.local.images import StaticImage
from tradeplane_stacks.local.nodes import POLICY_PLUGIN, NodeGroup, cluster_nodes
from tradeplane_stacks.local.probes import DnsProbe, HttpProbe, RequestProbe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradeplane_stacks.local.certificates import Certificates
    from tradeplane_stacks.local.isolation import Isolation
    from tradeplane_stacks.local.kubectl import Kubectl
    from tradeplane_stacks.local.layout import Layout
    from tradeplane_stacks.local.nodes import Node
    from tradeplane_stacks.local.settings import Settings
    from tradeplane_stacks.local.supervisor import Supervisor

NETWORK_POLICY_MODULE = "tradeplane_stacks.local.network_policy"
"""The program that enforces NetworkPolicy, run as a module."""
_NODE_LIMIT_SECONDS = 180.0
_DNS_LIMIT_SECONDS = 90.0
_POLL_SECONDS = 0.2
_API_SERVER_NAME = "kubernetes.default.svc.cluster.local"
_IMAGE_NAMESPACE = "k8s.io"


@dataclass(frozen=True)
class WorkerNodes:
    """The nodes of a cluster, the registry they pull from, and the services that pods expect."""

    settings: Settings
    layout: Layout
    certificates: Certificates
    programs: Mapping[binaries.Program, Path]
    supervisor: Supervisor
    isolation: Isolation

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Nodes of the cluster."""
        return cluster_nodes(self.settings)

    @cached_property
    def pause(self) -> dict[Node, StaticImage]:
        """The image that holds a pod's namespaces open, one for each node."""
        programs = {"amd64": binaries.PAUSE, "arm64": binaries.PAUSE_ARM64}
        return {
            node: _own_image("pause", node.architecture, self.programs[programs[node.architecture]])
            for node in self.nodes
        }

    @cached_property
    def name_server(self) -> StaticImage:
        """The image of CoreDNS."""
        return _own_image("coredns", "amd64", self.programs[binaries.COREDNS])

    @cached_property
    def group(self) -> NodeGroup:
        """Command lines and files of the nodes."""
        return NodeGroup(
            self.settings,
            self.layout,
            self.certificates,
            self.programs,
            self.isolation,
            self.nodes,
            {node: image.name for node, image in self.pause.items()},
            find_program("runc") or "/usr/sbin/runc",
            self._policy_socket,
        )

    def stores(self) -> list[Component]:
        """List what does not need the API server: the registry and the container runtimes."""
        return [self._registry(), *self.group.runtimes()]

    def agents(self) -> list[Component]:
        """List what works through the API server."""
        return [*self.group.agents(), self._network_policy()]

    def prepare(self, components: list[str]) -> None:
        """Make namespaces, cgroups, directories and files."""
        if any(node.emulated for node in self.nodes):
            emulation.ensure()
        self.isolation.prepare(components, self.nodes)
        for directory in self.group.directories():
            directory.mkdir(parents=True, exist_ok=True)
        self.layout.registry.mkdir(exist_ok=True)
        storage.make_store(self.layout)
        self._install_policy_plugin()
        for path, content in self.group.files().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_private(path, content.encode())

    def import_images(self) -> None:
        """Give the container runtimes the images that cannot be pulled from anywhere."""
        for node, image in self.pause.items():
            self._import(node, image)
        self._import(self.nodes[0], self.name_server)

    def grant_access(self, client: Kubectl) -> None:
        """Give the agents their roles, before they ask for anything."""
        client.apply(addons.access())

    def install(self, client: Kubectl) -> None:
        """Put the name server and the volumes into the API, and take out nodes that are no longer wanted."""
        client.apply(addons.name_server(self.settings, self.name_server.name))
        pool.provide(client, self.layout, [node.name for node in self.nodes])
        known = {item["metadata"]["name"] for item in client.get("nodes")["items"]}
        ours = {f"{self.settings.instance}-{architecture}" for architecture in ("amd64", "arm64")}
        for name in sorted((known & ours) - {node.name for node in self.nodes}):
            client.run("delete", "node", name)

    def wait(self, client: Kubectl) -> None:
        """Wait until the nodes are ready and pods can look up names.

        Raises:
            ComponentError: when one is not in time, with the end of the log that tells why.

        """
        for node in self.nodes:
            self._wait_for_node(node, client)
        probe = DnsProbe(str(self.settings.dns_address), _API_SERVER_NAME)
        deadline = time.monotonic() + _DNS_LIMIT_SECONDS
        while (said := probe.ask()) is not None:
            if time.monotonic() > deadline:
                pods = client.run("describe", "pods", "--namespace=kube-system", "--selector=k8s-app=kube-dns")
                raise ComponentError(f"Cluster DNS did not answer within {_DNS_LIMIT_SECONDS:.0f} s ({said}).\n{pods}")
            time.sleep(_POLL_SECONDS)

    def _registry(self) -> Component:
        options = {
            "addr": self.settings.address,
            "port": self.settings.registry_port,
            "dir": self.layout.registry,
            "api-delete": True,
        }
        return Component(
            name="registry",
            argv=(str(self.programs[binaries.REGISTRY]), "serve", *flags(options)),
            probe=HttpProbe(f"http://{self.group.registry()}/v2/"),
            placement=self.isolation.placement("registry"),
        )

    def _network_policy(self) -> Component:
        kubeconfig = self.layout.kubeconfigs / "network-policy"
        options = ("--kubeconfig", str(kubeconfig), "--socket", str(self._policy_socket))
        return Component(
            name="network-policy",
            argv=(sys.executable, "-m", NETWORK_POLICY_MODULE, *options),
            probe=RequestProbe(self._policy_socket, {"command": "health"}),
            inputs=(kubeconfig, *sorted((Path(__file__).parent / "network_policy").glob("*.py"))),
            placement=self.isolation.placement("network-policy"),
        )

    @property
    def _policy_socket(self) -> Path:
        return self.layout.run / "network-policy.sock"

    def _install_policy_plugin(self) -> None:
        """Put the plugin that lets a pod start only once its address is policed where containerd finds it."""
        spec = importlib.util.find_spec(f"{NETWORK_POLICY_MODULE}.cni_plugin")
        if spec is None or spec.origin is None:
            raise ComponentError(f"{NETWORK_POLICY_MODULE} has no CNI plugin: install tradeplane-stacks again.")
        plugin = self.group.own_plugins / POLICY_PLUGIN
        plugin.parent.mkdir(parents=True, exist_ok=True)
        _, _, program = Path(spec.origin).read_text(encoding="utf-8").partition("\n")
        write_private(
            plugin, f"#!{sys.executable} -I\n{program}".encode()
        )  # this Python: the machine may have no other
        plugin.chmod(0o700)

    def _import(self, node: Node, image: StaticImage) -> None:
        ctr = self._ctr(node)
        if image.name in ctr("images", "list", "--quiet").splitlines():
            return
        archive = self.layout.run / f"{image.entrypoint.strip('/')}-{node.architecture}.tar"
        image.write_archive(archive)
        ctr("images", "import", "--platform", f"linux/{node.architecture}", str(archive))
        archive.unlink()

    def _ctr(self, node: Node) -> Callable[..., str]:
        program, socket = str(self.programs[binaries.CTR]), str(self.group.socket(node))
        return partial(execute, program, "--address", socket, "--namespace", _IMAGE_NAMESPACE)

    def _wait_for_node(self, node: Node, client: Kubectl) -> None:
        name = f"kubelet-{node.architecture}"
        deadline = time.monotonic() + _NODE_LIMIT_SECONDS
        while (said := self._node_fault(node, name, client)) is not None:
            if time.monotonic() > deadline:
                raise ComponentError(
                    f"Node {node.name} was not ready after {_NODE_LIMIT_SECONDS:.0f} s: {said}.\n"
                    f"--- end of {self.supervisor.log_path(name)}\n{self.supervisor.log_end(name)}"
                )
            time.sleep(_POLL_SECONDS)

    def _node_fault(self, node: Node, component: str, client: Kubectl) -> str | None:
        """Say why a node is not ready; None when it has said that it is since its kubelet was started."""
        record = self.supervisor.record(component)
        if record is None:
            return "its kubelet ended"
        found = [item for item in client.get("nodes")["items"] if item["metadata"]["name"] == node.name]
        if not found:
            return "it has not registered"
        started = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=processes.uptime_seconds(record))
        return node_fault(found[0], started)


def node_fault(node: dict[str, Any], since: datetime.datetime) -> str | None:
    """Say why a Node object does not read as ready; None when it does, by word not older than ``since``.

    What a kubelet said before it was last started means nothing: the API keeps it for 40 s.
    """
    ready = next((entry for entry in node["status"].get("conditions", []) if entry["type"] == "Ready"), None)
    if ready is None:
        return "it has no Ready condition"
    if ready["status"] != "True":
        return str(ready.get("message") or ready["status"])
    heartbeat = datetime.datetime.fromisoformat(ready["lastHeartbeatTime"])
    if heartbeat < since - datetime.timedelta(seconds=1):  # the API keeps whole seconds
        return "it has not been heard of since its kubelet was started"
    return None


def _own_image(name: str, architecture: str, program: Path) -> StaticImage:
    """Name an image by the cache key of its program, so that it can be named before the program is built."""
    return StaticImage(f"tradeplane.local/{name}:{program.parent.name}", ((architecture, program),), f"/{name}")
