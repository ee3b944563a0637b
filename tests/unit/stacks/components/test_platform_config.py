"""A configuration of a platform that is wrong is told with its field, and keys are never in what is told."""

from __future__ import annotations

from typing import Any

import pytest
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.platform_config import PlatformConfig, VolumeStore

from tests.unit.deploy.manifests import ROOT as CHECKOUT
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
        ("namespaces", [{"name": "a"}], "namespaces: a: tenant: .* name a tenant"),
        ("namespaces", [{"name": "a", "tenant": "a", "queue": True}], "namespaces: a: queue: .*configure queues"),
        (
            "namespaces",
            [{"name": "a", "tenant": "a", "verified_images": True}],
            "a: verified_images: .*images.attested",
        ),
        ("policies", ["tenancy", "tenancy"], "policies: tenancy more than once"),
        ("policies", ["everything"], r"policies\.0"),
        ("store", {"kind": "volume", "directory": "relative"}, r"store\.volume\.directory"),
        ("store", {"kind": "volume", "directory": "/a/../b"}, r"store\.volume\.directory"),
        ("store", {"kind": "volume", "directory": "/"}, r"store\.volume\.directory"),
        ("failover", {"name": "eu-west-1", "table": "t1", "table_regions": ["eu-west-1"]}, r"failover\.table: "),
        ("failover", {"name": "europe", "table": "table", "table_regions": ["eu-west-1"]}, r"failover\.name"),
        ("failover", {"name": "eu-west-1", "table": "table", "table_regions": []}, r"failover\.table_regions"),
        (
            "failover",
            {"name": "eu-west-1", "table": "table", "table_regions": ["eu-west-1"], "valid_seconds": 5},
            r"failover\.valid_seconds",
        ),
        ("registries", [], "registries"),
        ("registries", ["registry.example"], r"registries\.0"),
        ("registries", ["registry.example/team"], r"registries\.0"),
        ("registries", [""], r"registries\.0"),
        ("operator_role", "arn:aws:iam::*:role/any", "operator_role"),
        ("architecture", "s390x", "architecture"),
        ("rollout_seconds", 0, "rollout_seconds"),
        ("rollout_seconds", 100_000, "rollout_seconds"),
        ("protected", "perhaps", "protected"),
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


def test_a_namespace_of_nobody_is_taken_where_no_policy_holds_it() -> None:
    config = {**LOCAL, "policies": ["runs"], "namespaces": [{"name": "research"}]}
    assert PlatformConfig.read(config).namespaces[0].tenant is None


def test_every_policy_of_the_repository_holds_unless_it_is_left_out() -> None:
    folders = {path.parent.name for path in (CHECKOUT / "policies/admission").glob("*/kustomization.yaml")}
    assert {*PlatformConfig.read(LOCAL).policies} == folders - {"all", "parameters"}


def test_what_is_off_unless_it_is_asked_for() -> None:
    found = PlatformConfig.read({**LOCAL, "store": {"kind": "volume"}})
    (namespace,) = found.namespaces
    assert not namespace.queue
    assert not namespace.verified_images
    assert not found.pod_identity
    assert found.store == VolumeStore(kind="volume", directory=None, removal=False)


QUEUED: dict[str, Any] = {**LOCAL, "queues": {}, "evidence": None}


def test_a_queue_of_a_tenant_is_refused_where_kueue_would_be() -> None:
    namespaces = [{"name": "a", "tenant": "a", "queue": True}]
    with pytest.raises(InvalidConfiguration, match="namespaces: a: queue: the policy runs refuses Kueue"):
        PlatformConfig.read({**QUEUED, "namespaces": namespaces})
    without = [policy for policy in PlatformConfig.read(LOCAL).policies if policy != "runs"]
    assert PlatformConfig.read({**QUEUED, "namespaces": namespaces, "policies": without}).namespaces[0].queue


def test_verified_images_are_refused_where_their_policy_is_left_out() -> None:
    attested = {**LOCAL["images"], "attested": {}}
    namespaces = [{"name": "a", "tenant": "a", "verified_images": True}]
    config = {**LOCAL, "images": attested, "namespaces": namespaces}
    assert PlatformConfig.read(config).namespaces[0].verified_images
    with pytest.raises(InvalidConfiguration, match="a: verified_images: the policy verified-images is left out"):
        PlatformConfig.read({**config, "policies": ["tenancy"]})


def test_a_rule_of_approvals_names_namespaces_there_are() -> None:
    rule = {"modes": ["Paper"], "namespaces": ["research", "reserch"]}
    with pytest.raises(InvalidConfiguration, match=r"approvals\.rules: namespaces: reserch are none of namespaces"):
        PlatformConfig.read({**LOCAL, "approvals": {"rules": [rule]}})
    assert PlatformConfig.read({**LOCAL, "approvals": {"rules": [{**rule, "namespaces": ["research"]}]}}).approvals


def test_heads_on_a_volume_are_refused_where_there_is_none() -> None:
    ledger = {"heads": {"kind": "volume"}}
    with pytest.raises(InvalidConfiguration, match=r"ledger\.heads: kind: volume needs a store on a volume"):
        PlatformConfig.read({**CLOUD, "ledger": ledger})
    assert PlatformConfig.read({**LOCAL, "ledger": ledger}).ledger


def test_runs_that_go_to_other_clusters_are_not_attested() -> None:
    config = {**QUEUED, "queues": {"workers": ["east"]}}
    assert PlatformConfig.read(config).queues
    with pytest.raises(InvalidConfiguration, match=r"queues\.workers: runs of other clusters are not attested"):
        PlatformConfig.read({**config, "evidence": LOCAL["evidence"]})


def test_an_operator_of_namespaces_alone_has_some_and_no_ledger() -> None:
    config = {**LOCAL, "serves": "namespaces"}
    assert PlatformConfig.read(LOCAL).serves == "cluster"
    assert PlatformConfig.read(config).serves == "namespaces"
    with pytest.raises(InvalidConfiguration, match="serves: there are no namespaces to serve"):
        PlatformConfig.read({**config, "namespaces": []})
    with pytest.raises(InvalidConfiguration, match="ledger: its recorder sees the whole cluster"):
        PlatformConfig.read({**config, "ledger": {}})
