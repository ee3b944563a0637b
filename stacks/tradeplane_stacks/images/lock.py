"""The lock of the base: which Debian packages an image stands on, by the digest of each file.

One line a package and processor. The digest is what is trusted; mirror and path only say where to look.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.settings import ARCHITECTURES

_FIELDS = 6
_DIGEST = re.compile(r"^[0-9a-f]{64}$")
_PATH = re.compile(r"^debian(-security)?/pool/[A-Za-z0-9_.+~%/-]+\.deb$")
_HEADER = """\
# Debian packages of the images' base. Written by `python -m tradeplane_stacks.images lock`; do not edit.
# architecture name version size sha256 path
"""

PACKAGES = (
    "base-files",  # directories, os-release
    "ca-certificates",  # roots of trust for object stores and registries
    "libbz2-1.0",  # bz2 of the standard library
    "libc6",
    "libcrypt1",  # _crypt of the standard library
    "libexpat1",  # pyexpat, linked into the interpreter
    "libffi8",  # ctypes
    "libgcc-s1",  # unwinding, needed by Rust and C++ code
    "liblzma5",  # lzma of the standard library
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libsqlite3-0",  # sqlite3 of the standard library
    "libssl3",  # ssl and hashlib
    "libstdc++6",  # pyarrow
    "libuuid1",  # uuid of the standard library
    "netbase",  # /etc/services, /etc/protocols
    "python3.11-minimal",
    "tzdata",  # time zones of schedules
    "zlib1g",  # zlib, linked into the interpreter
)
"""Names of the packages, and why where the name does not say it. No shell, no package tool, no compiler."""


@dataclass(frozen=True, order=True)
class LockedPackage:
    """One package file."""

    architecture: str
    name: str
    version: str
    size: int
    """Bytes."""
    sha256: str
    """Digest of the file, hexadecimal."""
    path: str
    """Path below a Debian mirror's root."""


def parse_lock(text: str) -> tuple[LockedPackage, ...]:
    """Read a lock.

    Raises:
        ImageError: a line that cannot be understood, or a package that is missing or doubled.

    """
    packages = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line and not line.startswith("#"):
            packages.append(parse_package(line, f"base.lock, line {number}"))
    _check_complete(packages)
    return tuple(sorted(packages))


def parse_package(line: str, place: str) -> LockedPackage:
    """Read one line of a lock; ``place`` says in an error where it stood."""
    fields = line.split()
    problem = None
    if len(fields) != _FIELDS:
        problem = f"has {len(fields)} fields where {_FIELDS} belong"
    elif fields[0] not in ARCHITECTURES:
        problem = f"names the architecture {fields[0]!r}"
    elif not fields[3].isdigit():
        problem = f"gives the size {fields[3]!r}"
    elif not _DIGEST.match(fields[4]):
        problem = f"gives the digest {fields[4]!r}"
    elif not _PATH.match(fields[5]) or ".." in fields[5]:
        problem = f"gives the path {fields[5]!r}"
    if problem:
        raise ImageError(f"{place} {problem}. Write base.lock anew: python -m tradeplane_stacks.images lock")
    return LockedPackage(fields[0], fields[1], fields[2], int(fields[3]), fields[4], fields[5])


def _check_complete(packages: list[LockedPackage]) -> None:
    found = sorted((package.architecture, package.name) for package in packages)
    wanted = sorted((architecture, name) for architecture in ARCHITECTURES for name in PACKAGES)
    if found != wanted:
        differing = sorted(set(found) ^ set(wanted)) or [pair for pair in wanted if found.count(pair) > 1]
        names = ", ".join(f"{name}:{architecture}" for architecture, name in differing)
        raise ImageError(
            f"base.lock does not fit the list of packages ({names} missing, too many or doubled). "
            "Write it anew: python -m tradeplane_stacks.images lock"
        )


def format_lock(packages: tuple[LockedPackage, ...]) -> str:
    """Write a lock, sorted, one line a package."""
    return _HEADER + "\n".join(format_package(package) for package in sorted(packages)) + "\n"


def format_package(package: LockedPackage) -> str:
    """Write one line of a lock."""
    return f"{package.architecture} {package.name} {package.version} {package.size} {package.sha256} {package.path}"


def parse_package_index(text: str, architecture: str) -> tuple[LockedPackage, ...]:
    """Read what ``apt-cache show`` prints: stanzas of ``Field: value`` lines."""
    packages = []
    for stanza in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line and not line.startswith(" "))
        if "Package" in fields:
            archive = "debian-security" if fields["Filename"].startswith("pool/updates/") else "debian"
            packages.append(
                LockedPackage(
                    architecture=architecture,
                    name=fields["Package"],
                    version=fields["Version"],
                    size=int(fields["Size"]),
                    sha256=fields["SHA256"],
                    path=f"{archive}/{fields['Filename']}",
                )
            )
    return tuple(packages)


def drift(locked: tuple[LockedPackage, ...], used: tuple[LockedPackage, ...]) -> tuple[str, ...]:
    """Say in a line each where what was used is not what was locked."""
    pinned = {(package.architecture, package.name): package for package in locked}
    lines = []
    for package in used:
        expected = pinned[package.architecture, package.name]
        if package.sha256 != expected.sha256:
            lines.append(f"{package.name}:{package.architecture} {expected.version} -> {package.version}")
    return tuple(lines)
