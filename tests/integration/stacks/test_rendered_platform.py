"""A platform is what kustomize makes of the manifests, in an order that can be made, and shows no secret."""

from __future__ import annotations

import base64
import importlib
import os
import re
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
import yaml
from pulumi.runtime import rpc
from tradeplane_operator.settings import Settings
from tradeplane_stacks.components import platform as module
from tradeplane_stacks.components.platform import Platform
from tradeplane_stacks.components.platform_config import PlatformConfig
from tradeplane_stacks.components.platform_manifests import kustomizations
from tradeplane_stacks.components.platform_order import type_token
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.kustomize import KustomizeError, locate_kubectl, render
from tradeplane_stacks.local.binaries import KUBECTL, Binaries
from tradeplane_stacks.local.settings import Settings as ClusterSettings

from tests.unit.stacks.components.platforms import (
    CLOUD,
    LOCAL,
    OPERATOR,
    ROLE,
    WORKLOADS,
    changed,
    names,
    one,
    private_key,
    rendered,
    rendered_once,
)
from tests.unit.stacks.components.region import record_with_options
from tests.unit.stacks.components.resource_options import noted_options, protected, waits_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.unit.stacks.components.recording import Recorded

Json = dict[str, Any]
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
SYSTEM = "tradeplane-system"


@pytest.fixture(scope="module", autouse=True)
def kubectl() -> None:
    """Have the program that renders: the one on PATH, else built from its module."""
    try:
        locate_kubectl()
    except KustomizeError:
        Binaries(ClusterSettings.from_environment(os.environ).cache).build((KUBECTL,), print)


@pytest.fixture(scope="module")
def local() -> list[Json]:
    return rendered(LOCAL)


@pytest.fixture(scope="module")
def cloud() -> list[Json]:
    return rendered(CLOUD)


class Made:
    """What a platform asked for: resources, their options, and outputs."""

    def __init__(self, config: Mapping[str, Any], renders: Callable[[Any], list[Json]] = rendered_once) -> None:
        def make() -> dict[str, Any]:
            found = Platform("p", PlatformConfig.read(config), StackName("prod"))
            operator = pulumi.Output.from_input(found.operator)
            return {"kinds": found.kinds, "namespaces": found.namespaces, "operator": operator}

        with noted_options() as self.options, pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "render", renders)
            self.recorded: Recorded = record_with_options(make)[0]
        self.objects: list[Json] = [
            asked.inputs for asked in self.recorded.resources.values() if asked.typ.startswith("kubernetes:")
        ]


@pytest.fixture(scope="module")
def made() -> Made:
    return Made(changed(LOCAL, "evidence.signing_key", private_key()))


def without_annotation(one_of_them: Json) -> Json:
    """Return an object without what says that its fields are taken back."""
    metadata = dict(one_of_them["metadata"])
    annotations = dict(metadata.pop("annotations"))
    assert annotations.pop("pulumi.com/patchForce") == "true"
    return {**one_of_them, "metadata": {**metadata, **({"annotations": annotations} if annotations else {})}}


def test_what_is_made_is_what_kustomize_makes_and_the_key(made: Made, local: list[Json]) -> None:
    def by_name(objects: list[Json]) -> dict[tuple[str, str, str], Json]:
        return {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in objects}

    found = by_name([without_annotation(o) for o in made.objects])
    secret = found.pop(("Secret", SYSTEM, "tradeplane-signing-key"))
    assert found == by_name(local)
    assert secret["type"] == "Opaque"


def test_types_are_those_of_the_sdk(local: list[Json], cloud: list[Json]) -> None:
    for one_of_them in (*local, *cloud):
        token = type_token(one_of_them)
        group, _, version = token.removeprefix("kubernetes:").rpartition(":")[0].partition("/")
        if group.endswith("tradeplane.dev"):
            assert token == f"kubernetes:{one_of_them['apiVersion']}:{one_of_them['kind']}"
            continue
        sdk = importlib.import_module(f"pulumi_kubernetes.{group.partition('.')[0]}.{version}")
        assert issubclass(getattr(sdk, one_of_them["kind"]), pulumi.CustomResource)


