"""A new operator with runs of the old one in flight, and back again: what goes on goes on, nothing runs twice.

The next version is the same program under other digests, with kinds that have a field more: what is under test is the
cluster's part, and what an operator makes of records it did not write. Runs are kept in flight by stopping their
processes until the operator is another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_stacks.deployment import DeployedImages, write_overlay
from tradeplane_stacks.images.record import read_references

from tests.e2e.demo.cluster import DEPLOY, NAMESPACE, OPERATOR, SYSTEM, condition, example, latest
from tests.e2e.demo.registry import annotated

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.e2e.demo.cluster import DemoCluster, Held

_FINISHED = "macd-momentum"
_ACROSS, _BACK = "across-the-upgrade", "across-the-rollback"
_ENDORSED = {
    "type": "Endorsed",
    "status": "True",
    "observedGeneration": 1,
    "lastTransitionTime": "2026-01-01T00:00:00Z",
    "reason": "Signed",
    "message": "somebody stands for the run",
}


@dataclass(frozen=True)
class Installed:
    """The cluster at a moment: what is deployed, and what is recorded of runs."""

    images: DeployedImages
    strategies: dict[str, dict[str, Any]]
    started: set[tuple[str, str]]
    kind: dict[str, Any]
    in_flight: dict[str, dict[str, Any]]
    """Jobs that have not ended, by name."""

    def run(self, strategy: str) -> str:
        return str(latest(self.strategies[strategy])["name"])


def observe(demo: DemoCluster, images: DeployedImages) -> Installed:
    jobs = {job["metadata"]["name"]: job for job in demo.get("jobs", "-n", NAMESPACE)["items"]}
    in_flight = {name: job for name, job in jobs.items() if job["status"].get("active")}
    kind = demo.get("crd", "strategies.tradeplane.dev")
    return Installed(images, demo.strategies(), demo.started(), kind, in_flight)


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("next") / "operator"


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("former") / "operator"


@pytest.fixture(scope="module")
def former_images(demo: DemoCluster, first: subprocess.CompletedProcess[str], former: Path) -> DeployedImages:
    """Have an operator that was installed by kustomize.

    The demo's is a stack's, which goes on owning the fields of it: it is made anew.
    """
    assert first.returncode == 0, first.stderr
    pushed = read_references(demo.generated)
    images = DeployedImages(operator=pushed["operator"], workloads=pushed["workloads"])
    write_overlay(former, DEPLOY / "overlays/embedded", images)
    demo.kubectl("delete", "deployment", OPERATOR, "-n", SYSTEM, "--timeout=120s")
    demo.kubectl("apply", "--server-side", "--force-conflicts", "-k", former)
    demo.until_rolled_out(images.operator)
    return images


@pytest.fixture(scope="module")
def across(demo: DemoCluster, former_images: DeployedImages) -> Held:
    """Have a run in flight under that operator."""
    assert former_images
    return demo.hold(_ACROSS, 11)


@pytest.fixture(scope="module")
def before(demo: DemoCluster, former_images: DeployedImages, across: Held) -> Installed:
    """See one run that has finished, and one in flight."""
    assert across
    return observe(demo, former_images)


@pytest.fixture(scope="module")
def upgraded(demo: DemoCluster, across: Held, before: Installed, overlay: Path) -> Installed:
    """Install the next version by the documented command: other digests, other settings, kinds with a field more."""
    annotation = "org.opencontainers.image.version"
    images = DeployedImages(
        operator=annotated(before.images.operator, annotation, "next"),
        workloads=annotated(before.images.workloads, annotation, "next"),
    )
    write_overlay(overlay, DEPLOY / "overlays/embedded", images, {"limits": {"runs": 500}})
    add_a_field(overlay / "kustomization.yaml")
    # The engine of the demo's stack owns the kinds' fields as well.
    demo.kubectl("apply", "--server-side", "--force-conflicts", "-k", overlay)
    demo.until_rolled_out(images.operator)
    found = observe(demo, images)
    across.let_go()
    return found


def add_a_field(kustomization: Path) -> None:
    """Patch the kind Strategy of an overlay as a next version might."""
    content = yaml.safe_load(kustomization.read_text())
    status = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties"
    added = {"op": "add", "path": f"{status}/endorsement", "value": {"type": "string"}}
    target = {"kind": "CustomResourceDefinition", "name": "strategies.tradeplane.dev"}
    content["patches"] = [{"target": target, "patch": yaml.safe_dump([added])}]
    kustomization.write_text(yaml.safe_dump(content))


@pytest.fixture(scope="module")
def rolled_back(demo: DemoCluster, before: Installed, upgraded: Installed) -> Installed:
    """Have the former operator back, by the documented command, on records a newer version wrote, a run in flight."""
    held = demo.hold(_BACK, 12)
    demo.kubectl("-n", SYSTEM, "scale", "deployment", OPERATOR, "--replicas=0")
    demo.kubectl("-n", SYSTEM, "wait", "--for=delete", "pod", f"-l=app.kubernetes.io/name={OPERATOR}", "--timeout=240s")
    for name, strategy in demo.strategies().items():
        said = {"endorsement": "signed", "conditions": [*strategy["status"]["conditions"], _ENDORSED]}
        patch = yaml.safe_dump({"status": said})
        demo.kubectl("-n", NAMESPACE, "patch", "strategy", name, "--subresource=status", "--type=merge", "-p", patch)
    assert demo.strategy(_FINISHED)["status"]["endorsement"] == "signed"
    demo.kubectl("-n", SYSTEM, "rollout", "undo", f"deployment/{OPERATOR}")
    demo.kubectl("-n", SYSTEM, "scale", "deployment", OPERATOR, "--replicas=2")
    demo.until_rolled_out(before.images.operator)
    found = observe(demo, before.images)
    held.let_go()
    return found


def test_kinds_and_objects_are_updated_in_place(before: Installed, upgraded: Installed) -> None:
    assert "endorsement" not in str(before.kind["spec"])
    assert "endorsement" in str(upgraded.kind["spec"])
    assert upgraded.kind["metadata"]["uid"] == before.kind["metadata"]["uid"]
    assert identities(upgraded) == identities(before)


def test_a_run_in_flight_outlives_the_operator_that_started_it(before: Installed, upgraded: Installed) -> None:
    run = before.run(_ACROSS)
    assert run in before.in_flight
    assert run in upgraded.in_flight, "it ended too early to show anything"
    assert upgraded.in_flight[run]["metadata"]["uid"] == before.in_flight[run]["metadata"]["uid"]
    assert upgraded.started == before.started


def test_the_new_operator_records_the_end_of_a_run_of_the_old_one(
    demo: DemoCluster, before: Installed, upgraded: Installed
) -> None:
    done = latest(demo.until_ready(_ACROSS))
    assert (done["name"], done["outcome"]) == (before.run(_ACROSS), "Succeeded")
    assert done["image"] == before.images.workloads != upgraded.images.workloads
    assert demo.results()[done["name"]] == done["resultDigest"]


def test_nothing_finished_runs_again(demo: DemoCluster, before: Installed, upgraded: Installed) -> None:
    now = demo.strategy(_FINISHED)
    assert now["status"] == before.strategies[_FINISHED]["status"]
    assert upgraded.started == before.started == demo.started()


def test_a_new_question_gets_the_new_default_image(demo: DemoCluster, upgraded: Installed) -> None:
    demo.apply(example("asked-of-the-new", 21))
    assert latest(demo.until_ready("asked-of-the-new"))["image"] == upgraded.images.workloads


def test_the_new_operator_repeats_a_run_with_the_older_runner_it_was_pinned_to(
    demo: DemoCluster, before: Installed, upgraded: Installed
) -> None:
    demo.kubectl("-n", NAMESPACE, "patch", "strategy", _FINISHED, "--type=merge", "-p", '{"spec":{"rerun":1}}')
    again = demo.until_ready(_FINISHED)["status"]
    assert again["history"][0]["name"] == before.run(_FINISHED) != again["latest"]["name"]
    assert again["latest"]["image"] == before.images.workloads != upgraded.images.workloads
    assert again["latest"]["resultDigest"] == again["history"][0]["resultDigest"]


def test_an_older_operator_forgets_no_run_of_a_newer_one(
    demo: DemoCluster, upgraded: Installed, rolled_back: Installed
) -> None:
    run = rolled_back.run(_BACK)
    assert run in rolled_back.in_flight, "it ended too early to show anything"
    done = latest(demo.until_ready(_BACK))
    assert (done["name"], done["outcome"], done["image"]) == (run, "Succeeded", upgraded.images.workloads)
    newest = {name: latest(each)["name"] for name, each in demo.strategies().items()}
    assert newest == {name: rolled_back.run(name) for name in rolled_back.strategies}
    assert demo.started() == rolled_back.started


def test_an_older_operator_keeps_conditions_it_does_not_know(demo: DemoCluster, rolled_back: Installed) -> None:
    assert "endorsement" in str(rolled_back.kind["spec"])
    told = demo.until_ready(_BACK)
    assert condition(told, "Endorsed") == _ENDORSED
    assert condition(told, "Completed")["status"] == "True"


def test_the_former_manifests_applied_again_replace_nothing_and_run_nothing(
    demo: DemoCluster, before: Installed, former: Path, rolled_back: Installed
) -> None:
    demo.kubectl("apply", "--server-side", "-k", former)
    demo.until_rolled_out(before.images.operator)
    demo.apply(example("asked-of-the-old", 22))
    assert latest(demo.until_ready("asked-of-the-old"))["image"] == before.images.workloads
    since = {name for name, _ in demo.started() - rolled_back.started}
    assert since == {latest(demo.strategy("asked-of-the-old"))["name"]}
    assert identities(rolled_back).items() <= identities(observe(demo, before.images)).items()


def test_the_first_upgrade_after_an_undo_has_to_force_conflicts(
    demo: DemoCluster, overlay: Path, rolled_back: Installed
) -> None:
    assert rolled_back.strategies
    command = ("apply", "--server-side", "--dry-run=server", "-k", overlay)
    with pytest.raises(AssertionError, match="conflict"):
        demo.kubectl(*command)
    demo.kubectl(*command, "--force-conflicts")


def identities(installed: Installed) -> dict[str, tuple[str, int]]:
    """Return UID and generation of each Strategy."""
    every = installed.strategies.items()
    return {name: (each["metadata"]["uid"], each["metadata"]["generation"]) for name, each in every}
