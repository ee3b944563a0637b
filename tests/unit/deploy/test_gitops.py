"""The examples of docs/gitops are what they say: valid, pinned, without keys, and no stronger than they have to be."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_api.base import GROUP
from tradeplane_api.kinds import KINDS
from tradeplane_stacks.automation.environment import stacks_in_order

from tests.unit.cli.conftest import tradeplane
from tests.unit.deploy.manifests import ROOT, manifests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

__all__ = ["tradeplane"]

GITOPS = ROOT / "docs" / "gitops"
ACTIONS, GITLAB = "github-actions.yaml", "gitlab-ci.yaml"
JOBS = ("preview", "up", "drift")
COMMIT = re.compile(r"[0-9a-f]{40}")
IMAGE = re.compile(r"[a-z0-9./:-]+@sha256:[0-9a-f]{64}")
SECRET = re.compile(r"secrets\.|AWS_ACCESS_KEY|AWS_SECRET|PASSPHRASE|password|AKIA[A-Z0-9]{16}", re.IGNORECASE)
# What runs rather than is asked for.
OF_THE_OPERATOR = {"Approval"}


def text(name: str) -> str:
    return (GITOPS / name).read_text(encoding="utf-8")


def documents(name: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(text(name)) if one]


def actions() -> dict[str, Any]:
    # YAML 1.1, which is read here, takes the word ``on`` for true.
    found: dict[Any, Any] = documents(ACTIONS)[0]
    return {"on" if key is True else key: value for key, value in found.items()}


def gitlab() -> dict[str, Any]:
    (found,) = documents(GITLAB)
    return found


def named(name: str, kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in documents(name) if one["kind"] == kind}


def scripts() -> dict[str, list[str]]:
    """Return the commands of each job of both services."""
    return {
        **{
            f"actions {job}": [step["run"] for step in actions()["jobs"][job]["steps"] if "run" in step] for job in JOBS
        },
        **{f"gitlab {job}": gitlab()[job]["script"] for job in JOBS},
    }


def files() -> Iterator[str]:
    yield from (str(path.relative_to(GITOPS)) for path in sorted(GITOPS.rglob("*.yaml")))


def test_the_jobs_are_as_the_services_publish_their_form() -> None:
    # Not above: it compiles grammars of what it can check for seconds, in every process that collects these tests.
    from check_jsonschema.builtin_schemas import get_builtin_schema
    from jsonschema import Draft7Validator

    for schema, found in (("vendor.github-workflows", actions()), ("vendor.gitlab-ci", gitlab())):
        validator = Draft7Validator(get_builtin_schema(schema))
        assert [error.message for error in validator.iter_errors(found)] == []
        assert not validator.is_valid({**found, "stages": 7, "jobs": []}), f"{schema} finds nothing wrong"


@pytest.mark.parametrize("job", [f"{service} {job}" for service in ("actions", "gitlab") for job in JOBS])
def test_commands_of_the_jobs_exist_with_their_options(job: str, tradeplane: Command) -> None:
    given = actions()["env"] if job.startswith("actions") else gitlab()["variables"]
    lines = [line for line in scripts()[job] if line.startswith("tradeplane ")]
    calls = [shlex.split(Template(line).substitute(given)) for line in lines]
    assert [words[1:3] for words in calls] == [["stack", job.split()[1]]]
    for words in calls:
        helped = tradeplane(*words[1:3], "--help")
        assert helped.code == 0
        for option in (word for word in words if word.startswith("-")):
            assert re.search(rf"(^|[ ,]){re.escape(option)}\b", helped.out, re.MULTILINE), option
        assert ("--policy-pack" in words) is (words[2] != "drift")
        for pack in (words[at + 1] for at, word in enumerate(words) if word == "--policy-pack"):
            assert (ROOT / pack / "PulumiPolicy.yaml").is_file()
        regions = [words[at + 1] for at, word in enumerate(words) if word == "--region"]
        stacks = stacks_in_order(words[3], regions)
        assert {program.folder for program, _ in stacks} == {"network", "cluster", "platform"}
        for program, stack in stacks:
            assert (ROOT / "stacks" / program.folder / f"Pulumi.{stack}.yaml").is_file()


def test_every_region_that_is_configured_is_in_the_jobs() -> None:
    configured = {file.stem.removeprefix("Pulumi.prod.") for file in (ROOT / "stacks").glob("network/Pulumi.prod.*")}
    for found in (actions()["env"], gitlab()["variables"]):
        assert set(found["REGIONS"].split()) - {"--region"} == configured


def test_who_runs_the_code_of_a_branch_has_read_it() -> None:
    assert actions()["jobs"]["preview"]["environment"] == "preview"
    preview = gitlab()["preview"]
    assert preview["environment"]["name"] == "preview"
    assert [rule["when"] for rule in preview["rules"]] == ["manual"]


def test_jobs_run_where_the_clusters_are_reached() -> None:
    assert {actions()["jobs"][job]["runs-on"] for job in JOBS} == {"stacks"}
    assert gitlab()[".stack"]["tags"] == ["stacks"]


def test_only_up_changes_anything_and_asks_nobody() -> None:
    assert {job for job, lines in scripts().items() if any("--yes" in line for line in lines)} == {
        "actions up",
        "gitlab up",
    }


def test_every_action_is_pinned_to_a_commit_and_says_which_version_that_is() -> None:
    used = re.findall(r"uses: (\S+)(.*)", text(ACTIONS))
    assert len(used) >= len(JOBS)
    for action, comment in used:
        owner, _, commit = action.partition("@")
        assert re.fullmatch(r"[a-z-]+/[a-z-]+", owner)
        assert COMMIT.fullmatch(commit), action
        assert re.fullmatch(r" # v[0-9.]+", comment), action
    assert len({action for action, _ in used}) == len({action.partition("@")[0] for action, _ in used})


def test_what_is_installed_is_pinned_by_digest() -> None:
    assert IMAGE.fullmatch(gitlab()[".stack"]["image"])
    lines = [line for lines in scripts().values() for line in lines] + gitlab()[".stack"]["before_script"]
    installed = [line for line in lines if "pip install" in line]
    assert installed
    assert all("--require-hashes" in line for line in installed)
    assert not [line for line in lines if re.search(r"curl|wget", line)]


@pytest.mark.parametrize("file", list(files()))
def test_nothing_has_a_key_or_a_secret_in_it(file: str) -> None:
    assert SECRET.findall(text(file)) == []


def test_jobs_of_actions_have_a_token_for_oidc_and_to_read_and_no_more() -> None:
    found = actions()
    assert found["permissions"] == {}
    for job in JOBS:
        assert found["jobs"][job]["permissions"] == {"contents": "read", "id-token": "write"}
        (checkout,) = [step for step in found["jobs"][job]["steps"] if "checkout" in step.get("uses", "")]
        assert checkout["with"]["persist-credentials"] is False
    assert "pull_request_target" not in found["on"]


def test_who_previews_has_another_role_than_who_changes() -> None:
    of_actions = {
        job: step["with"]["role-to-assume"]
        for job in JOBS
        for step in actions()["jobs"][job]["steps"]
        if "configure-aws-credentials" in step.get("uses", "")
    }
    of_gitlab = {job: gitlab()[job]["variables"]["AWS_ROLE_ARN"] for job in JOBS}
    for roles in (of_actions, of_gitlab):
        assert set(roles) == set(JOBS)
        assert roles["preview"] == roles["drift"] != roles["up"]
    administrators = {
        role
        for file in (ROOT / "stacks" / "platform").glob("Pulumi.*.yaml")
        for role in yaml.safe_load(file.read_text(encoding="utf-8"))["config"].get(
            "tradeplane-platform:administrator_roles", ()
        )
    }
    assert of_actions["up"] in administrators, "it could not make what it is to make"


def test_changes_are_made_on_main_alone_after_an_approval_and_one_at_a_time() -> None:
    found = actions()
    assert found["on"]["push"]["branches"] == ["main"]
    assert found["jobs"]["up"]["environment"] == "prod"
    assert found["jobs"]["up"]["if"] == "github.event_name == 'push'"
    assert "head.repo.full_name == github.repository" in found["jobs"]["preview"]["if"]
    assert found["concurrency"]["cancel-in-progress"] is False
    up = gitlab()["up"]
    assert up["environment"] == {"name": "prod"}
    (rule,) = up["rules"]
    assert rule["when"] == "manual"
    assert rule["if"].startswith("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH")
    assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID" in gitlab()["preview"]["rules"][0]["if"]
    assert (gitlab()[".stack"]["resource_group"], gitlab()[".stack"]["interruptible"]) == ("stacks-prod", False)


def test_every_job_has_a_limit() -> None:
    assert all(actions()["jobs"][job]["timeout-minutes"] <= 90 for job in JOBS)
    assert all(gitlab()[job]["timeout"].endswith("minutes") for job in JOBS)


def of_the_platform() -> set[tuple[str, str]]:
    """Return group and kind of all that has no namespace in what a cluster of one's own is made of."""
    installed = [one for path, one in manifests() if path.parts[0] == "base" or path.match("components/cluster-wide/*")]
    groups = {(one["apiVersion"].rpartition("/")[0], one["kind"]) for one in installed}
    apart = {kind for _, kind in groups} & {"Namespace", "ClusterRole", "ClusterRoleBinding"}
    return {one for one in groups if one[1] in apart} | {("apiextensions.k8s.io", "CustomResourceDefinition")}


