"""A configuration of a platform that is wrong is told with its field, and keys are never in what is told."""

from __future__ import annotations

from typing import Any

import pytest
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.platform_config import PlatformConfig

from tests.unit.stacks.components.platforms import CLOUD, LOCAL, changed, private_key


@pytest.mark.parametrize("config", [LOCAL, CLOUD, {key: LOCAL[key] for key in ("images", "store")}])
def test_what_is_right_is_taken(config: dict[str, Any]) -> None:
    found = PlatformConfig.read(config)
    assert found.protected
    assert found.image_registries == ("registry.example/tradeplane/",)


def test_a_key_for_the_signer_of_a_file_is_taken() -> None:
    pem = private_key()
    evidence = PlatformConfig.read(changed(LOCAL, "evidence.signing_key", pem)).evidence
    assert evidence is not None
    assert evidence.signing_key is not None
    assert evidence.signing_key.get_secret_value() == pem


DIGEST = "sha256:" + "1" * 64


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("images", None, "images"),
        ("images.operator", "registry.example/tradeplane/operator:latest", r"images\.operator"),
        ("images.operator", f"registry.example/tradeplane/operator:1@{DIGEST}", r"images\.operator"),
        ("images.operator", f"operator@{DIGEST}", r"images\.operator"),
        ("images.workloads", "registry.example/a@sha256:12", r"images\.workloads"),
        ("images.sidecar", f"registry.example/a@{DIGEST}", r"images\.sidecar: Extra inputs"),
        ("store", {"kind": "nfs"}, r"store: .*'volume', 's3'"),
        ("store", {"kind": "volume", "url": "file:///etc"}, r"store\.volume\.url: Extra inputs"),
        ("store", {"kind": "s3", "region": "eu-west-1"}, r"store\.s3\.url: Field required"),
        ("store", {"kind": "s3", "url": "https://b.example", "region": "eu-west-1"}, r"store\.s3\.url"),
        ("store", {"kind": "s3", "url": "s3://bucket/../other", "region": "eu"}, r"store\.s3\.region"),
        (
            "store",
            {"kind": "s3", "url": "s3://bucket", "region": "eu-west-1", "credentials": "key"},
            "'role' or 'secret'",
        ),
        ("store", {"kind": "s3", "url": "s3://b1", "region": "eu-west-1", "checksum": "MD5"}, r"store\.s3\.checksum"),
        ("evidence.signer", "file:/etc/passwd", r"evidence\.signer"),
        ("evidence.signer", "hashivault://key", r"evidence\.signer"),
        ("evidence.registry", "https://registry.example/runs", r"evidence\.registry"),
        ("evidence.timestamp_authority", "timestamps.example", r"evidence\.timestamp_authority"),
        ("evidence.plain_http", "perhaps", r"evidence\.plain_http"),
        ("evidence.signing_key", "no key", r"evidence\.signing_key: .*no private key in PEM"),
        ("limits", {"runs": 0}, r"limits\.runs"),
        ("limits", {"runs_per_namespace": 0}, r"limits\.runs_per_namespace"),
        ("namespaces", [{"name": "kube-system"}], r"namespaces\.0\.name: .*kube-system is the system's"),
        ("namespaces", [{"name": "tradeplane-system"}], r"namespaces\.0\.name: .*is the system's"),
        ("namespaces", [{"name": "default"}], r"namespaces\.0\.name: .*is the system's"),
        ("namespaces", [{"name": "Desk"}], r"namespaces\.0\.name"),
        ("namespaces", [{"name": "../desk"}], r"namespaces\.0\.name"),
        ("namespaces", [{"name": "a"}, {"name": "b"}, {"name": "a"}], "namespaces: a more than once"),
        ("namespaces", [{"name": "a", "tenant": "A desk"}], r"namespaces\.0\.tenant"),
        ("namespaces", [{"name": "a", "quota": "huge"}], r"namespaces\.0\.quota"),
        ("namespaces", [{"name": "a", "runner_role": "arn:aws:iam::1:root"}], r"namespaces\.0\.runner_role"),
        ("registries", [], "registries"),
        ("registries", ["registry.example"], r"registries\.0"),
        ("registries", ["registry.example/team"], r"registries\.0"),
        ("registries", [""], r"registries\.0"),
        ("operator_role", "arn:aws:iam::*:role/any", "operator_role"),
        ("architecture", "s390x", "architecture"),
        ("rollout_seconds", 0, "rollout_seconds"),
        ("rollout_seconds", 100_000, "rollout_seconds"),
        ("protected", "perhaps", "protected"),
        ("pod_identity", "perhaps", "pod_identity"),
        ("kubeconfig", "kubeconfigs/admin", "kubeconfig: Extra inputs"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(path: str, value: Any, message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        PlatformConfig.read(changed(LOCAL, path, value))


@pytest.mark.parametrize("kind", ["P-384", "RSA"])
def test_a_key_of_another_kind_is_refused_and_not_shown(kind: str) -> None:
    pem = private_key(kind)
    with pytest.raises(
        InvalidConfiguration, match=r"evidence\.signing_key: .*is to be a key of the curve P-256"
    ) as refused:
        PlatformConfig.read(changed(LOCAL, "evidence.signing_key", pem))
    assert pem.splitlines()[1] not in str(refused.value)


def test_a_key_is_refused_where_the_signer_has_its_own() -> None:
    config = changed(CLOUD, "evidence.signing_key", private_key())
    with pytest.raises(InvalidConfiguration, match="awskms:///alias/tradeplane-prod-signing-key has its own"):
        PlatformConfig.read(config)


def test_an_account_has_its_role_one_way() -> None:
    alone = {key: value for key, value in CLOUD.items() if key != "operator_role"}
    assert PlatformConfig.read({**alone, "pod_identity": True}).pod_identity
    with pytest.raises(InvalidConfiguration, match="operator_role: is of IRSA, and pod_identity has it otherwise"):
        PlatformConfig.read({**CLOUD, "pod_identity": True})
