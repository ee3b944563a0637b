"""Bills of materials in an export: the bytes that were named, under names of files, and what is not here is said."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.export import images
from tradeplane_evidence.export.folder import Folder
from tradeplane_evidence.export.images import write_bills
from tradeplane_evidence.statements.image import sbom_digest

from tests.unit.evidence import sample_images

if TYPE_CHECKING:
    from pathlib import Path

BILL: dict[str, Any] = sample_images.sbom()
OTHER: dict[str, Any] = sample_images.sbom(sample_images.PLATFORMS[1])
PLACE = "images/one"


def _folder(root: Path) -> Folder:
    return Folder(root, 1_000_000)


def test_a_bill_is_the_bytes_whose_digest_was_named(tmp_path: Path) -> None:
    found = write_bills({("amd64.cdx.json", sbom_digest(BILL)): BILL}, PLACE, _folder(tmp_path))
    (file,) = found.files
    assert file.path == f"{PLACE}/sboms/amd64.cdx.json"
    assert f"sha256:{hashlib.sha256((tmp_path / file.path).read_bytes()).hexdigest()}" == sbom_digest(BILL)
    assert found.left_out == {}


@pytest.mark.parametrize("names", [("../../x", "a/b"), ("same.json", "same.json"), ("", ".hidden")])
def test_a_name_that_is_none_of_a_file_or_of_two_is_replaced(tmp_path: Path, names: tuple[str, str]) -> None:
    bills = {(name, sbom_digest(bill)): bill for name, bill in zip(names, (BILL, OTHER), strict=True)}
    found = write_bills(bills, PLACE, _folder(tmp_path))
    assert {one.path for one in found.files} == {
        f"{PLACE}/sboms/{sbom_digest(bill)[7:23]}.cdx.json" for bill in (BILL, OTHER)
    }


def test_what_is_not_here_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "names no bill" in write_bills({}, PLACE, _folder(tmp_path)).left_out["sboms"]
    monkeypatch.setattr(images, "MAX_BILL_BYTES", 10)
    bills = {("amd64.json", sbom_digest(BILL)): BILL, ("arm64.json", sbom_digest(OTHER)): None}
    found = write_bills(bills, PLACE, _folder(tmp_path))
    assert found.files == ()
    assert "more than 10 bytes" in found.left_out["amd64.json"]
    assert "not in the registry" in found.left_out["arm64.json"]
