"""What a configuration lays over the operator is in its pod, and operator and recorder take what they are told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
import yaml
from tradeplane_evidence.signing.keyring import read_keyring
from tradeplane_operator.settings import Settings
from tradeplane_stacks.components import platform as module
from tradeplane_stacks.components.platform import Platform
from tradeplane_stacks.components.platform_config import POLICIES, PlatformConfig
from tradeplane_stacks.components.platform_ledger import CA_FILE
from tradeplane_stacks.components.platform_manifests import kustomizations
from tradeplane_stacks.components.stack_name import StackName

from tests.integration.stacks.test_rendered_platform import kubectl
from tests.unit.stacks.components.platforms import (
    CLOUD,
    DATABASE,
    KEYLESS,
    LOCAL,
    ROLE,
    TRUST_CONFIG,
    Json,
    certificate,
    changed,
    names,
    one,
    private_key,
    public_key,
    rendered,
    rendered_once,
    secret_files,
)
from tests.unit.stacks.components.region import record_with_options
from tests.unit.stacks.components.resource_options import noted_options, waits_for

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["kubectl"]

SYSTEM = "tradeplane-system"
LOGIN = json.dumps({"auths": {"registry.example": {"auth": "b2YtYS10ZXN0"}}})
QUEUED: Json = {
    **{key: value for key, value in LOCAL.items() if key != "evidence"},
    "policies": [policy for policy in POLICIES if policy != "runs"],
    "queues": {"cpu": "8", "memory": "16Gi"},
    "namespaces": [{"name": "desk", "tenant": "desk", "queue": True}, {"name": "lab", "tenant": "lab"}],
}


def pod(objects: Sequence[Json], name: str = "tradeplane-operator") -> Json:
    found = one(objects, "Deployment", name)["spec"]["template"]["spec"]
    assert isinstance(found, dict)
    return found


def mounts(objects: Sequence[Json], name: str = "tradeplane-operator") -> dict[str, Json]:
    """Return what a Deployment's container mounts, by the folder, each with its volume."""
    spec = pod(objects, name)
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    (container,) = spec["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes.keys()
    return {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}


def settings(objects: Sequence[Json]) -> Settings:
    (text,) = (o["data"]["settings.yaml"] for o in objects if "settings.yaml" in o.get("data", {}))
    return Settings.model_validate(yaml.safe_load(text), strict=False)


def ports(objects: Sequence[Json], policy: str) -> list[int]:
    (rule,) = one(objects, "NetworkPolicy", policy)["spec"]["egress"]
    return [port["port"] for port in rule["ports"]]


def test_an_operator_that_attests_has_the_key_and_the_login_to_registries() -> None:
    found = mounts(rendered(LOCAL))
    assert found["/etc/tradeplane-signing"]["secret"]["secretName"] == "tradeplane-signing-key"
    assert found["/etc/tradeplane-registry"]["secret"]["secretName"] == "tradeplane-registry"


def test_without_a_key_the_operator_has_a_token_and_whom_to_trust() -> None:
    evidence = {
        "registry": "registry.example/runs",
        "signer": KEYLESS,
        "trust_config": TRUST_CONFIG,
        "sigstore_ports": [5555, 443, 3003],
        "signatures_per_second": 2,
    }
    objects = rendered({**LOCAL, "evidence": evidence})
    found = settings(objects).evidence
    assert found is not None
    assert (found.signer, found.signatures_per_second) == (KEYLESS, 2)
    mounted = mounts(objects)
    (source,) = mounted["/var/run/secrets/sigstore"]["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == "sigstore"
    trusted = mounted["/etc/tradeplane-sigstore"]["configMap"]["name"]
    assert json.loads(one(objects, "ConfigMap", trusted, SYSTEM)["data"]["trust-config.json"]) == TRUST_CONFIG
    assert ports(objects, "tradeplane-operator-to-sigstore") == [3003, 5555]


def test_what_belongs_to_signing_without_a_key_is_nowhere_else() -> None:
    for objects in (rendered(LOCAL), rendered(CLOUD)):
        assert {"/var/run/secrets/sigstore", "/etc/tradeplane-sigstore"}.isdisjoint(mounts(objects))
        assert "tradeplane-operator-to-sigstore" not in names(objects, "NetworkPolicy")
    evidence = {"registry": "registry.example/runs", "signer": KEYLESS}
    objects = rendered({**LOCAL, "evidence": evidence})
    assert "tradeplane-trust-config" not in names(objects, "ConfigMap")  # somebody else's, and mounted all the same
    assert "/etc/tradeplane-sigstore" in mounts(objects)
    assert "tradeplane-operator-to-sigstore" not in names(objects, "NetworkPolicy")


def test_images_that_must_be_attested() -> None:
    key, builder = public_key(), "https://builds.example/release"
    attested = {"keys": [{"public_key": key, "builders": [builder]}], "builders": [builder], "valid_seconds": 60}
    config = changed({**LOCAL, "registries": ["registry.example:8443/tradeplane/"]}, "images.attested", attested)
    objects = rendered(changed(config, "namespaces", [{"name": "a", "tenant": "a", "verified_images": True}]))
    trust = settings(objects).images.attested
    assert trust is not None
    assert (trust.builders, trust.valid_seconds, trust.listed, trust.plain_http) == ((builder,), 60, True, False)
    keyring = one(objects, "ConfigMap", mounts(objects)["/etc/tradeplane-trust"]["configMap"]["name"], SYSTEM)
    assert trust.keyring == "/etc/tradeplane-trust/keyring.json"
    (read,) = read_keyring(keyring["data"]["keyring.json"].encode()).keys
    assert read.builders == frozenset({builder})
    assert one(objects, "Namespace", "a")["metadata"]["labels"]["tradeplane.dev/images"] == "verified"
    assert "tradeplane-verified-images" in names(objects, "ConfigMap", SYSTEM)
    # The operator asks the registry of images, and the one that it attests to.
    assert ports(objects, "tradeplane-operator-to-registry") == [5000, 8443]


def test_no_list_is_kept_where_no_namespace_is_held_to_it() -> None:
    objects = rendered(changed(LOCAL, "images.attested", {"plain_http": True}))
    trust = settings(objects).images.attested
    assert trust is not None
    assert (trust.listed, trust.plain_http) == (False, True)
    assert "tradeplane-trusted-keys" not in names(objects, "ConfigMap")
    assert "tradeplane.dev/images" not in one(objects, "Namespace", "research")["metadata"]["labels"]
    assert "/etc/tradeplane-trust" not in mounts(rendered(LOCAL))


@pytest.mark.parametrize(
    ("registry", "plain_http", "opened"),
    [
        ("registry.example/runs", True, [80]),
        ("registry.example/runs", False, None),
        ("registry.example:6443/runs", False, None),
        ("[::1]:5000/runs", True, [5000]),
    ],
)
def test_a_registry_is_reached_at_its_port(registry: str, opened: list[int] | None, *, plain_http: bool) -> None:
    config = changed(changed(LOCAL, "evidence.registry", registry), "evidence.plain_http", plain_http)
    objects = rendered(config)
    there = "tradeplane-operator-to-registry" in names(objects, "NetworkPolicy")
    assert (ports(objects, "tradeplane-operator-to-registry") if there else None) == opened


def test_what_needs_approval_waits_for_users_of_the_keyring() -> None:
    rules = [{"modes": ["Paper"], "approvers": 2}, {"modes": ["Backtest"], "namespaces": ["research"]}]
    keys = [{"public_key": public_key(), "users": ["alice@example.com"]}]
    objects = rendered({**LOCAL, "approvals": {"rules": rules, "keys": keys}})
    policy = settings(objects).approvals
    assert policy is not None
    assert [(rule.modes, rule.namespaces, rule.approvers) for rule in policy.rules] == [
        (("Paper",), (), 2),
        (("Backtest",), ("research",), 1),
    ]
    mounted = mounts(objects)["/etc/tradeplane-approvers"]["configMap"]["name"]
    (key,) = read_keyring(one(objects, "ConfigMap", mounted, SYSTEM)["data"]["keyring.json"].encode()).keys
    assert key.users == frozenset({"alice@example.com"})
    assert policy.keyring == "/etc/tradeplane-approvers/keyring.json"
    assert "/etc/tradeplane-approvers" not in mounts(rendered(LOCAL))


def test_those_who_attest_data_are_of_the_keyring_that_is_mounted() -> None:
    builder = "https://tradeplane.dev/evidence/builders/local-v1"
    keys = [{"public_key": public_key(), "builders": [builder]}]
    objects = rendered(changed(LOCAL, "evidence.snapshots", {"keys": keys}))
    evidence = settings(objects).evidence
    assert evidence is not None
    assert evidence.snapshot_keys == "/etc/tradeplane-snapshot-keys/keyring.json"
    mounted = mounts(objects)["/etc/tradeplane-snapshot-keys"]["configMap"]["name"]
    (key,) = read_keyring(one(objects, "ConfigMap", mounted, SYSTEM)["data"]["keyring.json"].encode()).keys
    assert key.builders == frozenset({builder})
    without = rendered(changed(LOCAL, "evidence.snapshots", {}))
    assert "tradeplane-snapshot-keys" not in names(without, "ConfigMap")
    assert "/etc/tradeplane-snapshot-keys" in mounts(without)
    plain = rendered(LOCAL)
    assert "/etc/tradeplane-snapshot-keys" not in mounts(plain)
    unnamed = settings(plain).evidence
    assert unnamed is None or unnamed.snapshot_keys is None


def test_the_operator_may_free_payloads_where_that_is_asked_for() -> None:
    for removal in (True, False):
        objects = rendered({**LOCAL, "store": {"kind": "volume", "removal": removal}})
        assert mounts(objects)["/store"]["persistentVolumeClaim"]["readOnly"] is not removal


def test_another_region_of_the_service_is_named() -> None:
    region = {"name": "eu-west-1", "table": "tradeplane-prod", "table_regions": ["eu-west-1", "us-east-1"]}
    found = settings(rendered({**CLOUD, "failover": {**region, "valid_seconds": 45}})).region
    assert found is not None
    assert (found.name, found.table, found.valid_seconds) == ("eu-west-1", "tradeplane-prod", 45)
    assert found.table_regions == ("eu-west-1", "us-east-1")
    assert settings(rendered(CLOUD)).region is None


LEDGER: Json = {
    "database": {"url": f"{DATABASE.replace('/audit', ':6543/audit')}&sslrootcert={CA_FILE}", "ca": certificate()},
    "audit": {},
    "heads": {
        "kind": "s3",
        "url": "s3://audit-heads/prod",
        "region": "eu-west-1",
        "signer": "awskms:///alias/heads",
        "every_seconds": 90,
    },
    "role": f"{ROLE}-recorder",
}


def test_the_recorder_is_told_where_heads_go_and_signs_by_kms() -> None:
    objects = rendered({**CLOUD, "ledger": LEDGER, "architecture": "arm64"})
    spec = pod(objects, "tradeplane-recorder")
    (container,) = spec["containers"]
    told = {variable["name"]: variable for variable in container["env"]}
    assert told["HEADS_SIGNER"]["value"] == "awskms:///alias/heads"
    assert told["AWS_REGION"]["value"] == "eu-west-1"
    source = told["HEADS"]["valueFrom"]["configMapKeyRef"]
    assert one(objects, "ConfigMap", source["name"])["data"] == {"heads": "s3://audit-heads/prod", "every": "90"}
    assert {"--heads-signer=$(HEADS_SIGNER)", "--audit-port=8443"} < {*container["args"]}
    own, operators = mounts(objects, "tradeplane-recorder"), mounts(objects, "tradeplane-operator")
    judges = {f"/etc/tradeplane{name}" for name in ("", "-trust", "-snapshot-keys", "-approvers")}
    assert own.keys() == {"/etc/tradeplane-ledger", "/etc/tradeplane-audit", *judges, "/tmp"}  # noqa: S108
    assert own["/etc/tradeplane"]["configMap"]["name"] == operators["/etc/tradeplane"]["configMap"]["name"]
    assert spec["nodeSelector"] == {"kubernetes.io/arch": "arm64"}
    account = one(objects, "ServiceAccount", "tradeplane-recorder")
    assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": f"{ROLE}-recorder"}


def test_the_recorder_is_started_anew_where_it_is_told_otherwise_of_heads() -> None:
    def heads_of(ledger: Json) -> str:
        (container,) = pod(rendered({**CLOUD, "ledger": ledger}), "tradeplane-recorder")["containers"]
        (told,) = (variable for variable in container["env"] if variable["name"] == "HEADS")
        return str(told["valueFrom"]["configMapKeyRef"]["name"])

    # It reads them from its environment, which a pod has from its start on.
    assert heads_of(LEDGER) != heads_of(changed(LEDGER, "heads.every_seconds", 91))
    assert heads_of(LEDGER) == heads_of({**LEDGER, "audit": {"node_port": 30001}})


def test_the_recorder_reaches_its_database_at_its_port_alone() -> None:
    for ledger, port in ((LEDGER, 6543), ({}, 5432)):
        policy = one(rendered({**CLOUD, "ledger": ledger}), "NetworkPolicy", "tradeplane-recorder")["spec"]
        assert [one_port["port"] for one_port in policy["egress"][1]["ports"]] == [443, 6443, port]
        assert "ingress" not in policy


def test_a_ledger_alone_takes_no_audit_log_and_signs_no_heads() -> None:
    objects = rendered({**LOCAL, "ledger": {}})
    (container,) = pod(objects, "tradeplane-recorder")["containers"]
    assert [word.partition("=")[0] for word in container["args"]] == [
        *("--database", "--health-port", "--policies", "--settings")
    ]
    assert "tradeplane-recorder-audit" not in names(objects, "Service")
    assert "tradeplane-recorder-audit" not in names(objects, "NetworkPolicy")
    assert "nodeSelector" not in pod(objects, "tradeplane-recorder")


def test_an_audit_log_is_taken_by_a_service_unless_a_port_of_the_nodes_is_asked_for() -> None:
    by_service = one(rendered({**LOCAL, "ledger": {"audit": {}}}), "Service", "tradeplane-recorder-audit")["spec"]
    by_node = rendered({**LOCAL, "ledger": {"audit": {"node_port": 30001}}})
    found = one(by_node, "Service", "tradeplane-recorder-audit")["spec"]
    assert "type" not in by_service
    assert (found["type"], found["ports"][0]["nodePort"]) == ("NodePort", 30001)


def test_runs_wait_in_queues_where_they_are_asked_for() -> None:
    objects = rendered(QUEUED)
    resources = one(objects, "ClusterQueue", "tradeplane-runs")["spec"]["resourceGroups"][0]["flavors"][0]["resources"]
    assert {each["name"]: each["nominalQuota"] for each in resources} == {"cpu": "8", "memory": "16Gi"}
    assert names(objects, "LocalQueue", "desk") == {"runs"}
    assert names(objects, "LocalQueue", "lab") == set()
    assert names(objects, "MultiKueueConfig") == set()
    assert "tradeplane-multikueue" not in names(objects, "ServiceAccount")


def test_a_cluster_that_runs_come_to_has_the_account_by_which_they_come() -> None:
    objects = rendered(changed(QUEUED, "queues.worker", value=True))
    assert "tradeplane-multikueue" in names(objects, "ServiceAccount", "kueue-system")


def test_runs_go_to_each_cluster_that_is_named() -> None:
    objects = rendered(changed(QUEUED, "queues.workers", ["east", "north", "west"]))
    assert one(objects, "MultiKueueConfig", "tradeplane-workers")["spec"]["clusters"] == ["east", "north", "west"]
    places = {o["metadata"]["name"]: o["spec"]["clusterSource"] for o in objects if o["kind"] == "MultiKueueCluster"}
    assert places == {
        name: {"kubeConfig": {"locationType": "Secret", "location": name}} for name in ("east", "north", "west")
    }
    queue = one(objects, "ClusterQueue", "tradeplane-runs")["spec"]
    assert queue["admissionChecksStrategy"]["admissionChecks"] == [{"name": "tradeplane-elsewhere"}]


def test_policies_that_are_left_out_are_not_there_and_the_others_are() -> None:
    chosen = rendered({**LOCAL, "policies": ["image-sources", "live-trading", "tenancy"]})
    everything = rendered(LOCAL)
    found, known = names(chosen, "ValidatingAdmissionPolicy"), names(everything, "ValidatingAdmissionPolicy")
    assert found < known
    assert {"tradeplane-tenant-namespaces", "tradeplane-tenant-objects"} < found
    assert {"tradeplane-pod-architectures", "tradeplane-strategy-architectures"} <= known - found
    parameters = one(chosen, "AdmissionParameters", "tradeplane-image-sources")
    assert parameters["spec"]["imageSources"]["registries"] == ["registry.example/tradeplane/"]


def test_a_namespace_without_a_quota_has_none() -> None:
    namespaces = [{"name": "a", "tenant": "a", "quota": "none"}, {"name": "b", "tenant": "b"}]
    objects = rendered({**LOCAL, "namespaces": namespaces})
    assert names(objects, "ResourceQuota", "a") == set()
    assert names(objects, "LimitRange", "a") == {"tradeplane-runs"}
    assert names(objects, "ResourceQuota", "b") == {"tradeplane-tenant"}


def test_each_namespace_has_its_own_folder_of_the_store_and_the_operator_all() -> None:
    store = {"kind": "volume", "directory": "/data/store"}
    objects = rendered(
        {**LOCAL, "store": store, "namespaces": [{"name": "a", "tenant": "a"}, {"name": "b", "tenant": "b"}]}
    )
    volumes = {o["metadata"]["name"]: o["spec"] for o in objects if o["kind"] == "PersistentVolume"}
    claims = {o["metadata"]["namespace"]: o["spec"] for o in objects if o["kind"] == "PersistentVolumeClaim"}
    expected = {SYSTEM: ("all", "/data/store"), "a": ("a", "/data/store/a"), "b": ("b", "/data/store/b")}
    assert claims.keys() == expected.keys()
    assert len(volumes) == len(expected)
    for namespace, (name, folder) in expected.items():
        volume = volumes[f"tradeplane-store-{name}"]
        assert volume["hostPath"]["path"] == folder
        assert volume["claimRef"]["namespace"] == namespace
        assert claims[namespace]["volumeName"] == f"tradeplane-store-{name}"
    assert names(rendered(LOCAL), "PersistentVolumeClaim") == set()


def secrets_of(config: Json) -> tuple[dict[str, Any], dict[str, set[str]]]:
    """Return the Secrets that a platform asks for, by name, and what each of its resources waits for."""

    def make() -> dict[str, Any]:
        found = Platform("p", PlatformConfig.read(config), StackName("prod"))
        return {"operator": pulumi.Output.from_input(found.operator)}

    with noted_options() as options, pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "render", rendered_once)
        recorded = record_with_options(make)[0]
    made = recorded.of_type("kubernetes:core/v1:Secret").values()
    return {secret["metadata"]["name"]: secret for secret in made}, {n: waits_for(o) for n, o in options.items()}


def test_what_is_secret_is_a_secret_to_pulumi_and_in_no_file() -> None:
    key, heads, tls = private_key(), private_key(), private_key("RSA")
    server, clients = certificate(), certificate()
    evidence = {**LOCAL["evidence"], "signing_key": key, "registry_login": LOGIN}
    ledger = {
        "database": LEDGER["database"],
        "audit": {"certificates": {"certificate": server, "key": tls, "client_ca": clients}},
        "heads": {"kind": "volume", "signing_key": heads},
    }
    config = {**LOCAL, "evidence": evidence, "ledger": ledger}
    made, waiting = secrets_of(config)
    database = LEDGER["database"]
    assert {name: secret_files(secret) for name, secret in made.items()} == {
        "tradeplane-signing-key": {"key.pem": key},
        "tradeplane-registry": {".dockerconfigjson": LOGIN},
        "tradeplane-ledger": {"url": database["url"], "ca.crt": database["ca"]},
        "tradeplane-audit": {"tls.crt": server, "tls.key": tls, "ca.crt": clients},
        "tradeplane-ledger-signing": {"key.pem": heads},
    }
    assert made["tradeplane-registry"]["type"] == "kubernetes.io/dockerconfigjson"
    files = "".join(kustomizations(PlatformConfig.read(config)).values())
    for secret in (key, heads, tls):
        assert secret.splitlines()[1] not in files
    assert "of-a-test" not in files
    assert "b2YtYS10ZXN0" not in files
    recorder = waiting["p-deployment-tradeplane-system-tradeplane-recorder"]
    assert {f"p-secret-tradeplane-system-{name}" for name in made} <= recorder


def test_secrets_that_are_left_out_are_somebody_elses() -> None:
    made, _ = secrets_of({**LOCAL, "ledger": {"audit": {}, "heads": {"kind": "volume"}}})
    assert made == {}


def test_monitoring_is_selected_by_labels_and_nothing_of_it_is_there_unasked() -> None:
    objects = rendered({**LOCAL, "monitoring": {"labels": {"release": "prometheus"}, "interval_seconds": 15}})
    monitor = one(objects, "ServiceMonitor", "tradeplane-operator", SYSTEM)
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["interval"] == "15s"
    service = one(objects, "Service", "tradeplane-operator-metrics")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "tradeplane-operator"
    assert names(objects, "PrometheusRule") == {"tradeplane-operator", "tradeplane-operator-leader"}
    for o in objects:
        if o["kind"] in ("ServiceMonitor", "PrometheusRule"):
            assert o["metadata"]["labels"]["release"] == "prometheus"
            assert o["metadata"]["labels"]["app.kubernetes.io/part-of"] == "tradeplane"
    assert not names(rendered(LOCAL), "ServiceMonitor") | names(rendered(LOCAL), "PrometheusRule")


def test_where_another_region_leads_nobody_is_missed() -> None:
    region = {"name": "eu-west-1", "table": "tradeplane-prod", "table_regions": ["eu-west-1"]}
    objects = rendered({**CLOUD, "monitoring": {}, "failover": region})
    assert names(objects, "PrometheusRule") == {"tradeplane-operator"}
    assert names(objects, "ServiceMonitor") == {"tradeplane-operator"}


def test_the_agent_of_pod_identity_is_reached_where_roles_come_from_it() -> None:
    of_runs, of_ours = "tradeplane-runs-to-pod-identity", "tradeplane-system-to-pod-identity"
    objects = rendered({**CLOUD, "pod_identity": True})
    assert of_ours in names(objects, "NetworkPolicy", SYSTEM)
    assert of_runs in names(objects, "NetworkPolicy", "desk") & names(objects, "NetworkPolicy", "lab")
    on_volume = rendered({**LOCAL, "pod_identity": True})
    assert of_runs not in names(on_volume, "NetworkPolicy", "research")
    assert not names(rendered(CLOUD), "NetworkPolicy") & {of_runs, of_ours}


def test_an_operator_of_namespaces_alone_has_no_right_outside_them() -> None:
    namespaces = [{"name": "a", "tenant": "a"}, {"name": "b", "tenant": "b"}]
    objects = rendered({**LOCAL, "serves": "namespaces", "namespaces": namespaces})
    assert settings(objects).namespaces == ("a", "b")
    assert "tradeplane-operator" not in names(objects, "ClusterRole") | names(objects, "ClusterRoleBinding")
    for namespace in ("a", "b"):
        assert "tradeplane-operator" in names(objects, "Role", namespace)
        binding = one(objects, "RoleBinding", "tradeplane-operator", namespace)
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "tradeplane-operator", "namespace": SYSTEM}]
    everywhere = rendered(LOCAL)
    assert settings(everywhere).namespaces == ()
    assert "tradeplane-operator" in names(everywhere, "ClusterRole")
    assert "tradeplane-operator" not in names(everywhere, "Role", "research")
