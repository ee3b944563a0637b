"""The manifests that ``Platform`` renders are in the wheel, the same as in the repository, and nothing else is."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.images.settings import CHECKOUT
from tradeplane_stacks.images.wheels import build_rooms
from tradeplane_stacks.kustomize import MANIFESTS, render

if TYPE_CHECKING:
    from pathlib import Path

ROOMS = ("operator/deploy", "crds/yaml", "policies/admission", "policies/quotas")
_LIMIT_S = 120


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the contents of the wheel."""
    place = tmp_path_factory.mktemp("wheel")
    (wheel,) = build_rooms(CHECKOUT, ["stacks"], place / "built")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place / "unpacked")
    return place / "unpacked"


def test_the_wheel_has_the_manifests_of_the_repository(unpacked: Path) -> None:
    packed = unpacked / "tradeplane_stacks" / "manifests"
    found = {path.relative_to(packed): path.read_bytes() for path in packed.rglob("*") if path.is_file()}
    wanted = {
        path.relative_to(CHECKOUT): path.read_bytes()
        for room in ROOMS
        for path in (CHECKOUT / room).rglob("*")
        if path.is_file()
    }
    assert found == wanted


def test_what_the_wheel_has_is_rendered(unpacked: Path) -> None:
    files = {"kustomization.yaml": "resources: [manifests/operator/deploy/crds, manifests/operator/deploy/namespace]"}
    code = f"from tradeplane_stacks.kustomize import *; print(MANIFESTS, len(render({files!r})))"
    packaged = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(unpacked)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=_LIMIT_S,
    ).stdout.split()
    assert packaged == [str(unpacked / "tradeplane_stacks" / "manifests"), str(len(render(files)))]
    assert str(MANIFESTS) != packaged[0]
