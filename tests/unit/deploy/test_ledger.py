"""The recorder's manifests: hardened as the operator's, least privilege, and in agreement with the recorder."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from tradeplane_api.base import GROUP
from tradeplane_api.kinds import KINDS
from tradeplane_operator.recording.__main__ import _arguments
from tradeplane_operator.recording.policy_kinds import POLICY_KINDS
from tradeplane_stacks.demo.ledger import AUDIT_SECRET, DATABASE_SECRET, RECORDER, SIGNING_SECRET
from tradeplane_stacks.local.ledger_audit import NODE_PORT

from tests.unit.deploy.manifests import DEPLOY, manifests, the

JUDGES = ("/etc/tradeplane-trust", "/etc/tradeplane-snapshot-keys", "/etc/tradeplane-approvers")
COMPONENTS = ("ledger", "ledger-audit", "ledger-heads")
LABELS = {"app.kubernetes.io/name": RECORDER}
EMBEDDED = DEPLOY / "overlays" / "embedded" / "ledger" / "kustomization.yaml"
DNS = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}


def spec() -> dict[str, Any]:
    found: dict[str, Any] = the("Deployment", RECORDER)["spec"]
    return found


def pod() -> dict[str, Any]:
    found: dict[str, Any] = spec()["template"]["spec"]
    return found


def patches(path: Any = None) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Return the patches of the components beside the first: what each is of, and its steps."""
    paths = [path] if path else [DEPLOY / "components" / name / "kustomization.yaml" for name in COMPONENTS[1:]]
    documents = [yaml.safe_load(each.read_text(encoding="utf-8")) for each in paths]
    return [(one["target"], yaml.safe_load(one["patch"])) for each in documents for one in each["patches"]]


def added(field: str) -> list[Any]:
    """Return what the patches add to a list of the pod or of its container."""
    ends = (f"/containers/0/{field}/-", f"/template/spec/{field}/-")
    return [step["value"] for _, steps in patches() for step in steps if step["path"].endswith(ends)]


def variables() -> list[dict[str, Any]]:
    """Return the environment that the patches give to the recorder."""
    given = [step["value"] for _, steps in patches() for step in steps if step["path"].endswith("/env")]
    return [variable for one in given for variable in one]


def test_one_recorder_is_replaced_and_never_doubled() -> None:
    assert spec()["replicas"] == 1
    assert spec()["strategy"] == {"type": "Recreate"}
    assert spec()["selector"]["matchLabels"].items() <= spec()["template"]["metadata"]["labels"].items()


def test_its_pod_is_hardened_as_the_operator_s() -> None:
    operator = the("Deployment", "tradeplane-operator")["spec"]["template"]["spec"]
    assert pod()["securityContext"] == operator["securityContext"]
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod())
    (container,), (other,) = pod()["containers"], operator["containers"]
    assert container["securityContext"] == other["securityContext"]
    assert container["image"] == other["image"], "one image, replaced by its digest at one place"
    assert {"cpu", "memory"} <= set(container["resources"]["requests"])
    assert "memory" in container["resources"]["limits"]


def test_its_account_is_its_own() -> None:
    assert pod()["serviceAccountName"] == RECORDER
    assert the("ServiceAccount", RECORDER)["automountServiceAccountToken"] is False
    assert pod()["automountServiceAccountToken"] is True


def test_it_sees_the_kinds_and_policies_and_nothing_else() -> None:
    kinds = sorted(kind.plural for kind in KINDS)
    rule = {"apiGroups": [GROUP], "resources": kinds, "verbs": ["get", "list", "watch"]}
    groups = {kind.group: [one.plural for one in POLICY_KINDS if one.group == kind.group] for kind in POLICY_KINDS}
    policies = [{"apiGroups": [name], "resources": kinds, "verbs": ["list"]} for name, kinds in groups.items()]
    assert the("ClusterRole", RECORDER)["rules"] == [rule, *policies]
    bindings = [
        binding["roleRef"]
        for _, binding in manifests("RoleBinding", "ClusterRoleBinding")
        if any(subject["name"] == RECORDER for subject in binding["subjects"])
    ]
    assert bindings == [{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": RECORDER}]


def test_it_reaches_names_the_api_server_and_postgres_and_is_reached_by_nobody() -> None:
    policy = the("NetworkPolicy", RECORDER)["spec"]
    ports = [{"protocol": "TCP", "port": port} for port in (443, 6443, 5432)]
    assert policy == {
        "podSelector": {"matchLabels": LABELS},
        "policyTypes": ["Ingress", "Egress"],
        "egress": [DNS, {"ports": ports}],
    }


def test_the_audit_log_is_taken_at_one_port_alone() -> None:
    policy = the("NetworkPolicy", f"{RECORDER}-audit")["spec"]
    assert policy == {
        "podSelector": {"matchLabels": LABELS},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"protocol": "TCP", "port": 8443}]}],
    }
    service = the("Service", f"{RECORDER}-audit")["spec"]
    assert service["selector"] == LABELS
    assert [port["targetPort"] for port in service["ports"]] == [added("ports")[0]["name"]]


