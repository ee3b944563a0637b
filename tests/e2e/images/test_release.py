"""A snapshot of a release, built as a person does, with the wheels that the images were just built with."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tradeplane_api.release_build import CHECKSUMS
from tradeplane_stacks.images.settings import CHECKOUT
from tradeplane_stacks.release.identity import rooms_of

from tests.e2e.images.another_checkout import LIMIT_S

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def release(layouts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it; the wheels of the Rust core are in the cache, since the images have been built."""
    folder = tmp_path_factory.mktemp("snapshot") / "release"
    command = [sys.executable, "-m", "tradeplane_stacks.release", "--snapshot", "--directory", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False, cwd=CHECKOUT)
    assert done.returncode == 0, done.stderr
    assert "building its wheel" not in done.stderr
    return folder


def test_every_package_is_there_for_both_processors_and_as_sources(release: Path) -> None:
    assert len(list(release.glob("*.tar.gz"))) == len(rooms_of(CHECKOUT))
    assert len(list(release.glob("*-py3-none-any.whl"))) == len(rooms_of(CHECKOUT)) - 1
    assert {path.stem.partition("-abi3-")[2] for path in release.glob("*-abi3-*.whl")} == {
        *("linux_x86_64", "linux_aarch64")
    }
    for chart in ("tradeplane-crds", "tradeplane-policies", "tradeplane"):
        assert len(list(release.glob(f"{chart}-[0-9]*.tgz"))) == 1
    assert {"crds.yaml", "LICENSE", "NOTICE", CHECKSUMS} < {path.name for path in release.iterdir()}


def test_what_is_listed_is_what_is_there(release: Path) -> None:
    checked = subprocess.run(["sha256sum", "--check", "--strict", "--quiet", CHECKSUMS], cwd=release, check=False)
    assert checked.returncode == 0
    record = json.loads(release.with_name(f"{release.name}.build.json").read_bytes())
    assert {one["name"] for one in record["files"]} == {path.name for path in release.iterdir()}
    assert record["tag"] is None


def test_nobody_signs_it(release: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(key)],
        check=True,
        capture_output=True,
    )
    key.chmod(0o600)
    command = [sys.executable, "-m", "tradeplane_cli", "release", "sign", str(release), "--signer", f"file:{key}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 3
    assert "without --snapshot" in done.stderr
