"""The packages and manifests of a release: the same bytes from another place under another umask, and what they hold.

The Rust core takes minutes to build; that its wheel is the same twice is shown by the tests of images, which build it.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
import yaml
from tradeplane_stacks.deployment import DeployedImages
from tradeplane_stacks.images.contents import Preparation
from tradeplane_stacks.images.settings import CHECKOUT
from tradeplane_stacks.images.source import export_sources, source_revision
from tradeplane_stacks.images.wheels import NATIVE, build_rooms
from tradeplane_stacks.local.binaries import KUBECTL, Binaries
from tradeplane_stacks.release.identity import rooms_of
from tradeplane_stacks.release.manifests import write_manifests
from tradeplane_stacks.release.packages import write_sources, write_wheels

from tests.integration.stacks.test_image_source import CHANGES, checkout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["checkout"]

PURE = ("crds", "workloads")
"""One small package, and one with others in folders below it."""
DIGEST = "sha256:" + "1" * 64
IMAGES = DeployedImages(
    operator=f"registry.example/tradeplane/operator@{DIGEST}",
    workloads=f"registry.example/tradeplane/workloads@{DIGEST}",
)


def _contents(folder: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _copied(place: Path, mode: int) -> Path:
    """Copy the sources of a few packages, as another machine's umask and clock would have them."""
    for room in (*PURE, NATIVE):
        shutil.copytree(
            CHECKOUT / room,
            place / room,
            ignore=shutil.ignore_patterns("target", "__pycache__", "*.so"),
            dirs_exist_ok=True,
        )
    for path in place.rglob("*"):
        path.chmod(mode | (0o111 if path.is_dir() else 0))
        os.utime(path, (mode, mode))
    return place


def _built(place: Path, mode: int) -> Mapping[str, bytes]:
    sources, target = _copied(place / "sources", mode), place / "built"
    target.mkdir()
    before = os.umask(0o077 if mode == 0o600 else 0o022)
    try:
        write_wheels(Preparation(place / "cache", print, sources), PURE, (), target)
        write_sources(sources, (*PURE, NATIVE), target)
    finally:
        os.umask(before)
    return _contents(target)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    return _built(tmp_path_factory.mktemp("one"), 0o644)


def test_packages_are_the_same_bytes_from_another_place(packages: Mapping[str, bytes], tmp_path: Path) -> None:
    again = _built(tmp_path / "another place", 0o600)
    assert sorted(again) == sorted(packages)
    assert [name for name, data in again.items() if data != packages[name]] == []


def test_sources_of_a_package_hold_what_builds_it_and_no_other_package(
    packages: Mapping[str, bytes], tmp_path: Path
) -> None:
    for name, data in packages.items():
        (tmp_path / name).write_bytes(data)
    (sources,) = tmp_path.glob("tradeplane_workloads-*.tar.gz")
    with tarfile.open(sources) as archive:
        names = {re.sub(r"^[^/]+/", "", name) for name in archive.getnames()}
    assert {"pyproject.toml", "PKG-INFO", "tradeplane_workloads/__init__.py"} <= names
    assert {name.partition("/")[0] for name in names} - {".gitignore"} == {
        *("pyproject.toml", "PKG-INFO", "tradeplane_workloads")
    }
    (core,) = tmp_path.glob("tradeplane_native-*.tar.gz")
    with tarfile.open(core) as archive:
        names = {re.sub(r"^[^/]+/", "", name) for name in archive.getnames()}
    assert {"Cargo.toml", "Cargo.lock", "src/lib.rs", "pyproject.toml"} <= names


def test_a_wheel_built_from_the_sources_is_the_wheel(packages: Mapping[str, bytes], tmp_path: Path) -> None:
    (name,) = [name for name in packages if name.startswith("tradeplane_api") and name.endswith(".tar.gz")]
    with tarfile.open(fileobj=io.BytesIO(packages[name])) as archive:
        archive.extractall(tmp_path)  # noqa: S202 -- what this test built
    (unpacked,) = tmp_path.iterdir()
    unpacked.rename(tmp_path / "crds")
    (wheel,) = build_rooms(tmp_path, ["crds"], tmp_path / "built")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
    assert wheel.read_bytes() == packages[wheel.name]


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    return _rendered(tmp_path_factory.mktemp("manifests"), IMAGES)


