"""Pictures are of what the programs ask for now, and show all of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import yaml
from tradeplane_stacks.pictures.__main__ import drawn, generated, main, stale
from tradeplane_stacks.pictures.asking import Asked, Drawn
from tradeplane_stacks.pictures.drawing import NOWHERE, cells, picture
from tradeplane_stacks.pictures.page import PAGE, page, picture_path

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[3]
KEY, ROLE = "aws:kms/key:Key", "aws:iam/role:Role"
SOME = Drawn(
    "tradeplane-platform",
    "prod",
    (
        Asked("SigningKey", "eu-west-1", KEY),
        Asked("SigningKey", "eu-west-1", KEY),
        Asked("SigningKey", "us-east-1", KEY),
        Asked("SnapshotStore", "", ROLE),
        Asked("", "us-east-1", "kubernetes:core/v1:Namespace"),
    ),
    ("tradeplane-network/prod.eu-west-1",),
)


def test_what_is_counted_is_in_the_cell_of_its_component_and_region() -> None:
    found = cells(SOME.resources)
    assert found["SigningKey", "eu-west-1"].lines == ("2 x kms Key",)
    assert found["SigningKey", "us-east-1"].lines == ("kms Key",)
    assert found["SnapshotStore", NOWHERE].lines == ("iam Role",)
    assert found["of the stack itself", "us-east-1"].lines == ("kubernetes Namespace",)
    assert len(found) == 4


def test_boxes_are_within_the_picture_and_apart() -> None:
    root = ElementTree.fromstring(picture("a stack", [SOME]))  # noqa: S314 - it is our own
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    boxes = [
        tuple(float(one.get(name, "nan")) for name in ("x", "y", "width", "height"))
        for one in root.iter("{http://www.w3.org/2000/svg}rect")
    ]
    assert len(boxes) == 4
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes)
    for number, (x, y, w, h) in enumerate(boxes):
        for other_x, other_y, other_w, other_h in boxes[number + 1 :]:
            beside = x + w <= other_x or other_x + other_w <= x
            assert beside or y + h <= other_y or other_y + other_h <= y
    words = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "prod reads outputs of tradeplane-network/prod.eu-west-1" in words


def test_the_page_says_in_words_what_the_picture_shows() -> None:
    text = page({"platform": [SOME]})
    assert "![Components of platform, by region](pictures/platform.svg)" in text
    assert "| SigningKey | eu-west-1 | 2 x kms Key |" in text
    assert "`prod` reads `tradeplane-network/prod.eu-west-1`." in text


def test_a_change_of_what_is_asked_for_makes_the_picture_stale(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "stacks" / "network", tmp_path / "stacks" / "network")
    assert main(["--root", str(tmp_path), "--check"]) == 1
    assert main(["--root", str(tmp_path)]) == 0
    assert main(["--root", str(tmp_path), "--check"]) == 0
    old = tmp_path / picture_path("a-program-that-is-no-more")
    old.write_text("<svg/>")
    file = tmp_path / "stacks" / "network" / "Pulumi.prod.us-east-1.yaml"
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    settings["config"]["tradeplane-network:network"]["nat"] = "single"
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    files = generated(drawn(tmp_path))
    assert stale(tmp_path, files) == sorted([PAGE, picture_path("network"), old.relative_to(tmp_path)])
    assert main(["--root", str(tmp_path)]) == 0
    assert not old.exists()


def test_another_folder_than_the_repository_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(tmp_path)]) == 2
    assert "is not the root of the repository" in capsys.readouterr().err