def test_the_signing_key_is_a_secret_to_pulumi_and_shown_nowhere() -> None:
    pem = private_key()
    config = changed(LOCAL, "evidence.signing_key", pem)
    (secret,) = Made(config).recorded.of_type("kubernetes:core/v1:Secret").values()
    assert rpc.is_rpc_secret(secret["data"])
    assert rpc.unwrap_rpc_secret(secret["data"]) == {"key.pem": base64.b64encode(pem.encode()).decode()}
    assert pem.splitlines()[1] not in repr(PlatformConfig.read(config))
    assert pem.splitlines()[1] not in "".join(kustomizations(PlatformConfig.read(config)).values())


def test_each_is_made_after_what_it_needs(made: Made) -> None:
    by_name = {name: asked for name, asked in made.recorded.resources.items() if asked.typ.startswith("kubernetes:")}

    def after(name: str) -> set[str]:
        return waits_for(made.options[name])

    kinds = {name for name, asked in by_name.items() if asked.inputs["kind"] == "CustomResourceDefinition"}
    spaces = {name for name, asked in by_name.items() if asked.inputs["kind"] == "Namespace"}
    assert len(kinds) == 7
    assert len(spaces) == 2
    gone_by = ("ValidatingAdmissionPolicy", "AdmissionParameters")
    for name, asked in by_name.items():
        if name not in kinds | spaces:
            assert after(name) >= kinds | spaces, name
        if asked.inputs["kind"] == "ValidatingAdmissionPolicyBinding":
            assert after(name) >= {n for n, a in by_name.items() if a.inputs["kind"] in gone_by}
    deployment = "p-deployment-tradeplane-system-tradeplane-operator"
    service = "p-service-tradeplane-system-tradeplane-operator-metrics"
    needed = {
        "p-clusterrolebinding-tradeplane-operator",
        "p-networkpolicy-tradeplane-system-default-deny",
        "p-rolebinding-tradeplane-system-tradeplane-operator-leadership",
        "p-secret-tradeplane-system-tradeplane-signing-key",
        "p-serviceaccount-tradeplane-system-tradeplane-operator",
    }
    assert after(deployment) >= needed
    # A Service may be waited for until it has pods, and these until somebody can reach them.
    assert service not in after(deployment)
    assert deployment not in after(service)


def test_what_holds_everything_is_protected_unless_it_is_said_otherwise(made: Made) -> None:
    kinds = {"CustomResourceDefinition", "Namespace"}
    resources = made.recorded.resources
    assert protected(made.options) == {n for n, a in resources.items() if a.inputs.get("kind") in kinds}
    assert protected(Made({**LOCAL, "protected": False}).options) == set()


def test_the_rollout_is_waited_for_as_long_as_configured() -> None:
    found = Made({**LOCAL, "rollout_seconds": 77}).options["p-deployment-tradeplane-system-tradeplane-operator"]
    assert isinstance(found.custom_timeouts, pulumi.CustomTimeouts)
    assert (found.custom_timeouts.create, found.custom_timeouts.update) == ("77s", "77s")


def test_outputs_tell_others_what_there_is(made: Made) -> None:
    assert made.recorded.outputs["namespaces"] == ["research"]
    assert made.recorded.outputs["operator"] == "system:serviceaccount:tradeplane-system:tradeplane-operator"
    assert made.recorded.outputs["kinds"][-1] == "strategies.tradeplane.dev"
    assert len(made.recorded.outputs["kinds"]) == 7


@pytest.mark.parametrize("config", [LOCAL, CLOUD])
def test_the_operator_takes_its_settings(config: Json) -> None:
    objects = rendered(config)
    (name,) = (n for n in names(objects, "ConfigMap", SYSTEM) if n.startswith("tradeplane-settings-"))
    settings = Settings.model_validate(
        yaml.safe_load(one(objects, "ConfigMap", name)["data"]["settings.yaml"]), strict=False
    )
    assert settings.images.default == WORKLOADS
    assert settings.images.registries == ("registry.example/tradeplane/",)
    assert settings.images.require_digest
    assert settings.evidence is not None
    assert settings.evidence.signer == config["evidence"]["signer"]
    assert settings.evidence.registry == config["evidence"]["registry"]
    assert settings.evidence.required == config["evidence"].get("required", False)
    assert settings.evidence.plain_http == config["evidence"].get("plain_http", False)
    assert settings.stores["default"].credentials_secret is None
    volumes = one(objects, "Deployment", "tradeplane-operator")["spec"]["template"]["spec"]["volumes"]
    (mounted,) = (volume["configMap"]["name"] for volume in volumes if volume["name"] == "settings")
    assert mounted == name


