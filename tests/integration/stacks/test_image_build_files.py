"""The files that a build leaves: complete, and the same bytes from the same layers wherever these lie."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.image_build import ImageBuild, SourceRevision
from tradeplane_stacks.images.assembly import Built
from tradeplane_stacks.images.build_files import BuildFiles
from tradeplane_stacks.images.builders import BuildRequest
from tradeplane_stacks.images.contents import LOCK, Base, Contents
from tradeplane_stacks.images.lock import LockedPackage, parse_lock
from tradeplane_stacks.images.settings import CHECKOUT, IMAGES
from tradeplane_stacks.images.source import source_revision

from tests.unit.stacks.test_image_sboms import CARRIED, debian_base, describe_wheel, locked

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "sha256:" + "ab" * 32
ARCHITECTURES = ("amd64", "arm64")


def packages() -> tuple[LockedPackage, ...]:
    own = [locked(name) for name in ("libc6", "python3.11-minimal")]
    return tuple(
        sorted(
            LockedPackage(architecture, *list(vars(one).values())[1:]) for one in own for architecture in ARCHITECTURES
        )
    )


def layers(root: Path, *, turned: bool = False) -> Contents:
    """Make the layers of an image of a few packages; what is turned is written in the opposite order."""
    site, own = root / "site-tree", root / "own-tree"

    def wheels() -> None:
        names = ["attrs", "orjson"]
        for name in reversed(names) if turned else names:
            folder = describe_wheel(site, name, "3.13.0", "py3-none-any")
            if name == "orjson":
                (folder / "sboms").mkdir()
                (folder / "sboms/orjson.cyclonedx.json").write_text(json.dumps(CARRIED))

    def rooms() -> None:
        names = ["tradeplane_api", "tradeplane_store"]
        for name in reversed(names) if turned else names:
            describe_wheel(own, name, "0.1.0", "py3-none-any")

    def debian() -> None:
        names = ["libc6", "python3.11-minimal"]
        debian_base(root / "base-tree", *(reversed(names) if turned else names))

    steps = [wheels, rooms, debian]
    for step in reversed(steps) if turned else steps:
        step()
    return Contents(base=root / "base-tree", site=site, own=own)


def built(root: Path, *, turned: bool = False, image: str = "operator", source: SourceRevision | None = None) -> Built:
    contents = {one: layers(root / one, turned=turned) for one in ARCHITECTURES}
    request = BuildRequest("tradeplane/operator:x", root, ARCHITECTURES, {"VERSION": "0.1.0"})
    return Built(IMAGES[image], request, contents, Base(packages(), ("libc6:arm64 1 -> 2",)), source)


def files(root: Path, told: list[str] | None = None, source: SourceRevision | None = None) -> BuildFiles:
    say = (told if told is not None else []).append
    return BuildFiles(CHECKOUT, root / "cache", root / "records", say, source)


def sboms(root: Path, *, turned: bool = False) -> dict[str, bytes]:
    written = files(root).write_sboms(built(root, turned=turned))
    return {one.platform: (root / "records" / one.sbom.file).read_bytes() for one in written}


def test_the_bill_holds_all_that_is_in_the_layers(tmp_path: Path) -> None:
    found = {platform: json.loads(data) for platform, data in sboms(tmp_path).items()}
    assert list(found) == ["linux/amd64", "linux/arm64"]
    for platform, document in found.items():
        assert document["metadata"]["component"]["properties"] == [
            {"name": "tradeplane:image:platform", "value": platform}
        ]
        assert sorted((one["name"], one.get("purl", "").partition("/")[0]) for one in document["components"]) == [
            ("CPython", ""),
            ("attrs", "pkg:pypi"),
            ("bytecount", "pkg:cargo"),
            ("libc6", "pkg:deb"),
            ("orjson", ""),
            ("orjson", "pkg:pypi"),
            ("python3.11-minimal", "pkg:deb"),
            ("tradeplane-api", ""),
            ("tradeplane-store", ""),
        ]
    licenses = {one["name"]: one.get("licenses") for one in found["linux/amd64"]["components"]}
    assert licenses["attrs"] == [{"license": {"acknowledgement": "declared", "id": "MIT"}}]


def test_it_is_the_same_bytes_from_another_place_in_another_order(tmp_path: Path) -> None:
    assert sboms(tmp_path / "here") == sboms(tmp_path / "a longer place there", turned=True)


def test_a_bill_is_made_once_and_found_again_until_a_layer_is_another(tmp_path: Path) -> None:
    told: list[str] = []
    made, image = files(tmp_path, told), built(tmp_path)
    first = made.write_sboms(image)
    assert len(told) == len(ARCHITECTURES)
    assert made.write_sboms(image) == first
    assert len(told) == len(ARCHITECTURES)
    another = layers(tmp_path / "another")
    describe_wheel(another.site.parent / "site-of-another", "yarl", "1.25.1", "py3-none-any")
    changed = Contents(another.base, another.site.parent / "site-of-another", another.own)
    second = made.write_sboms(Built(image.image, image.request, {**image.contents, "arm64": changed}, image.base, None))
    assert [one.sbom.digest == other.sbom.digest for one, other in zip(first, second, strict=True)] == [True, False]


@pytest.fixture
def record(tmp_path: Path) -> dict[str, Any]:
    image = built(tmp_path, source=source_revision(CHECKOUT))
    path = files(tmp_path).write_record(image, DIGEST, "buildah 1.28.2")
    return dict(json.loads(path.read_bytes()))


def test_the_record_names_what_came_of_it_and_what_it_was_made_from(record: dict[str, Any], tmp_path: Path) -> None:
    read = ImageBuild.model_validate(record)
    assert (read.image, read.digest, read.base) == ("tradeplane/operator", DIGEST, "scratch")
    for one in read.platforms:
        data = (tmp_path / "records" / one.sbom.file).read_bytes()
        assert (one.sbom.digest, one.sbom.size) == (f"sha256:{hashlib.sha256(data).hexdigest()}", len(data))
    materials = {one.name: one.digest for one in read.materials}
    assert materials["uv.lock"] == f"sha256:{hashlib.sha256((CHECKOUT / 'uv.lock').read_bytes()).hexdigest()}"
    assert {"base.lock", "build-constraints.txt"} < set(materials)
    assert {f"{name}:{one}" for name in ("libc6", "python3.11-minimal") for one in ARCHITECTURES} < set(materials)
    assert "workloads/native/Cargo.lock" not in materials
    assert read.source == source_revision(CHECKOUT)
    assert read.tools["buildah"] == "1.28.2"
    assert read.not_as_locked == ("libc6:arm64 1 -> 2",)


def test_the_record_names_no_time_and_no_place(record: dict[str, Any], tmp_path: Path) -> None:
    text = json.dumps(record)
    assert str(tmp_path) not in text
    assert str(CHECKOUT) not in text
    assert set(record) == {
        *(
            "schemaVersion",
            "kind",
            "image",
            "digest",
            "platforms",
            "base",
            "source",
            "materials",
            "tools",
            "notAsLocked",
        )
    }


def test_sources_that_were_changed_meanwhile_are_not_named(tmp_path: Path) -> None:
    told: list[str] = []
    before = SourceRevision(commit="c0" * 20, tree="7e" * 20, modified=False)
    assert files(tmp_path, told, before).unchanged_source() is None
    assert "changed while images were built" in told[0]
    now = source_revision(CHECKOUT)
    assert files(tmp_path, told, now).unchanged_source() == now


def test_the_image_with_the_rust_core_names_its_lock(tmp_path: Path) -> None:
    path = files(tmp_path).write_record(built(tmp_path, image="workloads"), DIGEST, "buildah 1.28.2")
    read = ImageBuild.model_validate_json(path.read_bytes())
    lock = CHECKOUT / "workloads/native/Cargo.lock"
    named = {one.name: one.digest for one in read.materials}
    assert named["workloads/native/Cargo.lock"] == f"sha256:{hashlib.sha256(lock.read_bytes()).hexdigest()}"
    assert {"maturin", "rustc (amd64)", "rustc (arm64)"} < set(read.tools)


def test_a_base_of_somebody_else_is_named_by_its_digest(tmp_path: Path) -> None:
    image = built(tmp_path)
    base = Base(parse_lock(LOCK.read_text()), (), f"registry.example/base/python@{DIGEST}")
    contents = {one: Contents(None, trees.site, trees.own) for one, trees in image.contents.items()}
    path = files(tmp_path).write_record(
        Built(image.image, image.request, contents, base, None), DIGEST, "buildah 1.28.2"
    )
    read = ImageBuild.model_validate_json(path.read_bytes())
    (found,) = [one for one in read.materials if one.name == "base"]
    assert found.digest == DIGEST
    assert found.uri == (f"pkg:oci/python@sha256:{'ab' * 32}?repository_url=registry.example/base/python")
    assert not [one for one in read.materials if one.name.startswith("libc6")]
    bill = json.loads((tmp_path / "records" / read.platforms[0].sbom.file).read_bytes())
    assert {"name": "tradeplane:image:base", "value": base.reference} in bill["metadata"]["component"]["properties"]
