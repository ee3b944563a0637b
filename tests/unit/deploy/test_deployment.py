"""Images laid over an overlay: the operator's by kustomize, the runner's in the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from tradeplane_operator.settings import SettingsError, read_settings
from tradeplane_stacks.deployment import OPERATOR_IMAGE, DeployedImages, UnpinnedImage, write_overlay

from tests.unit.deploy.manifests import DEPLOY, the

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "sha256:" + "1" * 64
IMAGES = DeployedImages(
    operator=f"registry.example:5000/tradeplane/operator@{DIGEST}",
    workloads=f"registry.example:5000/tradeplane/workloads@{DIGEST}",
)


def test_the_operator_s_image_is_replaced_by_digest(tmp_path: Path) -> None:
    written = write_overlay(tmp_path / "deploy", DEPLOY / "overlays" / "embedded", IMAGES)
    kustomization = yaml.safe_load((written / "kustomization.yaml").read_text(encoding="utf-8"))
    (image,) = kustomization["images"]
    assert image == {"name": OPERATOR_IMAGE, "newName": "registry.example:5000/tradeplane/operator", "digest": DIGEST}
    assert (
        the("Deployment", "tradeplane-operator")["spec"]["template"]["spec"]["containers"][0]["image"] == image["name"]
    )
    (resource,) = kustomization["resources"]
    assert (written / resource).resolve() == (DEPLOY / "overlays" / "embedded").resolve()


def test_the_runner_s_image_stands_in_the_settings_and_the_rest_stays(tmp_path: Path) -> None:
    before = read_settings(DEPLOY / "overlays" / "embedded" / "settings.yaml")
    written = write_overlay(tmp_path, DEPLOY / "overlays" / "embedded", IMAGES, {"limits": {"runs": 4000}})
    after = read_settings(written / "settings.yaml")
    assert after.images.default == IMAGES.workloads
    assert after.limits.runs == 4000
    assert after.stores == before.stores


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    overlay = DEPLOY / "overlays" / "kind"
    first = {path.name: path.read_bytes() for path in write_overlay(tmp_path, overlay, IMAGES).iterdir()}
    assert {path.name: path.read_bytes() for path in write_overlay(tmp_path, overlay, IMAGES).iterdir()} == first


@pytest.mark.parametrize("image", ["registry.example/tradeplane/operator:v1", "tradeplane/operator", "a@md5:1"])
def test_an_image_without_a_digest_is_refused(image: str) -> None:
    with pytest.raises(UnpinnedImage, match=r"has no digest: name it as <registry>/<repository>@sha256:<digest>"):
        DeployedImages(operator=image, workloads=IMAGES.workloads)


def test_settings_the_operator_would_refuse_are_seen_by_its_own_check(tmp_path: Path) -> None:
    written = write_overlay(tmp_path, DEPLOY / "overlays" / "embedded", IMAGES, {"limit": {"runs": 1}})
    with pytest.raises(SettingsError, match="limit"):
        read_settings(written / "settings.yaml")
