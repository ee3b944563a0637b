"""The folder of a release: whole or as it was, and never in the place of something else."""

from __future__ import annotations

import hashlib
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest
from tradeplane_api.release_build import CHECKSUMS
from tradeplane_stacks.release.errors import ReleaseError
from tradeplane_stacks.release.folder import seal, staged

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"b.yaml": b"b\n", "a.whl": b"a", "A+1.tar.gz": b""}


def _build(target: Path, files: dict[str, bytes] = FILES) -> None:
    with staged(target) as folder:
        for name, data in files.items():
            (folder / name).write_bytes(data)
        seal(folder)


def test_every_file_is_listed_as_sha256sum_reads_it(tmp_path: Path) -> None:
    _build(tmp_path / "release")
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", CHECKSUMS], cwd=tmp_path / "release", check=True, capture_output=True
    )
    assert done.stdout.decode().splitlines() == [f"{name}: OK" for name in sorted(FILES)]


def test_the_record_has_every_file_and_the_list(tmp_path: Path) -> None:
    with staged(tmp_path / "release") as folder:
        for name, data in FILES.items():
            (folder / name).write_bytes(data)
        found = {one.name: (one.digest, one.size) for one in seal(folder)}
    listed = (tmp_path / "release" / CHECKSUMS).read_bytes()
    assert found == {
        name: (f"sha256:{hashlib.sha256(data).hexdigest()}", len(data))
        for name, data in {**FILES, CHECKSUMS: listed}.items()
    }


def test_modes_do_not_follow_from_the_umask(tmp_path: Path) -> None:
    with staged(tmp_path / "release") as folder:
        (folder / "x").touch(mode=0o600)
        seal(folder)
    assert stat.S_IMODE((tmp_path / "release").stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "release").iterdir()} == {0o644}


def test_a_release_takes_the_place_of_an_older_one_and_nothing_of_it_stays(tmp_path: Path) -> None:
    _build(tmp_path / "release", {"old": b"old"})
    _build(tmp_path / "release")
    assert {path.name for path in (tmp_path / "release").iterdir()} == {*FILES, CHECKSUMS}
    assert [path.name for path in tmp_path.iterdir()] == ["release"]


def test_one_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    _build(tmp_path / "release", {"old": b"old"})

    def fail() -> None:
        with staged(tmp_path / "release") as folder:
            (folder / "new").touch()
            raise ReleaseError("a step failed")

    with pytest.raises(ReleaseError, match="a step failed"):
        fail()
    assert {path.name for path in (tmp_path / "release").iterdir()} == {"old", CHECKSUMS}
    assert [path.name for path in tmp_path.iterdir()] == ["release"]


def test_something_else_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/letters").touch()
    (tmp_path / "link").symlink_to(tmp_path / "home")
    for target in (tmp_path / "home", tmp_path / "link"):
        with pytest.raises(ReleaseError, match="is no release"):
            _build(target)
    assert (tmp_path / "home/letters").exists()
