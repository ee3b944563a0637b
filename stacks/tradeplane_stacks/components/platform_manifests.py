"""Which manifests of the repository a platform is, as kustomizations: what differs is laid over them here, and no more.

Pure: from a configuration to files. ``tradeplane_stacks.kustomize`` renders them, and ``kubectl apply -k`` of the same
files would apply the same objects.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tradeplane_stacks.components.platform_config import PlatformConfig, RunsNamespace, S3Store
from tradeplane_stacks.deployment import DeployedImages, kustomization_text, operator_kustomization

SYSTEM = "tradeplane-system"
"""The operator's namespace; the manifests have it."""
ROLE = "eks.amazonaws.com/role-arn"
"""Annotation of an account by which its pods take on a role of IAM (IRSA)."""
_DEPLOY = "manifests/operator/deploy"
_POLICIES = "manifests/policies"
# The operator reaches these anyway (operator/deploy/base/network-policy.yaml).
_OPEN_PORTS = (443, 6443)


def kustomizations(config: PlatformConfig) -> dict[str, str]:
    """Return the files of a platform's kustomizations, by their paths."""
    parts = {
        "operator": _operator(config),
        "admission": {"kustomization.yaml": kustomization_text(_admission(config))},
    }
    for namespace in config.namespaces:
        fields = _namespace(namespace, in_network=isinstance(config.store, S3Store))
        parts[f"namespaces/{namespace.name}"] = {"kustomization.yaml": kustomization_text(fields)}
    files = {f"{part}/{name}": text for part, found in parts.items() for name, text in found.items()}
    return {"kustomization.yaml": kustomization_text({"resources": sorted(parts)}), **files}


def settings(config: PlatformConfig) -> dict[str, Any]:
    """Return the operator's settings, but for the runner's image."""
    found: dict[str, Any] = {
        "stores": {"default": _store(config)},
        "images": {"registries": list(config.image_registries)},
        "limits": {"runs": config.limits.runs, "runsPerNamespace": config.limits.runs_per_namespace},
    }
    evidence = config.evidence
    if evidence is not None:
        found["evidence"] = {
            "registry": evidence.registry,
            "signer": evidence.signer,
            "plainHttp": evidence.plain_http,
            "required": evidence.required,
        }
        if evidence.timestamp_authority is not None:
            found["evidence"]["timestampAuthority"] = evidence.timestamp_authority
    return found


def _store(config: PlatformConfig) -> dict[str, Any]:
    store = config.store
    if not isinstance(store, S3Store):
        return {"url": "file:///store", "claim": "tradeplane-store"}
    found: dict[str, Any] = {"url": store.url, "environment": {"AWS_REGION": store.region}}
    return found | ({"credentialsSecret": "tradeplane-store"} if store.credentials == "secret" else {})


def _operator(config: PlatformConfig) -> dict[str, str]:
    below = f"../{_DEPLOY}"
    return operator_kustomization(
        [f"{below}/crds", f"{below}/base"],
        [f"{below}/components/{name}" for name in _components(config)],
        DeployedImages(config.images.operator, config.images.workloads),
        settings(config),
        patches=list(_operator_patches(config)),
    )


def _components(config: PlatformConfig) -> Iterator[str]:
    yield "cluster-wide"
    if not isinstance(config.store, S3Store):
        yield "file-store"
    elif config.store.credentials == "secret":
        yield "s3-credentials"
    if config.evidence is not None:
        yield "evidence"
        if _registry_port(config.evidence.registry) not in _OPEN_PORTS:
            yield "registry-egress"


def _operator_patches(config: PlatformConfig) -> Iterator[dict[str, Any]]:
    if config.operator_role is not None:
        yield _annotated("tradeplane-operator", SYSTEM, config.operator_role)
    if config.architecture is not None:
        selector = {"kubernetes.io/arch": config.architecture}
        yield _changes("Deployment", "tradeplane-operator", "add", "/spec/template/spec/nodeSelector", selector)
    if config.evidence is not None:
        port = _registry_port(config.evidence.registry)
        if port not in _OPEN_PORTS:
            path = "/spec/egress/0/ports/0/port"
            yield _changes("NetworkPolicy", "tradeplane-operator-to-registry", "replace", path, port)


def _admission(config: PlatformConfig) -> dict[str, Any]:
    below = f"../{_POLICIES}/admission"
    path = "/spec/imageSources/registries"
    registries = list(config.image_registries)
    return {
        "resources": [f"{below}/parameters", f"{below}/all"],
        "patches": [_changes("AdmissionParameters", "tradeplane-image-sources", "replace", path, registries)],
    }


def _namespace(namespace: RunsNamespace, *, in_network: bool) -> dict[str, Any]:
    deploy = f"../../{_DEPLOY}"
    components = [*(["s3-egress"] if in_network else []), *(["broker-egress"] if namespace.brokers else [])]
    patches = []
    if namespace.runner_role is not None:
        patches.append(_annotated("tradeplane-runner", None, namespace.runner_role))
    if namespace.tenant is not None:
        labels = {"tradeplane.dev/tenant": namespace.tenant, "tradeplane.dev/runs": "guarded"}
        patches.append(_merged("v1", "Namespace", {"name": "research", "labels": labels}))
    return {
        "namespace": namespace.name,
        "resources": [f"{deploy}/namespace", f"../../{_POLICIES}/quotas/{namespace.quota}"],
        **({"components": [f"{deploy}/components/{name}" for name in components]} if components else {}),
        **({"patches": patches} if patches else {}),
    }


def _annotated(account: str, namespace: str | None, role: str) -> dict[str, Any]:
    within = {"namespace": namespace} if namespace else {}
    return _merged("v1", "ServiceAccount", {"name": account, **within, "annotations": {ROLE: role}})


def _merged(api_version: str, kind: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    document = {"apiVersion": api_version, "kind": kind, "metadata": dict(metadata)}
    return {"target": {"kind": kind, "name": metadata["name"]}, "patch": yaml.safe_dump(document)}


def _changes(kind: str, name: str, operation: str, path: str, value: Any) -> dict[str, Any]:
    patch = [{"op": operation, "path": path, "value": value}]
    return {"target": {"kind": kind, "name": name}, "patch": yaml.safe_dump(patch)}


def _registry_port(registry: str) -> int:
    host = registry.partition("/")[0]
    _, colon, port = host.rpartition(":")
    return int(port) if colon and port.isdigit() else 443
