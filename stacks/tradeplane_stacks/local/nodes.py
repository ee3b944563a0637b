"""The nodes: containerd and kubelet for each architecture, one kube-proxy, and their configuration.

Pure: from settings to command lines and files. Both nodes live in one network namespace, at an address each. Pods of
the arm64 node are emulated; its kubelet and containerd are programs of the machine's own architecture that report arm64
and choose arm64 images (emulated, the one is slow and the other cannot set seccomp filters). Pods are connected point
to point (``ptp``), so that every packet between them is routed and passes the filter that enforces NetworkPolicy.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from tradeplane_stacks.local import binaries
from tradeplane_stacks.local.certificates import CLUSTER, Certificates
from tradeplane_stacks.local.component import BASE_ENVIRONMENT, Component, flags
from tradeplane_stacks.local.probes import HttpProbe, SocketProbe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Address, IPv4Network
    from pathlib import Path

    from tradeplane_stacks.local.isolation import Isolation
    from tradeplane_stacks.local.layout import Layout
    from tradeplane_stacks.local.settings import Settings

CNI_DIRECTORY = "/usr/lib/cni"
"""Where Debian's containernetworking-plugins lie."""
POLICY_PLUGIN = "tradeplane-policy"
"""CNI plugin at the end of the chain that holds a pod back until its address is policed."""
EMULATED = "tradeplane.dev/emulated"
"""Label and soft taint of the emulated node: what may run anywhere prefers the machine's own processor."""
_KUBELET_PORT = 10250
_KUBELET_HEALTH_PORT = 10248
_PROXY_HEALTH_PORT = 10256


@dataclass(frozen=True)
class Node:
    """One node of the cluster."""

    name: str
    architecture: str
    address: IPv4Address
    pod_range: IPv4Network
    emulated: bool = False


def cluster_nodes(settings: Settings) -> tuple[Node, ...]:
    """Nodes that the settings ask for: amd64 always, arm64 unless it is left out."""
    ranges = list(settings.pod_subnet.subnets(new_prefix=24))
    amd64 = Node(f"{settings.instance}-amd64", "amd64", settings.node_subnet[2], ranges[0])
    arm64 = Node(f"{settings.instance}-arm64", "arm64", settings.node_subnet[3], ranges[1], emulated=True)
    return (amd64, arm64) if settings.arm64 else (amd64,)