def test_argo_cd_brings_to_the_cluster_what_is_installed_and_nothing_else() -> None:
    projects = named("argo-cd/project.yaml", "AppProject")
    platform, research = projects["tradeplane-platform"]["spec"], projects["tradeplane-research"]["spec"]
    assert {(one["group"], one["kind"]) for one in platform["clusterResourceWhitelist"]} == of_the_platform()
    assert research["clusterResourceWhitelist"] == []
    allowed = {(one["group"], one["kind"]) for one in research["namespaceResourceWhitelist"]}
    assert allowed == {(GROUP, kind.name) for kind in KINDS if kind.name not in OF_THE_OPERATOR}
    for project in (platform, research):
        assert "*" not in yaml.safe_dump(project)
        assert len({one["namespace"] for one in project["destinations"]}) == 1


def test_argo_cd_s_applications_are_within_their_projects() -> None:
    projects = named("argo-cd/project.yaml", "AppProject")
    applications = named("argo-cd/applications.yaml", "Application")
    assert set(applications) == {"tradeplane-kinds", "tradeplane-operator", "research"}
    for application in applications.values():
        spec = application["spec"]
        project = projects[spec["project"]]["spec"]
        assert spec["source"]["repoURL"] in project["sourceRepos"]
        assert spec["destination"] in project["destinations"]
        assert "ServerSideApply=true" in spec["syncPolicy"]["syncOptions"]
        assert spec["syncPolicy"]["retry"]["limit"] > 0
    platform = [applications[name]["spec"] for name in ("tradeplane-kinds", "tradeplane-operator")]
    assert all(COMMIT.fullmatch(spec["source"]["targetRevision"]) for spec in platform)
    assert (ROOT / platform[0]["source"]["path"] / "kustomization.yaml").is_file()
    assert platform[0]["syncPolicy"]["automated"]["prune"] is False


