"""What must hold of the manifests whoever edits them: hardening, least privilege, and agreement with the operator."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from tradeplane_api.base import GROUP
from tradeplane_api.exchange import EXCHANGE_PORT
from tradeplane_api.kinds import KINDS
from tradeplane_operator.acting import claimed_bundles, verified_images
from tradeplane_operator.planning.names import (
    EXCHANGE_LABEL,
    EXCHANGE_ROLE,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    PROBE_ROLE,
    ROLE_LABEL,
    STORE_LABEL,
)
from tradeplane_operator.settings import Settings, read_settings

from tests.unit.deploy.manifests import DEPLOY, ROOT, manifests, the

ROLES = manifests("Role", "ClusterRole")
LISTS = (claimed_bundles.NAME, verified_images.NAME)
"""ConfigMaps that the operator reads and writes."""
SETTINGS = sorted(DEPLOY.glob("overlays/*/settings.yaml"))
OVERLAYS = sorted(path.parent for path in DEPLOY.glob("overlays/*/kustomization.yaml"))


def _pod() -> dict[str, Any]:
    pod: dict[str, Any] = the("Deployment", "tradeplane-operator")["spec"]["template"]["spec"]
    return pod


def test_two_replicas_of_which_one_always_stays() -> None:
    assert the("Deployment", "tradeplane-operator")["spec"]["replicas"] == 2
    budget = the("PodDisruptionBudget", "tradeplane-operator")["spec"]
    assert budget["minAvailable"] == 1
    labels = the("Deployment", "tradeplane-operator")["spec"]["template"]["metadata"]["labels"]
    assert budget["selector"]["matchLabels"].items() <= labels.items()


def test_the_pod_runs_as_nobody_in_particular() -> None:
    context = _pod()["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] == context["runAsGroup"] == 65532
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(_pod())


def test_every_container_is_hardened_and_bounded() -> None:
    (container,) = _pod()["containers"]
    assert "initContainers" not in _pod()
    context = container["securityContext"]
    assert context["allowPrivilegeEscalation"] is False
    assert context["readOnlyRootFilesystem"] is True
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert {"cpu", "memory"} <= set(container["resources"]["requests"])
    assert "memory" in container["resources"]["limits"]


def test_volumes_are_read_only_or_of_bounded_size() -> None:
    (container,) = _pod()["containers"]
    writable = {mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    for volume in _pod()["volumes"]:
        if volume["name"] in writable:
            assert volume["emptyDir"]["sizeLimit"], volume


def test_what_may_free_payloads_changes_how_the_volume_is_mounted_and_nothing_else() -> None:
    patches = {}
    for name in ("file-store", "file-store-removal"):
        component = yaml.safe_load((DEPLOY / "components" / name / "kustomization.yaml").read_text(encoding="utf-8"))
        (patch,) = component["patches"]
        patches[name] = yaml.safe_load(patch["patch"])
    volume, mount = (step["value"] for step in patches["file-store"])
    spec = patches["file-store-removal"]["spec"]["template"]["spec"]
    writable = volume["persistentVolumeClaim"] | {"readOnly": False}
    assert spec == {
        "containers": [{"name": _pod()["containers"][0]["name"], "volumeMounts": [mount | {"readOnly": False}]}],
        "volumes": [volume | {"persistentVolumeClaim": writable}],
    }


def test_probes_ask_the_operator_s_own_ports() -> None:
    ports = Settings.model_validate(yaml.safe_load(SETTINGS[0].read_text(encoding="utf-8"))).ports
    (container,) = _pod()["containers"]
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == {
        "metrics": ports.metrics,
        "health": ports.health,
    }
    assert container["livenessProbe"]["httpGet"]["port"] == "health"
    assert container["readinessProbe"]["httpGet"]["port"] == "health"
    ingress = the("NetworkPolicy", "tradeplane-operator")["spec"]["ingress"]
    assert [rule["ports"] for rule in ingress] == [[{"protocol": "TCP", "port": ports.metrics}]]


@pytest.mark.parametrize(
    ("path", "role"), ROLES, ids=lambda value: value["metadata"]["name"] if isinstance(value, dict) else ""
)
def test_no_role_reaches_for_more(path: Any, role: dict[str, Any]) -> None:
    for rule in role["rules"]:
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]], path
        assert "configmaps" not in rule["resources"] or rule["resourceNames"] in [[one] for one in LISTS], path
        assert not {"secrets", "serviceaccounts/token", "pods/exec", "pods/log", "pods/attach"} & set(
            rule["resources"]
        ), path
        assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"]), path
        assert "rbac.authorization.k8s.io" not in rule["apiGroups"], path


def test_the_operator_writes_a_status_and_little_else_of_the_kinds() -> None:
    verbs: dict[str, set[str]] = {}
    for rule in the("ClusterRole", "tradeplane-operator")["rules"]:
        if rule["apiGroups"] == [GROUP]:
            for resource in rule["resources"]:
                verbs.setdefault(resource, set()).update(rule["verbs"])
    read, finalizers, bundles = {"get", "list", "watch"}, {"patch"}, {"create", "delete"}
    more = dict.fromkeys(("replays", "snapshotcaptures", "strategies"), finalizers) | {
        "snapshots": bundles | finalizers
    }
    assert verbs == {kind.plural: read | more.get(kind.plural, set()) for kind in KINDS} | {
        f"{kind.plural}/status": {"patch"} for kind in KINDS
    }


def test_one_namespace_takes_the_rules_of_the_whole_cluster() -> None:
    everywhere = the("ClusterRole", "tradeplane-operator")["rules"]
    assert the("Role", "tradeplane-operator", "components/served-namespace")["rules"] == everywhere
    kustomization = (DEPLOY / "overlays" / "single-namespace" / "kustomization.yaml").read_text(encoding="utf-8")
    assert "components/served-namespace" in kustomization
    assert "cluster-wide" not in kustomization


def test_the_lease_is_the_one_of_the_settings() -> None:
    lease = read_settings(SETTINGS[0]).lease
    role = the("Role", "tradeplane-operator-leadership")
    assert role["metadata"]["namespace"] == lease.namespace
    assert [rule.get("resourceNames") for rule in role["rules"]] == [None, [lease.name]]
    assert [rule["verbs"] for rule in role["rules"]] == [["create"], ["get", "update"]]


def test_people_s_roles_are_aggregated_and_keep_off_the_status() -> None:
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    view, edit = the("ClusterRole", "tradeplane-view"), the("ClusterRole", "tradeplane-edit")
    assert set(view["metadata"]["labels"]) == {prefix + role for role in ("view", "edit", "admin")}
    assert set(edit["metadata"]["labels"]) == {prefix + role for role in ("edit", "admin")}
    assert {verb for rule in view["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert [resource for rule in edit["rules"] for resource in rule["resources"] if "/" in resource] == []
    plurals = {kind.plural for kind in KINDS} - {"approvals"}
    assert {resource for rule in edit["rules"] for resource in rule["resources"]} == plurals


def test_who_approves_is_bound_by_name_and_changes_nothing_else() -> None:
    role = the("ClusterRole", "tradeplane-approver")
    assert "labels" not in role["metadata"]
    assert [(rule["resources"], set(rule["verbs"])) for rule in role["rules"]] == [
        (["approvals"], {"create", "delete", "get", "list", "watch"}),
        (["strategies"], {"get", "list", "watch"}),
    ]


@pytest.mark.parametrize("name", ["tradeplane-system", "research"])
def test_namespaces_enforce_the_restricted_standard(name: str) -> None:
    labels = the("Namespace", name)["metadata"]["labels"]
    for mode in ("enforce", "audit", "warn"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"


def test_no_account_has_its_token_mounted_unasked() -> None:
    accounts = [account for _, account in manifests("ServiceAccount")]
    ours = {"tradeplane-operator", "tradeplane-recorder", "tradeplane-multikueue"}
    assert {account["metadata"]["name"] for account in accounts} == ours | {"tradeplane-runner"}
    assert all(account["automountServiceAccountToken"] is False for account in accounts)
    bound = [
        subject for _, binding in manifests("RoleBinding", "ClusterRoleBinding") for subject in binding["subjects"]
    ]
    assert {subject["name"] for subject in bound} == ours


@pytest.mark.parametrize("within", ["base", "namespace"])
def test_what_no_policy_names_has_no_network(within: str) -> None:
    denied = the("NetworkPolicy", "default-deny", within)["spec"]
    assert denied == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


PROBES = "tradeplane-probes-to-brokers"
TO_EXCHANGES, FROM_CLIENTS = "tradeplane-clients-to-exchanges", "tradeplane-exchanges-from-clients"
TO_REGISTRY, TO_SIGSTORE = "tradeplane-operator-to-registry", "tradeplane-operator-to-sigstore"
TO_AGENT, RUNS_TO_AGENT = "tradeplane-system-to-pod-identity", "tradeplane-runs-to-pod-identity"
TO_STORE = "tradeplane-runs-to-store"
RECORDER = ("tradeplane-recorder", "tradeplane-recorder-audit")
OURS = {MANAGED_BY_LABEL: MANAGED_BY}
CLIENTS = {"key": ROLE_LABEL, "operator": "In", "values": [PROBE_ROLE, "capture", "trader"]}


def test_runs_reach_names_and_their_store_alone() -> None:
    policies = [policy for path, policy in manifests("NetworkPolicy") if not path.is_relative_to("base")]
    others = ("default-deny", PROBES, TO_EXCHANGES, FROM_CLIENTS, TO_REGISTRY, TO_SIGSTORE, TO_AGENT, *RECORDER)
    opened = [policy for policy in policies if policy["metadata"]["name"] not in others]
    assert opened
    for policy in opened:
        assert policy["spec"]["podSelector"]["matchLabels"] == OURS
        assert policy["spec"]["policyTypes"] == ["Egress"]
        assert all(rule["ports"] for rule in policy["spec"]["egress"])


@pytest.mark.parametrize(("name", "port"), [(TO_REGISTRY, 5000), (TO_SIGSTORE, 5555)])
def test_the_operator_alone_reaches_where_it_attests(name: str, port: int) -> None:
    policy = the("NetworkPolicy", name)
    assert policy["metadata"]["namespace"] == "tradeplane-system"
    assert policy["spec"] == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "tradeplane-operator"}},
        "policyTypes": ["Egress"],
        "egress": [{"ports": [{"protocol": "TCP", "port": port}]}],
    }


def test_credentials_of_pod_identity_are_asked_of_the_agent_alone() -> None:
    agent = [{"ipBlock": {"cidr": cidr}} for cidr in ("169.254.170.23/32", "fd00:ec2::23/128")]
    for name in (TO_AGENT, RUNS_TO_AGENT):
        spec = the("NetworkPolicy", name)["spec"]
        assert spec["policyTypes"] == ["Egress"]
        assert spec["egress"] == [{"to": agent, "ports": [{"protocol": "TCP", "port": 80}]}]
    (ours,) = the("NetworkPolicy", TO_AGENT)["spec"]["podSelector"]["matchExpressions"]
    assert {*ours["values"]} == {"tradeplane-operator", "tradeplane-recorder"}
    assert (
        the("NetworkPolicy", RUNS_TO_AGENT)["spec"]["podSelector"]
        == the("NetworkPolicy", TO_STORE)["spec"]["podSelector"]
    )


def test_the_signing_key_is_mounted_by_the_operator_alone() -> None:
    named = [path for path in DEPLOY.rglob("*.yaml") if "tradeplane-signing-key" in path.read_text(encoding="utf-8")]
    assert [path.relative_to(DEPLOY).as_posix() for path in named] == ["components/evidence/kustomization.yaml"]
    (patch,) = yaml.safe_load(named[0].read_text(encoding="utf-8"))["patches"]
    assert patch["target"] == {"kind": "Deployment", "name": "tradeplane-operator"}
    added = [one["value"] for one in yaml.safe_load(patch["patch"])]
    volumes = {one["name"]: one["secret"] for one in added if "secret" in one}
    assert set(volumes) == {"signing", "registry"}
    assert all(one["defaultMode"] == 0o440 and one["optional"] for one in volumes.values())
    mounts = [one for one in added if "mountPath" in one]
    assert {one["name"] for one in mounts} == set(volumes)
    assert all(one["readOnly"] for one in mounts)


def test_of_config_maps_the_operator_reads_and_writes_the_list_of_images_and_its_claims_alone() -> None:
    rules = [
        (role["metadata"]["name"], rule)
        for kind in ("Role", "ClusterRole")
        for _, role in manifests(kind)
        for rule in role["rules"]
        if "configmaps" in rule["resources"]
    ]
    common = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch"]}
    assert sorted(rules, key=lambda one: one[0]) == [
        ("tradeplane-operator-signed", common | {"resourceNames": [LISTS[0]]}),
        ("tradeplane-operator-verified-images", common | {"resourceNames": [LISTS[1]]}),
    ]


def test_trusted_keys_are_mounted_to_be_read_by_the_operator_alone() -> None:
    component = yaml.safe_load((DEPLOY / "components/image-trust/kustomization.yaml").read_text(encoding="utf-8"))
    (patch,) = component["patches"]
    assert patch["target"] == {"kind": "Deployment", "name": "tradeplane-operator"}
    volume, mount = (one["value"] for one in yaml.safe_load(patch["patch"]))
    assert volume["configMap"] == {"name": "tradeplane-trusted-keys", "defaultMode": 0o444, "optional": True}
    assert (mount["name"], mount["readOnly"]) == (volume["name"], True)


def test_a_token_to_sign_by_is_the_operators_for_sigstore_alone_and_lasts_ten_minutes() -> None:
    named = [path for path in DEPLOY.rglob("*.yaml") if "serviceAccountToken:" in path.read_text(encoding="utf-8")]
    assert [path.relative_to(DEPLOY).as_posix() for path in named] == ["components/keyless-signing/kustomization.yaml"]
    (patch,) = yaml.safe_load(named[0].read_text(encoding="utf-8"))["patches"]
    assert patch["target"] == {"kind": "Deployment", "name": "tradeplane-operator"}
    trust, token, *mounts = (one["value"] for one in yaml.safe_load(patch["patch"]))
    assert trust["configMap"] == {"name": "tradeplane-trust-config", "defaultMode": 0o444, "optional": True}
    (source,) = token["projected"]["sources"]
    assert source == {"serviceAccountToken": {"audience": "sigstore", "expirationSeconds": 600, "path": "token"}}
    assert token["projected"]["defaultMode"] == 0o440
    assert {one["name"]: (one["mountPath"], one["readOnly"]) for one in mounts} == {
        trust["name"]: ("/etc/tradeplane-sigstore", True),
        token["name"]: ("/var/run/secrets/sigstore", True),
    }


def test_the_signer_that_is_documented_names_what_is_mounted() -> None:
    (component,) = DEPLOY.rglob("keyless-signing/kustomization.yaml")
    steps = yaml.safe_load(yaml.safe_load(component.read_text(encoding="utf-8"))["patches"][0]["patch"])
    trust, token = (one["value"]["mountPath"] for one in steps if "mountPath" in one["value"])
    account = the("ServiceAccount", "tradeplane-operator")["metadata"]
    subject = f"https://kubernetes.io/namespaces/{account['namespace']}/serviceaccounts/{account['name']}"
    uri = f"keyless:{trust}/trust-config.json?token-file={token}/token&identity={subject}"
    for page in ("keyless.md", "operator.md"):
        text = (DEPLOY.parents[1] / "docs/evidence" / page).read_text(encoding="utf-8")
        assert uri in re.sub(r"\\\n *", "", text), page


def test_what_uses_no_store_does_not_reach_one() -> None:
    (left_out,) = the("NetworkPolicy", "tradeplane-runs-to-store")["spec"]["podSelector"]["matchExpressions"]
    assert left_out == {"key": STORE_LABEL, "operator": "NotIn", "values": ["none"]}


def test_probes_and_captures_reach_brokers_and_traders_do_not() -> None:
    policy = the("NetworkPolicy", PROBES)["spec"]
    assert policy["podSelector"]["matchLabels"] == OURS
    (roles,) = policy["podSelector"]["matchExpressions"]
    assert roles == {"key": ROLE_LABEL, "operator": "In", "values": [PROBE_ROLE, "capture"]}
    assert policy["policyTypes"] == ["Egress"]
    assert policy["egress"] == [{"ports": [{"protocol": "TCP", "port": 443}]}]


def test_clients_alone_reach_exchanges_and_exchanges_reach_nobody_by_it() -> None:
    out = the("NetworkPolicy", TO_EXCHANGES)["spec"]
    assert out["podSelector"] == {"matchLabels": OURS, "matchExpressions": [CLIENTS]}
    (rule,) = out["egress"]
    assert rule == {"to": [{"podSelector": {"matchExpressions": [{"key": EXCHANGE_LABEL, "operator": "Exists"}]}}]}
    into = the("NetworkPolicy", FROM_CLIENTS)["spec"]
    assert into["podSelector"] == {"matchLabels": OURS | {ROLE_LABEL: EXCHANGE_ROLE}}
    assert into["policyTypes"] == ["Ingress"]
    (rule,) = into["ingress"]
    assert rule["from"] == [{"podSelector": {"matchExpressions": [CLIENTS]}}], "of the same namespace"
    assert rule["ports"] == [{"protocol": "TCP", "port": EXCHANGE_PORT}]


def test_the_operator_makes_what_runs_on_and_no_other_kind() -> None:
    verbs = {
        (group, resource): set(rule["verbs"])
        for rule in the("ClusterRole", "tradeplane-operator")["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if group != GROUP
    }
    changes = {"get", "list", "watch", "create", "patch", "delete"}
    assert verbs == {
        ("batch", "jobs"): {"get", "list", "watch", "create", "deletecollection"},
        ("apps", "statefulsets"): changes,
        ("", "services"): changes,
        ("", "persistentvolumeclaims"): {"get", "delete"},
        ("", "pods"): {"list"},
        ("", "events"): {"list"},
        ("events.k8s.io", "events"): {"create"},
    }


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.parent.name)
def test_settings_of_each_overlay_are_what_the_operator_reads(path: Any) -> None:
    settings = read_settings(path)
    mounted = "components/file-store" in (path.parent / "kustomization.yaml").read_text(encoding="utf-8")
    assert mounted == any(store.url == "file:///store" for store in settings.stores.values())
    assert settings.images.require_digest
    runner = the("ServiceAccount", settings.jobs.service_account)
    assert runner["automountServiceAccountToken"] is False


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_every_overlay_has_the_kinds_the_operator_and_its_settings(overlay: Any) -> None:
    kustomization = yaml.safe_load((overlay / "kustomization.yaml").read_text(encoding="utf-8"))
    assert kustomization["resources"][:2] == ["../../crds", "../../base"]
    (settings,) = kustomization["configMapGenerator"]
    (volume,) = [volume for volume in _pod()["volumes"] if "configMap" in volume]
    assert settings["name"] == volume["configMap"]["name"]


def test_every_definition_is_deployed() -> None:
    kustomization = yaml.safe_load((ROOT / "crds" / "yaml" / "kustomization.yaml").read_text(encoding="utf-8"))
    assert set(kustomization["resources"]) == {f"{GROUP}_{kind.plural}.yaml" for kind in KINDS}


def test_no_manifest_names_a_registry_or_a_tag() -> None:
    (container,) = _pod()["containers"]
    assert container["image"] == "tradeplane/operator"
    for path in SETTINGS:
        assert read_settings(path).images.default == "tradeplane/workloads@sha256:" + "0" * 64