@dataclass(frozen=True)
class NodeGroup:
    """All that decides the nodes' command lines and files."""

    settings: Settings
    layout: Layout
    certificates: Certificates
    programs: Mapping[binaries.Program, Path]
    isolation: Isolation
    nodes: tuple[Node, ...]
    pause_images: Mapping[Node, str]
    runc: str
    policy_socket: Path
    """Where the enforcer of NetworkPolicy says whether a new pod's address is policed."""

    def runtimes(self) -> list[Component]:
        """List a containerd for each node."""
        return [self._containerd(node) for node in self.nodes]

    def agents(self) -> list[Component]:
        """List kube-proxy, and a kubelet for each node."""
        return [self._kube_proxy(), *(self._kubelet(node) for node in self.nodes)]

    def files(self) -> dict[Path, str]:
        """Render the configuration files, by path."""
        config = self.layout.config
        files = {
            config / "kube-proxy.yaml": self._kube_proxy_config(),
            config / "resolv.conf": "# Pods ask the cluster's name server; it asks nobody.\n",
            self._hosts_directory() / "hosts.toml": self._registry_hosts(),
        }
        for node in self.nodes:
            files[config / f"containerd-{node.architecture}.toml"] = self._containerd_config(node)
            files[config / f"kubelet-{node.architecture}.yaml"] = self._kubelet_config(node)
            files[self._cni_directory(node) / "10-tradeplane.conflist"] = self._network_config(node)
        return files

    def directories(self) -> list[Path]:
        """Directories that the components expect to be there."""
        return [self._own(node) / part for node in self.nodes for part in ("containerd", "kubelet", "pods")]

    def socket(self, node: Node) -> Path:
        """Return the socket of a node's containerd."""
        return self.layout.run / f"containerd-{node.architecture}.sock"

    @property
    def own_plugins(self) -> Path:
        """Directory of the CNI plugins that are not the machine's."""
        return self.layout.data / "cni"

    def registry(self) -> str:
        """Host and port of the OCI registry."""
        return f"{self.settings.address}:{self.settings.registry_port}"

    def _own(self, node: Node) -> Path:
        return self.layout.data / f"node-{node.architecture}"

    def _cni_directory(self, node: Node) -> Path:
        return self.layout.config / f"cni-{node.architecture}"

    def _hosts_directory(self) -> Path:
        return self.layout.config / "registries" / self.registry()

    def _containerd(self, node: Node) -> Component:
        name = f"containerd-{node.architecture}"
        config = self.layout.config / f"{name}.toml"
        program = binaries.CONTAINERD_ARM64 if node.emulated else binaries.CONTAINERD
        return Component(
            name=name,
            argv=(str(self.programs[program]), f"--config={config}", "--log-level=info"),
            probe=SocketProbe(self.socket(node)),
            inputs=(config,),
            placement=self.isolation.placement(name, node),
            environment=self._containerd_environment(),
            leaves_children=True,
        )

    def _containerd_environment(self) -> dict[str, str]:
        """Let containerd find the shim on its PATH: it looks nowhere else for those of containers that still run."""
        shim = self.programs[binaries.CONTAINERD_SHIM]
        return {**BASE_ENVIRONMENT, "PATH": f"{shim.parent}:{BASE_ENVIRONMENT['PATH']}"}

    def _containerd_config(self, node: Node) -> str:
        images, runtime = "plugins.'io.containerd.cri.v1.images'", "plugins.'io.containerd.cri.v1.runtime'"
        sections: dict[str, dict[str, Any]] = {
            "": {
                "version": 3,
                "root": str(self._own(node) / "containerd"),
                "state": str(self.layout.run / f"containerd-{node.architecture}"),
                "oom_score": 0,
                "disabled_plugins": _UNUSED_PLUGINS,
            },
            "grpc": {"address": str(self.socket(node))},
            "ttrpc": {"address": f"{self.socket(node)}.ttrpc"},
            images: {"snapshotter": "overlayfs"},
            f"{images}.pinned_images": {"sandbox": self.pause_images[node]},
            f"{images}.registry": {"config_path": str(self.layout.config / "registries")},
            runtime: {
                # without CAP_SYS_RESOURCE, as in many virtual machines, no process may lower its own score
                "restrict_oom_score_adj": True,
                "tolerate_missing_hugetlb_controller": True,
                "netns_mounts_under_state_dir": True,
                "enable_unprivileged_ports": True,
                "enable_cdi": False,
            },
            f"{runtime}.containerd": {"default_runtime_name": "runc"},
            f"{runtime}.containerd.runtimes.runc": {"runtime_type": "io.containerd.runc.v2"},
            f"{runtime}.containerd.runtimes.runc.options": {"BinaryName": self.runc, "SystemdCgroup": False},
            f"{runtime}.cni": {
                "bin_dirs": [CNI_DIRECTORY, str(self.own_plugins)],
                "conf_dir": str(self._cni_directory(node)),
                "use_internal_loopback": True,
            },
        }
        return _toml(sections)

    def _network_config(self, node: Node) -> str:
        addresses = {
            "type": "host-local",
            "dataDir": str(self.layout.run / f"addresses-{node.architecture}"),
            "ranges": [[{"subnet": str(node.pod_range)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        }
        plugins = [
            {"type": "ptp", "ipMasq": False, "ipam": addresses},
            {"type": "portmap", "capabilities": {"portMappings": True}},
            {"type": POLICY_PLUGIN, "socket": str(self.policy_socket)},
        ]
        name = f"{self.settings.instance}-{node.architecture}"
        return json.dumps({"cniVersion": "1.0.0", "name": name, "plugins": plugins}, indent=2) + "\n"

    def _registry_hosts(self) -> str:
        url = f"http://{self.registry()}"
        return _toml({"": {"server": url}, f"host.'{url}'": {"capabilities": ["pull", "resolve"]}})

    def _kubelet(self, node: Node) -> Component:
        name = f"kubelet-{node.architecture}"
        config, kubeconfig = self.layout.config / f"{name}.yaml", self.layout.kubeconfigs / name
        program = binaries.KUBELET_ARM64 if node.emulated else binaries.KUBELET
        options = {
            "config": config,
            "kubeconfig": kubeconfig,
            "hostname-override": node.name,
            "node-ip": node.address,
            "root-dir": self._own(node) / "kubelet",
            "cert-dir": self._own(node) / "kubelet" / "pki",
        }
        if node.emulated:
            options["node-labels"] = f"{EMULATED}=true"
        return Component(
            name=name,
            argv=(str(self.programs[program]), *flags(options)),
            probe=HttpProbe(f"http://{node.address}:{_KUBELET_HEALTH_PORT}/healthz"),
            inputs=(config, kubeconfig, self.certificates.certificate(f"{name}-server")),
            placement=self.isolation.placement(name, node),
            start_limit=60.0,
        )

    def _kubelet_config(self, node: Node) -> str:
        name, tls = f"kubelet-{node.architecture}", self.certificates
        config = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": str(node.address),
            "port": _KUBELET_PORT,
            "healthzBindAddress": str(node.address),
            "healthzPort": _KUBELET_HEALTH_PORT,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(tls.certificate(CLUSTER))},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(tls.certificate(f"{name}-server")),
            "tlsPrivateKeyFile": str(tls.key(f"{name}-server")),
            "containerRuntimeEndpoint": f"unix://{self.socket(node)}",
            "podLogsDir": str(self._own(node) / "pods"),
            "volumePluginDir": str(self._own(node) / "kubelet" / "volume-plugins"),
            "resolvConf": str(self.layout.config / "resolv.conf"),
            "clusterDomain": "cluster.local",
            "clusterDNS": [str(self.settings.dns_address)],
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self.isolation.cgroups.name}/nodes/{node.architecture}",
            "failSwapOn": False,
            "oomScoreAdj": 0,
            "maxPods": 200,
            "serializeImagePulls": False,
            "maxParallelImagePulls": 4,
            "imageMinimumGCAge": "24h",
            # the disk and the memory are the machine's: a node that evicts because of its neighbours helps nobody
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 99,
            "imageGCLowThresholdPercent": 98,
            "protectKernelDefaults": True,
            "registerWithTaints": _taints(node),
        }
        return yaml.safe_dump(config, sort_keys=False)

    def _kube_proxy(self) -> Component:
        config = self.layout.config / "kube-proxy.yaml"
        return Component(
            name="kube-proxy",
            argv=(str(self.programs[binaries.KUBE_PROXY]), f"--config={config}"),
            probe=HttpProbe(f"http://{self.settings.address}:{_PROXY_HEALTH_PORT}/healthz"),
            inputs=(config, self.layout.kubeconfigs / "kube-proxy"),
            placement=self.isolation.placement("kube-proxy"),
        )

    def _kube_proxy_config(self) -> str:
        config = {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "bindAddress": str(self.settings.address),
            "healthzBindAddress": f"{self.settings.address}:{_PROXY_HEALTH_PORT}",
            "metricsBindAddress": "127.0.0.1:10249",
            "clientConnection": {"kubeconfig": str(self.layout.kubeconfigs / "kube-proxy")},
            "hostnameOverride": self.nodes[0].name,
            "mode": "iptables",
            "clusterCIDR": str(self.settings.pod_subnet),
            "detectLocalMode": "ClusterCIDR",
            "oomScoreAdj": 0,
            # the connection table's limits belong to the machine
            "conntrack": {
                "maxPerCore": 0,
                "min": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
        }
        return yaml.safe_dump(config, sort_keys=False)


_UNUSED_PLUGINS = [
    *(f"io.containerd.snapshotter.v1.{name}" for name in ("blockfile", "btrfs", "devmapper", "erofs", "native", "zfs")),
    "io.containerd.differ.v1.erofs",
    "io.containerd.internal.v1.opt",
    "io.containerd.internal.v1.tracing",
    "io.containerd.nri.v1.nri",
    "io.containerd.tracing.processor.v1.otlp",
]


def _taints(node: Node) -> list[dict[str, str]]:
    return [{"key": EMULATED, "value": "true", "effect": "PreferNoSchedule"}] if node.emulated else []


def _toml(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Render tables of strings, numbers, booleans and lists of strings; JSON spells those as TOML does."""
    lines = []
    for name, values in sections.items():
        lines += [f"[{name}]"] if name else []
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        lines.append("")
    return "\n".join(lines)
