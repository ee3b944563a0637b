"""The lock of the images' base: what is read, what is refused, what is said of differences."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_stacks.images.contents import LOCK
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.lock import (
    PACKAGES,
    LockedPackage,
    drift,
    format_lock,
    format_package,
    parse_lock,
    parse_package,
    parse_package_index,
)
from tradeplane_stacks.images.settings import ARCHITECTURES


def package(name: str = "libc6", architecture: str = "amd64", version: str = "2.36-9") -> LockedPackage:
    return LockedPackage(architecture, name, version, 10, "ab" * 32, f"debian/pool/main/x/{name}_{architecture}.deb")


def complete() -> tuple[LockedPackage, ...]:
    return tuple(package(name, architecture) for architecture in ARCHITECTURES for name in PACKAGES)


def test_the_lock_in_the_repository_is_complete_and_in_the_form_it_is_written_in() -> None:
    text = LOCK.read_text()
    packages = parse_lock(text)
    assert len(packages) == len(PACKAGES) * len(ARCHITECTURES)
    assert format_lock(packages) == text


@given(
    version=st.from_regex(r"\A[0-9]:?[0-9a-z.+~-]{1,20}\Z"),
    size=st.integers(min_value=0, max_value=2**40),
    sha256=st.from_regex(r"\A[0-9a-f]{64}\Z"),
)
def test_a_package_written_and_read_is_the_same(version: str, size: int, sha256: str) -> None:
    written = replace(package(), version=version, size=size, sha256=sha256)
    assert parse_package(format_package(written), "here") == written


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("amd64 libc6", "has 2 fields"),
        (format_package(replace(package(), architecture="s390x")), "'s390x'"),
        (format_package(package()).replace(" 10 ", " ten "), "'ten'"),
        (format_package(replace(package(), sha256="ab")), "digest 'ab'"),
        (format_package(replace(package(), path="debian/pool/../../etc/passwd.deb")), "path"),
        (format_package(replace(package(), path="http://elsewhere/x.deb")), "path"),
    ],
)
def test_a_line_that_cannot_be_meant_is_refused_with_its_place(change: str, named: str) -> None:
    with pytest.raises(ImageError, match=r"line 2.*images lock") as refused:
        parse_lock(f"# a comment\n{change}\n")
    assert named in str(refused.value)


def test_a_missing_package_is_refused_by_name() -> None:
    packages = [each for each in complete() if (each.name, each.architecture) != ("libssl3", "arm64")]
    with pytest.raises(ImageError, match="libssl3:arm64"):
        parse_lock(format_lock(tuple(packages)))


def test_a_doubled_package_is_refused_by_name() -> None:
    with pytest.raises(ImageError, match="libc6:amd64"):
        parse_lock(format_lock((*complete(), package())))


def test_the_index_of_apt_is_read_with_the_archive_of_each_package() -> None:
    text = (
        "Package: libssl3\nVersion: 3.0.1\nDescription: a library\n of: two lines\n"
        f"Filename: pool/updates/main/o/libssl3.deb\nSize: 7\nSHA256: {'cd' * 32}\n\n"
        f"Package: tzdata\nVersion: 2026a\nFilename: pool/main/t/tzdata.deb\nSize: 8\nSHA256: {'ef' * 32}\n"
    )
    assert parse_package_index(text, "arm64") == (
        LockedPackage("arm64", "libssl3", "3.0.1", 7, "cd" * 32, "debian-security/pool/updates/main/o/libssl3.deb"),
        LockedPackage("arm64", "tzdata", "2026a", 8, "ef" * 32, "debian/pool/main/t/tzdata.deb"),
    )


def test_drift_names_only_what_differs() -> None:
    locked = complete()
    newer = replace(package(), version="2.37", sha256="00" * 32)
    used = tuple(newer if each == package() else each for each in locked)
    assert drift(locked, locked) == ()
    assert drift(locked, used) == ("libc6:amd64 2.36-9 -> 2.37",)
