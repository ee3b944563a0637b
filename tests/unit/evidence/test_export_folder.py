"""The files of an export: the same bytes for the same files, whole or not at all, and none outside of its folder."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_evidence.errors import TooLarge
from tradeplane_evidence.export.folder import CHECKSUMS, Folder, is_file_name, staged

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"index.html": b"<p>", "runs/ab-cd/files/summary.json": b"{}", "keys/00.pub": b"key", "empty": b""}


def write(target: Path, names: list[str], most: int = 10_000) -> None:
    with staged(target, most) as folder:
        for name in names:
            folder.add(name, FILES[name])
        folder.seal()


def test_order_time_and_umask_change_no_byte(tmp_path: Path) -> None:
    write(tmp_path / "a.zip", sorted(FILES))
    before = os.umask(0o077)
    try:
        write(tmp_path / "b.zip", sorted(FILES, reverse=True))
    finally:
        os.umask(before)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        entries = archive.infolist()
        assert archive.testzip() is None
    assert [one.filename for one in entries] == sorted([*FILES, CHECKSUMS])
    assert {(one.date_time, one.external_attr >> 16, one.create_system, one.compress_type) for one in entries} == {
        ((1980, 1, 1, 0, 0, 0), stat.S_IFREG | 0o644, 3, zipfile.ZIP_STORED)
    }


def test_the_checksums_are_those_of_every_other_file(tmp_path: Path) -> None:
    write(tmp_path / "out", list(FILES))
    listed = {line.split("  ", 1)[1] for line in (tmp_path / "out" / CHECKSUMS).read_text().splitlines()}
    assert listed == set(FILES)
    check = ["sha256sum", "--check", "--quiet", "--strict", CHECKSUMS]
    assert subprocess.run(check, cwd=tmp_path / "out", check=False, timeout=30).returncode == 0
    (tmp_path / "out" / "index.html").write_bytes(b"<p>!")
    changed = subprocess.run(check, cwd=tmp_path / "out", check=False, timeout=30, capture_output=True)
    assert changed.returncode == 1


def test_a_folder_has_its_modes_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write(tmp_path / "out", list(FILES))
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    folders = {
        stat.S_IMODE(path.stat().st_mode)
        for path in [tmp_path / "out", *(tmp_path / "out").rglob("*")]
        if path.is_dir()
    }
    assert (modes, folders) == ({0o644}, {0o755})


@pytest.mark.parametrize("name", ["out", "out.zip"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, TooLarge("x"), OSError("disk")])
def test_what_is_interrupted_leaves_nothing(tmp_path: Path, name: str, error: BaseException | type) -> None:
    with pytest.raises(BaseException) as ended, staged(tmp_path / name, 100) as folder:  # noqa: PT012 - it is interrupted
        folder.add("index.html", b"<p>")
        raise error
    assert ended.type is (error if isinstance(error, type) else type(error))
    assert list(tmp_path.iterdir()) == []


def test_an_archive_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    target = tmp_path / "out.zip"
    target.write_bytes(b"the one before")
    with pytest.raises(TooLarge, match="more than 3 bytes; raise --max-bytes"):
        write(target, list(FILES), most=3)
    assert target.read_bytes() == b"the one before"
    write(target, list(FILES))
    assert zipfile.is_zipfile(target)
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_is_there_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("out", "link"):
        with pytest.raises(FileExistsError, match="there already"):
            write(tmp_path / name, list(FILES))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "path",
    [
        *(
            "../x",
            "/etc/passwd",
            "a/../../x",
            "a//b",
            "",
            ".",
            "..",
            "a/.hidden",
            "-rf",
            "a\\b",
            "a\nb",
            "a b",
            "\u00e9",
        ),
        *("x" * 121, "a/b/c/d/e", "C:x", "a\u202eb", "index.html"),
    ],
)
def test_a_path_that_could_lead_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    folder = Folder(tmp_path / "root", 1_000)
    folder.root.mkdir()
    folder.add("index.html", b"1")
    with pytest.raises(ValueError, match="no path of a file in an export"):
        folder.add(path, b"2")
    assert [one.relative_to(tmp_path).as_posix() for one in tmp_path.rglob("*")] == ["root", "root/index.html"]


@given(st.text(max_size=40) | st.from_regex(r"[./\\a-z\x00-]{0,12}", fullmatch=True))
def test_a_name_that_is_taken_stays_in_its_folder(name: str) -> None:
    """Any reader of archives takes it for one file of that folder: slip is not possible."""
    if not is_file_name(name):
        return
    place = os.path.normpath(f"/export/runs/{name}")
    assert place == f"/export/runs/{name}"
    with zipfile.ZipFile(io.BytesIO(), "w") as archive:
        archive.writestr(name, b"")
        assert archive.namelist() == [name]
