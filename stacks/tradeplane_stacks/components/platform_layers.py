"""Which layers a configuration lays over the operator, in the order of what they add to its pod.

Pure, as all of a platform's files are.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tradeplane_stacks.components.platform_config import PlatformConfig, S3Store
from tradeplane_stacks.components.platform_evidence import Evidence
from tradeplane_stacks.components.platform_layer import OPERATOR, SYSTEM, ConfigMapFiles, Layer
from tradeplane_stacks.components.platform_ledger_layer import ledger_layer
from tradeplane_stacks.components.platform_monitoring import Monitoring
from tradeplane_stacks.components.platform_patches import changed, merged, renamed, step
from tradeplane_stacks.components.platform_queues import Queues
from tradeplane_stacks.components.platform_trust import Approvals, ImageTrust, SnapshotTrust, keyring

# The operator reaches these anyway (operator/deploy/base/network-policy.yaml).
_OPEN_PORTS = {443, 6443}
_PROMETHEUS, _LEADER_RULES = "monitoring.coreos.com/v1", "tradeplane-operator-leader"


def layers(config: PlatformConfig) -> Iterator[Layer]:
    """Return what is laid over the operator, in order."""
    yield from _plain(config)
    if config.images.attested is not None:
        yield _image_trust(config.images.attested)
    if ports := registry_ports(config):
        yield _egress("registry", ports)
    if config.evidence is not None and config.evidence.keyless:
        yield _keyless(config.evidence)
    if config.evidence is not None and config.evidence.snapshots is not None:
        yield _snapshot_keys(config.evidence.snapshots)
    if ports := sigstore_ports(config):
        yield _egress("sigstore", ports)
    if config.approvals is not None:
        yield _approvals(config.approvals)
    if config.ledger is not None:
        yield ledger_layer(config.ledger)
    if config.queues is not None:
        yield _queues(config.queues)
    if config.monitoring is not None:
        yield _monitoring(config.monitoring, one_of_several=config.failover is not None)


def _plain(config: PlatformConfig) -> Iterator[Layer]:
    """Return layers of components as they are."""
    chosen = {
        "permissions": ("cluster-wide",) if config.serves == "cluster" else (),
        "store": _store(config),
        "pod-identity": ("pod-identity-egress",) if config.pod_identity else (),
        "evidence": ("evidence",) if config.evidence is not None else (),
    }
    yield from (Layer(name, components) for name, components in chosen.items() if components)


def _store(config: PlatformConfig) -> tuple[str, ...]:
    if isinstance(config.store, S3Store):
        return ("s3-credentials",) if config.store.credentials == "secret" else ()
    return ("file-store", "file-store-removal") if config.store.removal else ("file-store",)


def _image_trust(trust: ImageTrust) -> Layer:
    made = () if trust.keys is None else (_keyring("tradeplane-trusted-keys", keyring(trust.keys)),)
    return Layer("image-trust", ("image-trust",), config_maps=made)


def _snapshot_keys(snapshots: SnapshotTrust) -> Layer:
    made = () if snapshots.keys is None else (_keyring("tradeplane-snapshot-keys", keyring(snapshots.keys)),)
    return Layer("snapshot-keys", ("snapshot-keys",), config_maps=made)


def _approvals(approvals: Approvals) -> Layer:
    made = () if approvals.keys is None else (_keyring("tradeplane-approvers", keyring(approvals.keys)),)
    return Layer("approvals", ("approvals",), config_maps=made)


def _keyring(name: str, text: str) -> ConfigMapFiles:
    return ConfigMapFiles(name, {"keyring.json": text})


def _keyless(evidence: Evidence) -> Layer:
    trusted = evidence.trust_config
    text = None if trusted is None else json.dumps(trusted, indent=2) + "\n"
    made = () if text is None else (ConfigMapFiles("tradeplane-trust-config", {"trust-config.json": text}),)
    return Layer("keyless-signing", ("keyless-signing",), config_maps=made)


def _egress(where: str, ports: list[int]) -> Layer:
    opened = [{"protocol": "TCP", "port": port} for port in ports]
    patch = changed("NetworkPolicy", f"tradeplane-operator-to-{where}", step("replace", "/spec/egress/0/ports", opened))
    return Layer(f"{where}-egress", (f"{where}-egress",), (patch,))


def registry_ports(config: PlatformConfig) -> list[int]:
    """Return the ports of registries that the operator asks, and does not reach anyway."""
    asked = [] if config.evidence is None else [(config.evidence.registry, config.evidence.plain_http)]
    if (trust := config.images.attested) is not None:
        asked += [(registry, trust.plain_http) for registry in config.image_registries]
    return _asked(_port(registry, plain_http=plain) for registry, plain in asked)


def sigstore_ports(config: PlatformConfig) -> list[int]:
    """Return the ports of an instance of Sigstore that the operator asks, and does not reach anyway."""
    evidence = config.evidence
    return _asked(evidence.sigstore_ports) if evidence is not None and evidence.keyless else []


def _asked(ports: Iterable[int]) -> list[int]:
    return sorted({*ports} - _OPEN_PORTS)


def _port(registry: str, *, plain_http: bool) -> int:
    _, colon, port = registry.partition("/")[0].rpartition(":")
    if colon and port.isdigit():
        return int(port)
    return 80 if plain_http else 443


def _queues(queues: Queues) -> Layer:
    quotas = [{"name": "cpu", "nominalQuota": queues.cpu}, {"name": "memory", "nominalQuota": queues.memory}]
    path = "/spec/resourceGroups/0/flavors/0/resources"
    patches = [changed("ClusterQueue", "tradeplane-runs", step("replace", path, quotas))]
    components = ["queues", *(["multikueue-worker"] if queues.worker else [])]
    if queues.workers:
        components.append("multikueue-check")
        workers = step("replace", "/spec/clusters", list(queues.workers))
        patches.append(changed("MultiKueueConfig", "tradeplane-workers", workers))
    clusters = {name: ("multikueue-cluster", _cluster(name)) for name in queues.workers}
    return Layer("queues", tuple(components), tuple(patches), named=clusters)


def _cluster(name: str) -> dict[str, Any]:
    location = step("replace", "/spec/clusterSource/kubeConfig/location", name)
    return renamed("MultiKueueCluster", "worker-1", name, location)


def _monitoring(monitoring: Monitoring, *, one_of_several: bool) -> Layer:
    """Return the layer of monitoring; ``one_of_several``: whether nobody leads here while another region is active."""
    interval = step("replace", "/spec/endpoints/0/interval", f"{monitoring.interval_seconds}s")
    patches = [changed("ServiceMonitor", OPERATOR, interval)]
    for kind, name in (("ServiceMonitor", OPERATOR), ("PrometheusRule", OPERATOR), ("PrometheusRule", _LEADER_RULES)):
        metadata: dict[str, Any] = {"name": name, "namespace": SYSTEM, "labels": dict(monitoring.labels)}
        rules: dict[str, Any] = {"apiVersion": _PROMETHEUS, "kind": kind, "metadata": metadata}
        gone = {"$patch": "delete"} if one_of_several and name == _LEADER_RULES else {}
        patches.append(merged({**rules, **gone}))
    return Layer("monitoring", ("monitoring",), tuple(patches))
