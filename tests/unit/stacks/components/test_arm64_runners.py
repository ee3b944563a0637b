import json
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter
from tradeplane_stacks.components.arm64_runners import Arm64Runners, Arm64RunnersConfig
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.image_reference import Image, ImageReference
from tradeplane_stacks.components.node_groups import NodeGroup
from tradeplane_stacks.components.runner_pods import INTERNAL
from tradeplane_stacks.components.stack_name import StackName

from tests.unit.stacks.components.recording import Recorded
from tests.unit.stacks.components.region import REGIONAL, Options, record_with_options

CONTROLLER = f"ghcr.io/actions/gha-runner-scale-set-controller:0.14.1@sha256:{'a' * 64}"
RUNNER = f"registry.example:5000/ci/runner:2.330.0@sha256:{'b' * 64}"
GITHUB: dict[str, Any] = {
    "kind": "github",
    "url": "https://github.com/desk/strategies",
    "credentials_secret": "github-app",
    "chart_version": "0.14.1",
    "controller_image": CONTROLLER,
    "runner_image": RUNNER,
    "max_runners": 8,
    "cpu": "4",
    "memory": "16Gi",
}
BUILDKITE: dict[str, Any] = {
    "kind": "buildkite",
    "queue": "arm64",
    "credentials_secret": "buildkite-agent",
    "chart_version": "0.28.0",
    "controller_image": CONTROLLER,
    "runner_image": RUNNER,
    "max_runners": 5,
}
CONTAINER = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def config(runners: Mapping[str, Any]) -> Arm64RunnersConfig:
    return Arm64RunnersConfig.read({"ownership": REGIONAL["ownership"], "runners": runners})


def made(runners: Mapping[str, Any], label: str) -> tuple[Recorded, Mapping[str, Options]]:
    def make() -> dict[str, Any]:
        component = Arm64Runners("arm64-ci", config(runners), StackName("prod", "eu-west-1"))
        assert component.label == label
        return {"namespace": component.namespace}

    return record_with_options(make)


@pytest.fixture(scope="module")
def both() -> tuple[Recorded, Mapping[str, Options]]:
    return made(GITHUB, "arm64-ci")


@pytest.fixture(scope="module")
def github(both: tuple[Recorded, Mapping[str, Options]]) -> Recorded:
    return both[0]


@pytest.fixture(scope="module")
def buildkite() -> Recorded:
    return made(BUILDKITE, "arm64")[0]


def releases(recorded: Recorded) -> dict[str, dict[str, Any]]:
    return recorded.of_type("kubernetes:helm.sh/v3:Release")


def policies(recorded: Recorded) -> dict[tuple[str, str], dict[str, Any]]:
    listed = recorded.of_type("kubernetes:networking.k8s.io/v1:NetworkPolicy").values()
    return {(p["metadata"]["namespace"], p["metadata"]["name"]): p["spec"] for p in listed}


def placement(pod: Mapping[str, Any]) -> dict[str, Any]:
    return {key: pod[key] for key in ("nodeSelector", "tolerations", "automountServiceAccountToken")}


ON_DEDICATED_NODES = {
    "nodeSelector": {"tradeplane.dev/dedicated": "runners", "kubernetes.io/arch": "arm64"},
    "tolerations": [
        {"key": "tradeplane.dev/dedicated", "operator": "Equal", "value": "runners", "effect": "NoSchedule"},
        {"key": "kubernetes.io/arch", "operator": "Equal", "value": "arm64", "effect": "NoSchedule"},
    ],
    "automountServiceAccountToken": False,
}