def test_argo_cd_reads_the_health_of_every_kind() -> None:
    folder = ROOT / "resource_customizations"
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    (generated,) = kustomization["configMapGenerator"]
    assert (generated["name"], kustomization["namespace"]) == ("argocd-cm", "argocd")
    pairs = dict(one.split("=") for one in generated["files"])
    assert pairs == {
        f"resource.customizations.health.{GROUP}_{kind.name}": f"{GROUP}/{kind.name}/health.lua" for kind in KINDS
    }
    assert all((folder / path).is_file() for path in pairs.values())
    assert kustomization["generatorOptions"]["disableNameSuffixHash"] is True


def test_flux_applies_each_after_what_it_needs_and_waits_for_it() -> None:
    platform = named("flux/platform.yaml", "Kustomization")
    sources = named("flux/platform.yaml", "GitRepository")
    kinds, operator = platform["tradeplane-kinds"]["spec"], platform["tradeplane-operator"]["spec"]
    assert operator["dependsOn"] == [{"name": "tradeplane-kinds"}]
    assert (kinds["wait"], operator["wait"], kinds["prune"]) == (True, True, False)
    assert (ROOT / kinds["path"] / "kustomization.yaml").is_file()
    for spec in (kinds, operator):
        assert COMMIT.fullmatch(sources[spec["sourceRef"]["name"]]["spec"]["ref"]["commit"])


def test_flux_applies_a_desk_s_strategies_as_who_may_do_nothing_else() -> None:
    file = "flux/research.yaml"
    (desk,) = named(file, "Kustomization").values()
    assert desk["spec"]["serviceAccountName"] == "strategies"
    assert desk["spec"]["wait"] is True
    assert {one["metadata"]["namespace"] for one in documents(file)} == {"research"}
    assert desk["spec"]["sourceRef"]["name"] in named(file, "GitRepository")
    (role,), (binding,) = named(file, "Role").values(), named(file, "RoleBinding").values()
    (rule,) = role["rules"]
    assert rule["apiGroups"] == [GROUP]
    assert set(rule["resources"]) == {kind.plural for kind in KINDS if kind.name not in OF_THE_OPERATOR}
    assert "*" not in rule["verbs"]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "strategies", "namespace": "research"}]


def test_every_example_is_told_of_on_the_page() -> None:
    page = text("index.md")
    assert [file for file in files() if f"({file})" not in page] == []


def test_links_of_the_page_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)", text("index.md"))
    assert [link for link in links if not (GITOPS / link).exists()] == []
    assert Path(GITOPS / "index.md").is_file()