def test_further_settings_are_told() -> None:
    config = changed(CLOUD, "evidence.timestamp_authority", "https://timestamps.example")
    config = {**config, "limits": {"runs": 7, "runs_per_namespace": 5}, "registries": ["r.example/a/", "r.example/b/"]}
    objects = rendered(changed(config, "store.credentials", "secret"))
    (text,) = (o["data"]["settings.yaml"] for o in objects if o["kind"] == "ConfigMap" and "data" in o)
    settings = Settings.model_validate(yaml.safe_load(text), strict=False)
    assert (settings.limits.runs, settings.limits.runs_per_namespace) == (7, 5)
    assert settings.evidence is not None
    assert settings.evidence.timestamp_authority == "https://timestamps.example"
    store = settings.stores["default"]
    assert (store.url, store.credentials_secret) == ("s3://tradeplane-results/runs", "tradeplane-store")
    assert store.environment == {"AWS_REGION": "eu-west-1"}
    (container,) = one(objects, "Deployment", "tradeplane-operator")["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "tradeplane-store"}}]
    parameters = one(objects, "AdmissionParameters", "tradeplane-image-sources")
    assert parameters["spec"]["imageSources"]["registries"] == ["r.example/a/", "r.example/b/"]


def test_a_locked_bucket_is_written_to_with_checksums() -> None:
    objects = rendered(changed(CLOUD, "store.checksum", "SHA256"))
    (text,) = (o["data"]["settings.yaml"] for o in objects if "settings.yaml" in o.get("data", {}))
    settings = Settings.model_validate(yaml.safe_load(text), strict=False)
    assert settings.stores["default"].environment == {"AWS_REGION": "eu-west-1", "AWS_CHECKSUM_ALGORITHM": "SHA256"}


def test_the_operator_is_of_the_digest_and_hardened(local: list[Json], cloud: list[Json]) -> None:
    for objects in (local, cloud):
        pod = one(objects, "Deployment", "tradeplane-operator")["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert "envFrom" not in container
        assert container["image"] == OPERATOR
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert "nodeSelector" not in pod


def test_pods_are_held_to_the_strictest_standard_in_every_namespace(local: list[Json], cloud: list[Json]) -> None:
    for objects, expected in ((local, {SYSTEM, "research"}), (cloud, {SYSTEM, "desk", "lab"})):
        assert names(objects, "Namespace") == expected
        for name in expected:
            assert one(objects, "Namespace", name)["metadata"]["labels"].items() >= RESTRICTED.items()


def test_a_namespace_of_a_tenant_is_held_to_the_policies_for_tenants(local: list[Json], cloud: list[Json]) -> None:
    labels = one(cloud, "Namespace", "desk")["metadata"]["labels"]
    assert labels["tradeplane.dev/tenant"] == "desk"
    assert labels["tradeplane.dev/runs"] == "guarded"
    untended = rendered({**LOCAL, "policies": ["runs", "image-sources"], "namespaces": [{"name": "research"}]})
    of_nobody = one(untended, "Namespace", "research")["metadata"]["labels"]
    assert not any(label.startswith("tradeplane.dev/") for label in of_nobody)
    wanted = one(cloud, "AdmissionParameters", "tradeplane-tenancy")["spec"]["tenancy"]["labels"]
    assert wanted.items() <= labels.items()


def test_quotas_are_of_the_size_asked_for(cloud: list[Json]) -> None:
    assert one(cloud, "ResourceQuota", "tradeplane-tenant", "desk")["spec"]["hard"]["pods"] == "1k"
    assert one(cloud, "ResourceQuota", "tradeplane-tenant", "lab")["spec"]["hard"]["pods"] == "100"
    for namespace in ("desk", "lab"):
        assert names(cloud, "LimitRange", namespace) == {"tradeplane-runs", "tradeplane-tenant"}


def test_amounts_are_as_the_api_server_writes_them(cloud: list[Json]) -> None:
    """Otherwise every ``up`` would change them again."""
    quotas = [o["spec"]["hard"] for o in cloud if o["kind"] == "ResourceQuota"]
    assert len(quotas) == 2
    assert not [
        amount for hard in quotas for amount in hard.values() if re.fullmatch(r"[0-9]+(000|024(Mi|Gi))", amount)
    ]


def test_networks_are_shut_off_but_for_what_is_needed(local: list[Json], cloud: list[Json]) -> None:
    system = {"default-deny", "tradeplane-operator"}
    runs = {"default-deny", "tradeplane-runs-to-dns"}
    brokers = {
        "tradeplane-clients-to-exchanges",
        "tradeplane-exchanges-from-clients",
        "tradeplane-probes-to-brokers",
    }
    store = {"tradeplane-runs-to-store"}
    assert names(local, "NetworkPolicy", SYSTEM) == system | {"tradeplane-operator-to-registry"}
    assert names(cloud, "NetworkPolicy", SYSTEM) == system  # a registry by TLS is reached anyway
    assert names(local, "NetworkPolicy", "research") == runs
    assert names(cloud, "NetworkPolicy", "lab") == runs | store
    assert names(cloud, "NetworkPolicy", "desk") == runs | store | brokers
    for namespace in (SYSTEM, "desk", "lab"):
        deny = one(cloud, "NetworkPolicy", "default-deny", namespace)["spec"]
        assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_the_operator_is_where_it_is_wanted_and_reaches_a_registry_at_its_port_alone(local: list[Json]) -> None:
    there = rendered({**changed(LOCAL, "evidence.registry", "r.example:8443/runs"), "architecture": "arm64"})
    pod = one(there, "Deployment", "tradeplane-operator")["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"kubernetes.io/arch": "arm64"}
    for objects, port in ((local, 5000), (there, 8443)):
        policy = one(objects, "NetworkPolicy", "tradeplane-operator-to-registry")
        assert policy["spec"]["egress"] == [{"ports": [{"protocol": "TCP", "port": port}]}]


def test_nothing_is_opened_for_a_registry_where_nothing_is_attested() -> None:
    objects = rendered({key: value for key, value in LOCAL.items() if key != "evidence"})
    assert "tradeplane-operator-to-registry" not in names(objects, "NetworkPolicy")
    volumes = one(objects, "Deployment", "tradeplane-operator")["spec"]["template"]["spec"]["volumes"]
    assert {"signing", "registry"}.isdisjoint(volume["name"] for volume in volumes)


def test_roles_are_those_of_the_accounts_they_are_for(local: list[Json], cloud: list[Json]) -> None:
    annotation = "eks.amazonaws.com/role-arn"
    found = {
        (o["metadata"]["namespace"], o["metadata"]["name"]): o["metadata"].get("annotations", {}).get(annotation)
        for o in cloud
        if o["kind"] == "ServiceAccount"
    }
    assert found == {
        (SYSTEM, "tradeplane-operator"): f"{ROLE}-operator",
        ("desk", "tradeplane-runner"): f"{ROLE}-desk",
        ("lab", "tradeplane-runner"): None,
    }
    for o in (*local, *cloud):
        if o["kind"] == "ServiceAccount":
            assert o["automountServiceAccountToken"] is False


def test_every_policy_is_bound_and_denies(local: list[Json]) -> None:
    bound = {o["spec"]["policyName"] for o in local if o["kind"] == "ValidatingAdmissionPolicyBinding"}
    assert bound == names(local, "ValidatingAdmissionPolicy")
    assert len(bound) == 18
    for o in local:
        if o["kind"] == "ValidatingAdmissionPolicyBinding":
            assert "Deny" in o["spec"]["validationActions"]
        if o["kind"] == "ValidatingAdmissionPolicy":
            assert o["spec"]["failurePolicy"] == "Fail"
    parameters = one(local, "AdmissionParameters", "tradeplane-image-sources")
    assert parameters["spec"]["imageSources"]["registries"] == ["registry.example/tradeplane/"]


def test_metrics_are_found_by_who_scrapes_them(local: list[Json]) -> None:
    service = one(local, "Service", "tradeplane-operator-metrics")
    assert service["metadata"]["annotations"] == {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}


def test_manifests_that_are_refused_make_nothing() -> None:
    def refused(_: object) -> list[Json]:
        raise KustomizeError("kubectl kustomize refused the manifests: why")

    with pytest.raises(pulumi.RunError, match="p: kubectl kustomize refused the manifests: why"):
        Made(LOCAL, refused)


def test_why_manifests_are_refused_is_told() -> None:
    with pytest.raises(KustomizeError, match=r"kustomize refused the manifests: .*nowhere"):
        render({"kustomization.yaml": "resources: [nowhere]"})


def test_a_missing_kubectl_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TRADEPLANE_CACHE", str(tmp_path))
    with pytest.raises(KustomizeError, match=r"kubectl is not on PATH: install it \(https://"):
        render({"kustomization.yaml": ""})
