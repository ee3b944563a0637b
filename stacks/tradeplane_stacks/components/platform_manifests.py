"""Which manifests of the repository a platform is, as kustomizations: what differs is laid over them here, and no more.

Pure: from a configuration to files. ``tradeplane_stacks.kustomize`` renders them, and ``kubectl apply -k`` of the same
files would apply the same objects. Secrets are not among them: those go from the stack to the cluster.
"""

from collections.abc import Iterator
from typing import Any

from tradeplane_stacks.components.platform_config import POLICIES, PlatformConfig, RunsNamespace, S3Store, Store
from tradeplane_stacks.components.platform_layer import DEPLOY, OPERATOR, RUNNER, SYSTEM
from tradeplane_stacks.components.platform_layers import layers
from tradeplane_stacks.components.platform_ledger_layer import RECORDER
from tradeplane_stacks.components.platform_patches import annotated, changed, merged, renamed, step
from tradeplane_stacks.components.platform_settings import CLAIM, settings
from tradeplane_stacks.deployment import DeployedImages, kustomization_text, operator_kustomization

_POLICIES = "manifests/policies"
_ALL_STORES = "all"


def kustomizations(config: PlatformConfig) -> dict[str, str]:
    """Return the files of a platform's kustomizations, by their paths."""
    parts = {"operator": _operator(config)}
    if config.policies:
        parts["admission"] = _alone(_admission(config))
    if directory := _directory(config.store):
        volume = _volume(_ALL_STORES, SYSTEM, directory)
        parts["store"] = _alone({"namespace": SYSTEM, "resources": [f"../{DEPLOY}/directory-store"], "patches": volume})
    for namespace in config.namespaces:
        parts[f"namespaces/{namespace.name}"] = _alone(_namespace(namespace, config))
    files = {f"{part}/{name}": text for part, found in parts.items() for name, text in found.items()}
    return {"kustomization.yaml": kustomization_text({"resources": sorted(parts)}), **files}


def _alone(fields: dict[str, Any]) -> dict[str, str]:
    given = {key: value for key, value in fields.items() if value}
    return {"kustomization.yaml": kustomization_text(given)}


def _operator(config: PlatformConfig) -> dict[str, str]:
    laid = [*layers(config)]
    made = operator_kustomization(
        [f"../{DEPLOY}/crds", f"../{DEPLOY}/base"],
        [layer.name for layer in laid],
        DeployedImages(config.images.operator, config.images.workloads),
        settings(config),
        patches=list(_operator_patches(config)),
    )
    return {**made, **{path: text for layer in laid for path, text in layer.files()}}


def _operator_patches(config: PlatformConfig) -> Iterator[dict[str, Any]]:
    if config.operator_role is not None:
        yield annotated(OPERATOR, SYSTEM, config.operator_role)
    if config.architecture is not None:
        selector = step("add", "/spec/template/spec/nodeSelector", {"kubernetes.io/arch": config.architecture})
        yield changed("Deployment", OPERATOR, selector)
        if config.ledger is not None:
            yield changed("Deployment", RECORDER, selector)


def _admission(config: PlatformConfig) -> dict[str, Any]:
    below = f"../{_POLICIES}/admission"
    chosen = ["all"] if {*config.policies} == {*POLICIES} else sorted(config.policies)
    registries = step("replace", "/spec/imageSources/registries", list(config.image_registries))
    return {
        "resources": [f"{below}/parameters", *[f"{below}/{one}" for one in chosen]],
        "patches": [changed("AdmissionParameters", "tradeplane-image-sources", registries)],
    }


def _namespace(namespace: RunsNamespace, config: PlatformConfig) -> dict[str, Any]:
    deploy, directory = f"../../{DEPLOY}", _directory(config.store)
    resources = [f"{deploy}/namespace"]
    patches = _volume(namespace.name, namespace.name, f"{directory}/{namespace.name}") if directory else []
    if directory:
        resources.append(f"{deploy}/directory-store")
    if namespace.quota != "none":
        resources.append(f"../../{_POLICIES}/quotas/{namespace.quota}")
    if namespace.runner_role is not None:
        patches.append(annotated(RUNNER, None, namespace.runner_role))
    if labels := _labels(namespace):
        patches.append(
            merged({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "research", "labels": labels}})
        )
    return {
        "namespace": namespace.name,
        "resources": resources,
        "components": [f"{deploy}/components/{name}" for name in _namespace_components(namespace, config)],
        "patches": patches,
    }


def _namespace_components(namespace: RunsNamespace, config: PlatformConfig) -> Iterator[str]:
    if isinstance(config.store, S3Store):
        yield "s3-egress"
        if config.pod_identity:
            yield "runs-pod-identity-egress"
    if config.serves == "namespaces":
        yield "served-namespace"
    if namespace.brokers:
        yield "broker-egress"
    if namespace.queue:
        yield "local-queue"


def _labels(namespace: RunsNamespace) -> dict[str, str]:
    tenant = {"tradeplane.dev/tenant": namespace.tenant, "tradeplane.dev/runs": "guarded"} if namespace.tenant else {}
    return {**tenant, **({"tradeplane.dev/images": "verified"} if namespace.verified_images else {})}


def _directory(store: Store) -> str | None:
    return None if isinstance(store, S3Store) else store.directory


def _volume(name: str, namespace: str, directory: str) -> list[dict[str, Any]]:
    """Return the changes that make a volume of a folder, for the claim of a namespace."""
    volume = renamed(
        "PersistentVolume",
        CLAIM,
        f"{CLAIM}-{name}",
        step("replace", "/spec/hostPath/path", directory),
        step("replace", "/spec/claimRef/namespace", namespace),
    )
    claim = changed("PersistentVolumeClaim", CLAIM, step("replace", "/spec/volumeName", f"{CLAIM}-{name}"))
    return [volume, claim]
