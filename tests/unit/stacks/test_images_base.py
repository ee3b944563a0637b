"""Unpacking Debian packages into a root file system."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_stacks.images.base import ar_members, build_base, merged, prune, unpack
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.lock import LockedPackage

if TYPE_CHECKING:
    from pathlib import Path

_LOADER = "./lib64/ld-linux-x86-64.so.2"


def ar(members: list[tuple[str, bytes]]) -> bytes:
    """Write an ar archive after deb(5)."""
    written = b"!<arch>\n"
    for name, content in members:
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n"
        written += header.encode() + content + b"\n" * (len(content) % 2)
    return written


def tar(entries: list[tarfile.TarInfo], content: bytes = b"x") -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:xz") as archive:
        for entry in entries:
            entry.size = len(content) if entry.isreg() else 0
            archive.addfile(entry, io.BytesIO(content) if entry.isreg() else None)
    return written.getvalue()


def entry(name: str, mode: int = 0o644, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.mode, made.type, made.linkname = mode, kind, link
    return made


def deb(path: Path, entries: list[tarfile.TarInfo]) -> Path:
    control = tar([entry("./control")], b"Package: x\n")
    path.write_bytes(ar([("debian-binary", b"2.0\n"), ("control.tar.xz", control), ("data.tar.xz", tar(entries))]))
    return path


@given(st.lists(st.tuples(st.from_regex(r"\A[a-z.]{1,15}\Z"), st.binary(max_size=50)), max_size=5))
def test_what_is_written_to_an_ar_archive_is_read_from_it(members: list[tuple[str, bytes]]) -> None:
    assert list(ar_members(ar(members))) == members


@pytest.mark.parametrize(
    "content", [b"", b"not an archive", ar([("a", b"1234")])[:-2], ar([("a", b"12")])[:-8] + b"xx"]
)
def test_what_is_no_ar_archive_is_refused(content: bytes) -> None:
    with pytest.raises(ImageError, match="not a Debian package"):
        list(ar_members(content))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("./lib/x86_64-linux-gnu/libc.so.6", "usr/lib/x86_64-linux-gnu/libc.so.6"),
        ("./usr/lib/os-release", "usr/lib/os-release"),
        ("./bin/tool", "usr/bin/tool"),
        ("./library/x", "library/x"),
        ("./lib", "lib"),
    ],
)
def test_paths_of_a_split_usr_are_merged(name: str, place: str) -> None:
    assert merged(name) == place


def test_set_user_id_and_group_write_do_not_reach_the_image(tmp_path: Path) -> None:
    package = deb(tmp_path / "x.deb", [entry("./usr/bin/su", mode=0o4775)])
    unpack(package, tmp_path / "root")
    assert (tmp_path / "root/usr/bin/su").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize(
    "entries",
    [
        [entry("./../../outside")],
        [entry("./usr/../../outside")],
        [entry("./opt", kind=tarfile.SYMTYPE, link="../.."), entry("./opt/outside")],
        [entry("./usr/outside", kind=tarfile.LNKTYPE, link="./../../within-reach")],
    ],
    ids=["above", "above from within", "through a link", "another name of what is outside"],
)
def test_a_path_that_climbs_out_is_refused(tmp_path: Path, entries: list[tarfile.TarInfo]) -> None:
    (tmp_path.parent / "within-reach").touch()
    package = deb(tmp_path / "x.deb", entries)
    with pytest.raises(ImageError, match="outside of what the package is unpacked to"):
        unpack(package, tmp_path / "root")
    assert not (tmp_path.parent / "outside").exists()


def test_an_absolute_link_is_kept_and_a_hard_link_has_its_content(tmp_path: Path) -> None:
    links = [
        entry("./bin/tool"),
        entry("./bin/same", kind=tarfile.LNKTYPE, link="./bin/tool"),
        entry("./etc/far", kind=tarfile.SYMTYPE, link="/usr/share/far"),
    ]
    unpack(deb(tmp_path / "x.deb", links), tmp_path / "root")
    assert (tmp_path / "root/usr/bin/same").samefile(tmp_path / "root/usr/bin/tool")
    assert (tmp_path / "root/etc/far").readlink().as_posix() == "/usr/share/far"


def test_a_file_without_data_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.deb"
    path.write_bytes(ar([("debian-binary", b"2.0\n")]))
    with pytest.raises(ImageError, match="no data archive"):
        unpack(path, tmp_path / "root")


def test_pruning_removes_what_matches_at_its_depth_and_nothing_else(tmp_path: Path) -> None:
    for name in ("usr/share/doc/a/copyright", "usr/share/doc/a/changelog.gz", "app/tests/x", "app/deep/tests/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    prune(tmp_path, ("usr/share/doc/*/c[!o]*", "app/tests"))
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == [
        "app/deep/tests/x",
        "usr/share/doc/a/copyright",
    ]


def base_package(tmp_path: Path, *more: str) -> tuple[LockedPackage, Path]:
    names = [
        "./etc/hosts",
        "./usr/share/ca-certificates/mozilla/b.crt",
        "./usr/share/ca-certificates/mozilla/a.crt",
        *more,
    ]
    path = deb(tmp_path / "base.deb", [entry(name) for name in names])
    return LockedPackage("amd64", "base-files", "1", 1, "00" * 32, "debian/pool/x.deb"), path


def test_a_base_has_users_certificates_and_a_description_of_each_package(tmp_path: Path) -> None:
    root = tmp_path / "root"
    build_base([base_package(tmp_path, _LOADER, "./usr/bin/python3.11")], root, "amd64")
    assert "tradeplane:x:65532:65532:" in (root / "etc/passwd").read_text()
    assert (root / "etc/ssl/certs/ca-certificates.crt").read_bytes() == b"xx"
    assert (root / "var/lib/dpkg/status.d/base-files").read_text() == "Package: x\n"
    assert (root / "usr/bin/python3").readlink().name == "python3.11"
    assert (root / "lib64").readlink().as_posix() == "usr/lib64"
    assert (root / "tmp").stat().st_mode & 0o7777 == 0o1777


def test_a_base_without_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no Python"):
        build_base([base_package(tmp_path, _LOADER)], tmp_path / "root", "amd64")