def test_charts_are_those_of_github_at_their_version(
    github: Recorded, both: tuple[Recorded, Mapping[str, Options]]
) -> None:
    home = "oci://ghcr.io/actions/actions-runner-controller-charts"
    assert {(r["name"], r["chart"], r["version"], r["namespace"]) for r in releases(github).values()} == {
        ("arm64-ci-controller", f"{home}/gha-runner-scale-set-controller", "0.14.1", "arm64-ci-system"),
        ("arm64-ci", f"{home}/gha-runner-scale-set", "0.14.1", "arm64-ci"),
    }
    for release in releases(github).values():
        assert release["createNamespace"] is False
        assert release["atomic"] is True
        assert release["timeout"] == 600
    assert "arm64-ci-controller-release" in both[1]["arm64-ci-release"].after
    assert both[1]["arm64-ci-controller-release"].after >= {
        "arm64-ci-namespace",
        "arm64-ci-shut-off",
        "arm64-ci-system-namespace",
        "arm64-ci-system-shut-off",
    }


def test_there_are_no_idle_runners_and_no_more_than_configured(github: Recorded) -> None:
    values = releases(github)["arm64-ci-release"]["values"]
    assert values["minRunners"] == 0
    assert values["maxRunners"] == 8
    assert values["githubConfigUrl"] == "https://github.com/desk/strategies"
    assert values["runnerScaleSetName"] == "arm64-ci"
    assert values["runnerGroup"] == "default"
    quota = github.of_type("kubernetes:core/v1:ResourceQuota")
    assert [(q["metadata"]["namespace"], q["spec"]) for q in quota.values()] == [("arm64-ci", {"hard": {"pods": "8"}})]


def test_credentials_are_named_and_never_there(github: Recorded, buildkite: Recorded) -> None:
    assert releases(github)["arm64-ci-release"]["values"]["githubConfigSecret"] == "github-app"
    agents = releases(buildkite)["arm64-ci-release"]["values"]
    assert agents["agentStackSecret"] == "buildkite-agent"
    assert "agentToken" not in agents
    assert not github.of_type("kubernetes:core/v1:Secret")
    assert not buildkite.of_type("kubernetes:core/v1:Secret")


def test_the_controller_watches_the_runners_namespace_alone_by_its_digest(github: Recorded) -> None:
    values = releases(github)["arm64-ci-controller-release"]["values"]
    assert values["image"] == {
        "repository": "ghcr.io/actions/gha-runner-scale-set-controller",
        "tag": f"0.14.1@sha256:{'a' * 64}",
    }
    assert values["flags"]["watchSingleNamespace"] == "arm64-ci"
    assert values["serviceAccount"] == {"create": True, "name": "arm64-ci-controller"}
    assert values["podSecurityContext"] == {"runAsNonRoot": True, "runAsUser": 65532}
    assert values["securityContext"] == {**CONTAINER, "readOnlyRootFilesystem": True}
    assert values["resources"]["limits"] == values["resources"]["requests"] == {"cpu": "100m", "memory": "256Mi"}
    runners = releases(github)["arm64-ci-release"]["values"]
    assert runners["controllerServiceAccount"] == {"namespace": "arm64-ci-system", "name": "arm64-ci-controller"}
    assert runners["listenerTemplate"] == {"spec": {"containers": [{"name": "listener", "securityContext": CONTAINER}]}}


def test_runners_are_on_nodes_of_their_own_without_rights_and_by_their_digest(github: Recorded) -> None:
    pod = releases(github)["arm64-ci-release"]["values"]["template"]["spec"]
    assert placement(pod) == ON_DEDICATED_NODES
    assert pod["restartPolicy"] == "Never"
    assert pod["containers"] == [
        {
            "name": "runner",
            "image": RUNNER,
            "command": ["/home/runner/run.sh"],
            "securityContext": CONTAINER,
            "resources": {
                "requests": {"cpu": "4", "memory": "16Gi"},
                "limits": {"cpu": "4", "memory": "16Gi"},
            },
        }
    ]
    assert "containerMode" not in releases(github)["arm64-ci-release"]["values"]


def test_runners_go_where_a_node_group_of_theirs_takes_them(github: Recorded) -> None:
    group = NodeGroup(
        name="ci",
        architecture="arm64",
        instance_types=("m7g.large",),
        max_size=1,
        dedicated="runners",
        taint_architecture=True,
    )
    pod = releases(github)["arm64-ci-release"]["values"]["template"]["spec"]
    assert group.labels.items() <= pod["nodeSelector"].items()
    assert group.taints == [(toleration["key"], toleration["value"]) for toleration in pod["tolerations"]]


