"""Which layers a configuration lays over the operator, in the order of what they add to its pod.

Pure, as all of a platform's files are.
"""

import json
from collections.abc import Iterator

from tradeplane_stacks.components.platform_config import PlatformConfig, S3Store
from tradeplane_stacks.components.platform_evidence import Evidence
from tradeplane_stacks.components.platform_layer import ConfigMapFiles, Layer
from tradeplane_stacks.components.platform_ledger_layer import ledger_layer
from tradeplane_stacks.components.platform_patches import changed, step
from tradeplane_stacks.components.platform_queues import Queues
from tradeplane_stacks.components.platform_trust import Approvals, ImageTrust, keyring

# The operator reaches these anyway (operator/deploy/base/network-policy.yaml).
_OPEN_PORTS = {443, 6443}


def layers(config: PlatformConfig) -> Iterator[Layer]:
    """Return what is laid over the operator, in order."""
    yield Layer("store", ("cluster-wide", *_store(config)))
    if config.pod_identity:
        yield Layer("identity", ("operator-pod-identity",))
    if config.evidence is not None:
        yield Layer("evidence", ("evidence",))
    if config.images.attested is not None:
        yield _image_trust(config.images.attested)
    if ports := _registry_ports(config):
        yield _egress("registry", ports)
    if config.evidence is not None and config.evidence.keyless:
        yield from _keyless(config.evidence)
    if config.approvals is not None:
        yield _approvals(config.approvals)
    if config.ledger is not None:
        yield ledger_layer(config.ledger)
    if config.queues is not None:
        yield _queues(config.queues)


def _store(config: PlatformConfig) -> tuple[str, ...]:
    if isinstance(config.store, S3Store):
        return ("s3-credentials",) if config.store.credentials == "secret" else ()
    return ("file-store", "file-store-removal") if config.store.removal else ("file-store",)


def _image_trust(trust: ImageTrust) -> Layer:
    made = () if trust.keys is None else (_keyring("tradeplane-trusted-keys", keyring(trust.keys)),)
    return Layer("image-trust", ("image-trust",), config_maps=made)


def _approvals(approvals: Approvals) -> Layer:
    made = () if approvals.keys is None else (_keyring("tradeplane-approvers", keyring(approvals.keys)),)
    return Layer("approvals", ("approvals",), config_maps=made)


def _keyring(name: str, text: str) -> ConfigMapFiles:
    return ConfigMapFiles(name, {"keyring.json": text})


def _keyless(evidence: Evidence) -> Iterator[Layer]:
    trusted = evidence.trust_config
    text = None if trusted is None else json.dumps(trusted, indent=2) + "\n"
    made = () if text is None else (ConfigMapFiles("tradeplane-trust-config", {"trust-config.json": text}),)
    yield Layer("keyless-signing", ("keyless-signing",), config_maps=made)
    if ports := sorted({*evidence.sigstore_ports} - _OPEN_PORTS):
        yield _egress("sigstore", ports)


def _egress(where: str, ports: list[int]) -> Layer:
    opened = [{"protocol": "TCP", "port": port} for port in ports]
    patch = changed("NetworkPolicy", f"tradeplane-operator-to-{where}", step("replace", "/spec/egress/0/ports", opened))
    return Layer(f"{where}-egress", (f"{where}-egress",), (patch,))


def _registry_ports(config: PlatformConfig) -> list[int]:
    """Return the ports of registries that the operator asks, and does not reach anyway."""
    asked = [] if config.evidence is None else [(config.evidence.registry, config.evidence.plain_http)]
    if (trust := config.images.attested) is not None:
        asked += [(registry, trust.plain_http) for registry in config.image_registries]
    return sorted({_port(registry, plain_http=plain) for registry, plain in asked} - _OPEN_PORTS)


def _port(registry: str, *, plain_http: bool) -> int:
    _, colon, port = registry.partition("/")[0].rpartition(":")
    if colon and port.isdigit():
        return int(port)
    return 80 if plain_http else 443


def _queues(queues: Queues) -> Layer:
    quotas = [
        {"name": "cpu", "nominalQuota": queues.cpu},
        {"name": "memory", "nominalQuota": queues.memory},
    ]
    path = "/spec/resourceGroups/0/flavors/0/resources"
    patch = changed("ClusterQueue", "tradeplane-runs", step("replace", path, quotas))
    return Layer("queues", ("queues", *(["multikueue-worker"] if queues.worker else [])), (patch,))