def _rendered(place: Path, images: DeployedImages | None) -> Mapping[str, bytes]:
    for room in ("operator/deploy", "policies", "crds/yaml"):
        shutil.copytree(CHECKOUT / room, place / "sources" / room)
    kubectl = Binaries.of_user().build((KUBECTL,), print)[KUBECTL]
    (place / "rendered").mkdir()
    write_manifests(place / "sources", kubectl, images, place / "rendered")
    return _contents(place / "rendered")


def test_manifests_are_the_same_bytes_from_another_place(manifests: Mapping[str, bytes], tmp_path: Path) -> None:
    assert _rendered(tmp_path / "another place", IMAGES) == manifests
    without = _rendered(tmp_path / "without images", None)
    assert without == {name: data for name, data in manifests.items() if name != "install.yaml"}


def test_what_is_installed_names_both_images_by_digest_and_holds_the_kinds(manifests: Mapping[str, bytes]) -> None:
    objects = list(yaml.safe_load_all(manifests["install.yaml"]))
    kinds = [one["metadata"]["name"] for one in objects if one["kind"] == "CustomResourceDefinition"]
    assert sorted(kinds) == sorted(one["metadata"]["name"] for one in yaml.safe_load_all(manifests["crds.yaml"]))
    (deployment,) = (one for one in objects if one["kind"] == "Deployment")
    assert [one["image"] for one in deployment["spec"]["template"]["spec"]["containers"]] == [IMAGES.operator]
    (settings,) = (one for one in objects if one["kind"] == "ConfigMap" and "settings.yaml" in one.get("data", {}))
    assert yaml.safe_load(settings["data"]["settings.yaml"])["images"]["default"] == IMAGES.workloads


def test_there_is_a_file_of_each_policy(manifests: Mapping[str, bytes]) -> None:
    policies = {path.name for path in (CHECKOUT / "policies/admission").iterdir()}
    quotas = {"quotas-small.yaml", "quotas-large.yaml"}
    assert {f"admission-{name}.yaml" for name in policies} | quotas == set(manifests) - {"crds.yaml", "install.yaml"}
    for name in policies - {"parameters"}:
        assert {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"} <= kinds(
            manifests[f"admission-{name}.yaml"]
        )
    assert kinds(manifests["admission-parameters.yaml"]) == {"CustomResourceDefinition"}
    for name in quotas:
        assert "ResourceQuota" in kinds(manifests[name])


def kinds(manifest: bytes) -> set[str]:
    return {one["kind"] for one in yaml.safe_load_all(manifest)}


def test_sources_are_exported_as_git_has_them(checkout: Path, tmp_path: Path) -> None:
    (checkout / "build").mkdir()
    (checkout / "build/left").write_text("left by a build")
    source = source_revision(checkout)
    assert source is not None
    export_sources(checkout, tmp_path / "out", source.tree)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"engine.py", ".gitignore"}


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_what_changed_since_it_was_looked_at_is_not_exported(checkout: Path, tmp_path: Path, change: str) -> None:
    source = source_revision(checkout)
    assert source is not None
    CHANGES[change](checkout)
    with pytest.raises(Exception, match="changed meanwhile"):
        export_sources(checkout, tmp_path / "out", source.tree)
    now = source_revision(checkout)
    assert now is not None
    export_sources(checkout, tmp_path / "out", now.tree)
    exported = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    there = {path.name: path.read_bytes() for path in checkout.iterdir() if path.is_file()}
    assert exported == there


def test_every_package_of_the_workspace_is_in_a_release() -> None:
    assert NATIVE in rooms_of(CHECKOUT)
    assert {"crds", "cli", "evidence", "operator", "stacks", "workloads", "workloads/store"} < set(rooms_of(CHECKOUT))