def test_namespaces_hold_pods_to_a_standard(github: Recorded, buildkite: Recorded) -> None:
    def levels(recorded: Recorded) -> dict[str, set[str]]:
        listed = recorded.of_type("kubernetes:core/v1:Namespace").values()
        modes = ("enforce", "audit", "warn")
        return {
            n["metadata"]["name"]: {n["metadata"]["labels"][f"pod-security.kubernetes.io/{mode}"] for mode in modes}
            for n in listed
        }

    assert levels(github) == {"arm64-ci": {"restricted"}, "arm64-ci-system": {"restricted"}}
    assert levels(buildkite) == {"arm64-ci": {"baseline"}}


DNS = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}


def https(*but: str) -> dict[str, Any]:
    return {
        "to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": list(but)}}],
        "ports": [{"protocol": "TCP", "port": 443}],
    }


OUTSIDE = https("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
ALL_BUT_LINK_LOCAL = https("169.254.0.0/16")


def shut_off(*egress: dict[str, Any]) -> dict[str, Any]:
    return {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": list(egress)}


def test_runners_talk_to_the_internet_by_https_and_to_nothing_of_ours(github: Recorded) -> None:
    assert set(INTERNAL) == set(OUTSIDE["to"][0]["ipBlock"]["except"])
    assert policies(github) == {
        ("arm64-ci", "shut-off"): shut_off(DNS, OUTSIDE),
        ("arm64-ci-system", "shut-off"): shut_off(DNS, ALL_BUT_LINK_LOCAL),
    }


def test_buildkites_controller_alone_reaches_the_api(buildkite: Recorded) -> None:
    assert policies(buildkite) == {
        ("arm64-ci", "shut-off"): shut_off(DNS, OUTSIDE),
        ("arm64-ci", "reach-api"): {
            "podSelector": {"matchLabels": {"app": "arm64-ci"}},
            "policyTypes": ["Egress"],
            "egress": [DNS, ALL_BUT_LINK_LOCAL],
        },
    }


def test_buildkites_controller_has_the_label_by_which_it_is_let_through(buildkite: Recorded) -> None:
    (release,) = releases(buildkite).values()
    chart = release["chart"].rpartition("/")[2]
    by_chart = release["name"] if chart in release["name"] else f"{release['name']}-{chart}"
    # Newer charts give it `app`, with the release's name and the chart's in it; older ones the release's name alone.
    older, newer = release["name"], release["values"].get("fullnameOverride", by_chart)
    through = policies(buildkite)["arm64-ci", "reach-api"]["podSelector"]["matchLabels"]
    assert through == {"app": older} == {"app": newer}


def test_a_pipeline_of_buildkite_cannot_change_its_pod(buildkite: Recorded) -> None:
    only = releases(buildkite)
    assert set(only) == {"arm64-ci-release"}
    release = only["arm64-ci-release"]
    assert (release["chart"], release["version"]) == ("oci://ghcr.io/buildkite/helm/agent-stack-k8s", "0.28.0")
    values = release["values"]
    assert values["image"] == CONTROLLER
    settings = values["config"]
    assert settings["image"] == RUNNER
    assert settings["tags"] == ["queue=arm64"]
    assert settings["prohibit-kubernetes-plugin"] is True
    assert settings["allow-pod-spec-patch-unsafe-command-modification"] is False
    assert settings["max-in-flight"] == 5
    assert settings["job-active-deadline-seconds"] == 21600
    assert settings["job-ttl"] == "10m"
    pod = settings["pod-spec-patch"]
    assert placement(pod) == ON_DEDICATED_NODES
    assert pod["containers"] == [
        {
            "name": "container-0",
            "resources": {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"cpu": "2", "memory": "8Gi"}},
        }
    ]
    quota = buildkite.of_type("kubernetes:core/v1:ResourceQuota")["arm64-ci-quota"]
    assert quota["spec"] == {"hard": {"pods": "6"}}


def test_values_can_be_written_as_json(github: Recorded, buildkite: Recorded) -> None:
    for recorded in (github, buildkite):
        for release in releases(recorded).values():
            assert json.loads(json.dumps(release["values"])) == release["values"]


def test_where_the_secret_belongs_is_told(github: Recorded) -> None:
    assert github.outputs == {"namespace": "arm64-ci"}


def test_an_image_is_taken_apart() -> None:
    TypeAdapter(ImageReference).validate_python(RUNNER)
    image = Image.parse(RUNNER)
    assert image == Image("registry.example:5000/ci/runner", "2.330.0", f"sha256:{'b' * 64}")
    assert f"{image.repository}:{image.pinned_tag}" == RUNNER


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "jenkins"}, r"runners: .*'github', 'buildkite'"),
        ({"url": "http://github.com/desk"}, r"runners\.github\.url"),
        ({"url": "https://user:token@github.com/desk"}, r"runners\.github\.url"),
        ({"url": "https://github.com/"}, r"runners\.github\.url"),
        ({"credentials_secret": {"github_token": "x"}}, r"runners\.github\.credentials_secret"),
        ({"credentials_secret": ""}, r"runners\.github\.credentials_secret"),
        ({"github_token": "ghp_x"}, r"runners\.github\.github_token: Extra inputs"),
        ({"chart_version": "0.14.x"}, r"runners\.github\.chart_version"),
        ({"chart_version": ">=0.14.1"}, r"runners\.github\.chart_version"),
        ({"charts": "https://example.com/charts"}, r"runners\.github\.charts"),
        ({"controller_image": "ghcr.io/actions/controller:0.14.1"}, r"runners\.github\.controller_image"),
        ({"runner_image": "ghcr.io/actions/actions-runner:latest"}, r"runners\.github\.runner_image"),
        ({"runner_image": f"ghcr.io/actions/runner@sha256:{'b' * 64}"}, r"runners\.github\.runner_image"),
        ({"runner_image": f"ghcr.io/actions/runner:2@sha256:{'b' * 63}"}, r"runners\.github\.runner_image"),
        ({"max_runners": 0}, r"runners\.github\.max_runners"),
        ({"max_runners": 201}, r"runners\.github\.max_runners"),
        ({"min_runners": 1}, r"runners\.github\.min_runners: Extra inputs"),
        ({"cpu": "0"}, r"runners\.github\.cpu"),
        ({"memory": "8"}, r"runners\.github\.memory"),
        ({"dedicated": ""}, r"runners\.github\.dedicated"),
        ({"runner_group": "a\nb"}, r"runners\.github\.runner_group"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_field(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        config(GITHUB | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"queue": "queue=a,b"}, r"runners\.buildkite\.queue"),
        ({"queue": ""}, r"runners\.buildkite\.queue"),
        ({"deadline_seconds": 10}, r"runners\.buildkite\.deadline_seconds"),
        ({"url": "https://github.com/desk"}, r"runners\.buildkite\.url: Extra inputs"),
        ({"controller_image": "buildkite/controller:1"}, r"runners\.buildkite\.controller_image"),
        ({"chart_version": "0.27.9"}, r"runners\.buildkite\.chart_version: .*before 0\.28 ask for an organization"),
        ({"chart_version": "0.9.0"}, r"runners\.buildkite\.chart_version: .*name a newer one"),
        ({"chart_version": "0.28"}, r"runners\.buildkite\.chart_version"),
    ],
)
def test_a_wrong_configuration_of_buildkite_is_refused_with_its_field(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        config(BUILDKITE | changes)


@pytest.mark.parametrize("version", ["0.28.0", "0.45.0", "1.0.0"])
def test_charts_of_buildkite_that_take_what_is_given_are_let_in(version: str) -> None:
    assert config(BUILDKITE | {"chart_version": version}).runners.chart_version == version
