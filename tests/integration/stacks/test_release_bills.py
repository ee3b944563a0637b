"""What is in a release's wheels is listed, its images are those of its commit, and no wheel names a machine's path."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.image_build import ImageBuild, SourceRevision
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.programs import run
from tradeplane_stacks.images.settings import CHECKOUT
from tradeplane_stacks.images.wheels import _write_anew
from tradeplane_stacks.release.bills import released_images, wheels_for, write_wheel_sbom
from tradeplane_stacks.release.errors import ReleaseError

from tests.unit.evidence import sample_images
from tests.unit.stacks.test_image_sboms import CARRIED, describe_wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SOURCE = SourceRevision(commit="c0" * 20, tree="7e" * 20, modified=False)


def _wheel(folder: Path, name: str, tag: str, bill: dict[str, Any] | None = None) -> Path:
    """Pack a wheel of nothing but its description, and the bill of what was compiled into it."""
    tree = folder / f"tree-{tag}" / f"{name}-0.1.0"
    described = describe_wheel(tree, name, "0.1.0", tag)
    if bill is not None:
        (described / "sboms").mkdir()
        (described / "sboms/core.cyclonedx.json").write_text(json.dumps(bill))
    (folder / "wheels").mkdir(exist_ok=True)
    run([sys.executable, "-m", "wheel", "pack", "--dest-dir", folder / "wheels", tree], purpose="packing")
    return folder / "wheels" / f"{name}-0.1.0-{tag}.whl"


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    _wheel(tmp_path, "tradeplane_api", "py3-none-any")
    for machine in ("x86_64", "aarch64"):
        _wheel(tmp_path, "tradeplane_native", f"cp311-abi3-linux_{machine}", CARRIED)
    return tmp_path / "wheels"


def test_a_processor_has_its_own_wheel_and_the_pure_ones(wheels: Path) -> None:
    assert [path.name for path in wheels_for(wheels, "arm64")] == [
        "tradeplane_api-0.1.0-py3-none-any.whl",
        "tradeplane_native-0.1.0-cp311-abi3-linux_aarch64.whl",
    ]


def test_the_bill_of_the_wheels_lists_packages_and_crates_and_is_the_same_twice(wheels: Path) -> None:
    write_wheel_sbom(wheels, "0.1.0", "arm64", CHECKOUT / "uv.lock")
    bill = wheels / "wheels.linux-arm64.cdx.json"
    first = bill.read_bytes()
    document = json.loads(first)
    names = {one["name"] for one in document["components"]}
    assert {"tradeplane-api", "tradeplane-native", "bytecount"} <= names
    assert document["metadata"]["component"]["properties"] == [
        {"name": "tradeplane:release:platform", "value": "linux/arm64"}
    ]
    assert str(wheels) not in first.decode()
    write_wheel_sbom(wheels, "0.1.0", "arm64", CHECKOUT / "uv.lock")
    assert bill.read_bytes() == first


def test_a_wheel_is_the_same_whatever_directory_its_core_was_built_in(tmp_path: Path) -> None:
    written = []
    for place in (tmp_path / "here", tmp_path / "a longer place there"):
        source = place / "workloads/native"
        bill = {**CARRIED, "properties": [{"name": "path", "value": f"path+{source.as_uri()}#core@0.1.0"}]}
        wheel = _wheel(place, "tradeplane_native", "cp311-abi3-linux_x86_64", bill)
        _write_anew(wheel, source)
        written.append(wheel.read_bytes())
        tree = place / "unpacked"
        run([sys.executable, "-m", "wheel", "unpack", "--dest", tree, wheel], purpose="unpacking")  # checks its RECORD
        (found,) = tree.rglob("core.cyclonedx.json")
        assert "path+file:///build#core@0.1.0" in found.read_text()
    assert written[0] == written[1]


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Write what pushing both images leaves."""
    folder = tmp_path / "build"
    folder.mkdir()
    references = {}
    for name in ("operator", "workloads"):
        build = _build(name)
        for one in build.platforms:
            (folder / one.sbom.file).write_bytes(sample_images.sboms()[one.platform])
        (folder / f"{name}.build.json").write_text(build.model_dump_json())
        references[name] = f"registry.example.com/tradeplane/{name}@{build.digest}"
    (folder / "images.json").write_text(json.dumps(references))
    return folder


def _build(name: str, **changes: Any) -> ImageBuild:
    plain = sample_images.build(source=SOURCE).model_dump(mode="json", by_alias=True)
    plain["image"] = f"tradeplane/{name}"
    for one in plain["platforms"]:
        one["sbom"]["file"] = one["sbom"]["file"].replace("workloads", name)
    return ImageBuild.model_validate({**plain, **changes})


def test_images_are_taken_with_their_bills(records: Path) -> None:
    found = released_images(records, SOURCE)
    assert set(found.references) == {"operator", "workloads"}
    assert set(found.sboms) == {
        f"{name}.linux-{processor}.cdx.json" for name in found.references for processor in ("amd64", "arm64")
    }
    assert found.sboms["operator.linux-arm64.cdx.json"] == sample_images.sboms()["linux/arm64"]


def _other_sources(records: Path, **source: Any) -> None:
    plain = SOURCE.model_dump(mode="json", by_alias=True) | source
    (records / "operator.build.json").write_text(_build("operator", source=plain).model_dump_json())


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "another commit": (lambda place: _other_sources(place, commit="ee" * 20), "from other sources than c0c0"),
    "changes that nobody committed": (
        lambda place: _other_sources(place, tree="ee" * 20, modified=True),
        "from other sources",
    ),
    "no sources": (
        lambda place: (place / "operator.build.json").write_text(_build("operator", source=None).model_dump_json()),
        "from other sources",
    ),
    "the record of another image": (
        lambda place: (place / "operator.build.json").write_text(
            _build("operator", digest="sha256:" + "ab" * 32).model_dump_json()
        ),
        "is of another image",
    ),
    "no record": (lambda place: (place / "workloads.build.json").unlink(), "cannot be read"),
    "a record that is none": (lambda place: (place / "workloads.build.json").write_text("{}"), "is no record"),
    "a bill that was changed": (
        lambda place: (place / "workloads.linux-arm64.cdx.json").write_text("{}"),
        "is not the bill that was recorded",
    ),
    "a bill that is missing": (lambda place: (place / "workloads.linux-arm64.cdx.json").unlink(), "cannot be read"),
    "one image alone": (
        lambda place: (place / "images.json").write_text(
            json.dumps({"operator": f"registry.example.com/tradeplane/operator@{_build('operator').digest}"})
        ),
        "names no image workloads",
    ),
    "nothing pushed": (lambda place: (place / "images.json").unlink(), "push the images first"),
}


@pytest.mark.parametrize("what", sorted(REFUSED))
def test_images_that_are_not_of_this_release_are_refused(records: Path, what: str) -> None:
    change, words = REFUSED[what]
    change(records)
    with pytest.raises((ReleaseError, ImageError), match=words) as refused:
        released_images(records, SOURCE)
    assert "push" in str(refused.value)