def test_nobody_else_may_reach_postgres() -> None:
    """A port that no rule names is open to nobody, for every namespace denies what it does not name."""
    opened = [
        policy["metadata"]["name"]
        for _, policy in manifests("NetworkPolicy")
        for rule in policy["spec"].get("egress", ())
        if "to" not in rule
        if not rule.get("ports") or any(port["port"] == 5432 for port in rule["ports"])
    ]
    assert opened == [RECORDER]


def test_the_recorder_takes_what_it_is_told() -> None:
    (container,) = pod()["containers"]
    assert container["command"][1:] == ["-m", "tradeplane_operator.recording"]
    told = {"HEADS": "file:///heads", "HEADS_EVERY": "60"} | {
        variable["name"]: variable["value"] for variable in variables() if "value" in variable
    }
    words = (*container["args"], *added("args"))
    found = _arguments([re.sub(r"\$\((\w+)\)", lambda name: told[name[1]], word) for word in words])
    assert found.audit_port == added("ports")[0]["containerPort"] == 8443
    (health,) = container["ports"]
    assert found.health_port == health["containerPort"]
    assert container["livenessProbe"]["httpGet"] == container["readinessProbe"]["httpGet"]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": health["name"]}
    files = {str(path.parent) for path in (found.database, found.audit_certificate, found.audit_key)}
    files.add(found.heads_signer.removeprefix("file:").rpartition("/")[0])
    files |= {str(found.settings.parent), *JUDGES}
    assert found.policies
    mounts = [*container["volumeMounts"], *added("volumeMounts")]
    assert files == {mount["mountPath"] for mount in mounts if mount.get("readOnly")}


def test_its_secrets_are_read_only_files_of_its_own() -> None:
    volumes = [*pod()["volumes"], *added("volumes")]
    secrets = {one["secret"]["secretName"]: one["secret"] for one in volumes if "secret" in one}
    assert set(secrets) == {DATABASE_SECRET, AUDIT_SECRET, SIGNING_SECRET}
    assert all(one["defaultMode"] == 0o440 for one in secrets.values())
    others = [one for one in volumes if "secret" not in one and "configMap" not in one]
    assert others == [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}]
    for name in secrets:
        named = {path.parent.name for path in DEPLOY.rglob("*.yaml") if f"secretName: {name}\n" in path.read_text()}
        assert len(named) == 1, f"{name} is mounted by {named}"


def test_it_has_what_the_operator_judges_by_where_the_operator_has_it() -> None:
    """Under the same names and at the same places, as the settings name files; it starts where one is missing."""
    volumes = {one["name"]: one["configMap"] for one in pod()["volumes"] if "configMap" in one}
    assert all(one["optional"] for one in volumes.values())
    (container,) = pod()["containers"]
    own = {one["mountPath"]: volumes.get(one["name"], {}).get("name") for one in container["volumeMounts"]}
    for component in ("image-trust", "snapshot-keys", "approvals"):
        (patch,) = yaml.safe_load((DEPLOY / "components" / component / "kustomization.yaml").read_text())["patches"]
        volume, mount = (step["value"] for step in yaml.safe_load(patch["patch"]))
        assert own[mount["mountPath"]] == volume["configMap"]["name"]
    operator = the("Deployment", "tradeplane-operator")["spec"]["template"]["spec"]
    (settings,) = (one["configMap"]["name"] for one in operator["volumes"] if one["name"] == "settings")
    assert own["/etc/tradeplane"] == settings


@pytest.mark.parametrize("path", [None, EMBEDDED], ids=["components", "embedded"])
def test_every_patch_is_of_the_recorder(path: Any) -> None:
    for target, steps in patches(path):
        assert target["name"] in {RECORDER, f"{RECORDER}-audit"}
        assert all(step["op"] == "add" for step in steps)


def test_the_embedded_cluster_s_api_server_finds_it() -> None:
    steps = [step for target, steps in patches(EMBEDDED) for step in steps if target["kind"] == "Service"]
    assert {step["path"]: step["value"] for step in steps} == {
        "/spec/type": "NodePort",
        "/spec/ports/0/nodePort": NODE_PORT,
    }


def test_other_clusters_have_a_recorder_where_somebody_says_so() -> None:
    for path in DEPLOY.glob("overlays/*/kustomization.yaml"):
        assert "ledger" not in path.read_text(encoding="utf-8")
