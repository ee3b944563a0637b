"""The base of both images: a root file system of exactly the locked Debian packages, without maintainer scripts.

Not running the scripts is what keeps a shell, debconf and Perl out; the few things they would have done (links of a
merged /usr, the bundle of certificates, users) are done here in the open. What each package is stays readable in
``/var/lib/dpkg/status.d``, where vulnerability scanners look for it in images of this kind.
"""

from __future__ import annotations

import copy
import io
import shutil
import tarfile
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from tradeplane_api.strategy import MACHINES

from tradeplane_stacks.images.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tradeplane_stacks.images.lock import LockedPackage

USER = 65_532
_AR_MAGIC = b"!<arch>\n"
_AR_HEADER = 60
_MERGED = ("bin", "lib", "lib64", "sbin")
_STDLIB = "usr/lib/python3.11"
_UNWANTED = (
    "usr/share/doc/*/[!c]*",  # all but the copyright files
    "usr/share/doc/*/c[!o]*",
    "usr/share/man",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/bug",
    "usr/share/base-files",
    "usr/share/binfmts",
    "usr/share/applications",
    "usr/share/pixmaps",
    "usr/share/zoneinfo/posix",
    "usr/share/zoneinfo/right",
    "usr/lib/*/gconv",
    "usr/sbin/*",
    f"{_STDLIB}/ensurepip",
    f"{_STDLIB}/idlelib",
    f"{_STDLIB}/lib2to3",
    f"{_STDLIB}/pydoc_data",
    f"{_STDLIB}/test",
    f"{_STDLIB}/tkinter",
    f"{_STDLIB}/turtledemo",
    f"{_STDLIB}/lib-dynload/_curses*",  # their libraries are not there: terminals, dbm and NIS are not for pods
    f"{_STDLIB}/lib-dynload/_dbm*",
    f"{_STDLIB}/lib-dynload/nis*",
    f"{_STDLIB}/lib-dynload/readline*",
)


def build_base(packages: list[tuple[LockedPackage, Path]], root: Path, architecture: str) -> None:
    """Unpack packages into an empty directory and complete it to a root file system.

    Args:
        packages: each package and where its file lies, in the order to unpack.
        root: directory to fill; made here.
        architecture: processor the packages are for.

    Raises:
        ImageError: a file is not a Debian package, or what came of them is not a usable root.

    """
    root.mkdir(parents=True)
    for link in _MERGED:
        (root / "usr" / link).mkdir(parents=True, exist_ok=True)
        (root / link).symlink_to(f"usr/{link}")
    for package, path in packages:
        unpack(path, root)
        _describe(package, path, root)
    prune(root, _UNWANTED)
    _complete(root)
    if not (root / "usr/bin/python3.11").exists() or not (root / loader(architecture)).exists():
        raise ImageError(
            f"The base for {architecture} holds no Python or no dynamic loader: base.lock lacks a package."
        )


def loader(architecture: str) -> str:
    """Return the path of the dynamic loader below the root."""
    return {"amd64": "usr/lib64/ld-linux-x86-64.so.2", "arm64": "usr/lib/ld-linux-aarch64.so.1"}[architecture]


def library_path(architecture: str) -> str:
    """Return the path of the directory of shared libraries below the root."""
    return f"usr/lib/{MACHINES[architecture]}-linux-gnu"


def ar_members(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each member of an ar archive, the outer form of a Debian package (deb(5)).

    Raises:
        ImageError: the bytes are not such an archive.

    """
    if not content.startswith(_AR_MAGIC):
        raise ImageError("not a Debian package: no ar archive")
    position = len(_AR_MAGIC)
    while position < len(content):
        header = content[position : position + _AR_HEADER]
        size = header[48:58].strip()
        if len(header) < _AR_HEADER or header[58:] != b"`\n" or not size.isdigit():
            raise ImageError("not a Debian package: broken ar header")
        start = position + _AR_HEADER
        end = start + int(size)
        if end > len(content):
            raise ImageError("not a Debian package: cut short")
        yield header[:16].decode("ascii").rstrip(" /"), content[start:end]
        position = end + end % 2


def _archive(path: Path, part: str) -> tarfile.TarFile:
    """Open one of a package's two archives, ``control`` or ``data``."""
    for name, content in ar_members(path.read_bytes()):
        if name.startswith(f"{part}.tar"):
            return tarfile.open(fileobj=io.BytesIO(content))
    raise ImageError(f"{path} is not a Debian package: it has no {part} archive")


def unpack(path: Path, root: Path) -> None:
    """Unpack a package's files below a root whose /usr is merged.

    Raises:
        ImageError: a file, or what it links to, would lie outside of the root.

    """
    with _archive(path, "data") as archive:
        # What a filter would do is done to each member: Python has filters from 3.11.4 on, and Debian 12 has 3.11.2.
        archive.extraction_filter = _as_it_is
        archive.extractall(root, members=_placed(archive, root))  # noqa: S202 -- every member is checked


def _as_it_is(member: tarfile.TarInfo, _: str) -> tarfile.TarInfo:
    return member


def _placed(archive: tarfile.TarFile, root: Path) -> Iterator[tarfile.TarInfo]:
    """Yield the members of a package where they go; each is to be unpacked before the next is asked for."""
    for member in archive:
        name = merged(member.name)
        if name in {"", ".", *_MERGED}:
            continue
        placed = copy.copy(member)
        placed.name = name
        placed.linkname = merged(member.linkname) if member.islnk() else member.linkname
        placed.mode &= 0o755  # neither the rights of another nor those of everybody to write
        _refuse_outside(root, placed)
        yield placed


def _refuse_outside(root: Path, member: tarfile.TarInfo) -> None:
    """Refuse a member that would be written to, or be another name of, what is outside: links are followed for that."""
    within = root.resolve()
    for name in (member.name, member.linkname) if member.islnk() else (member.name,):
        if not (root / name).resolve().is_relative_to(within):
            raise ImageError(f"{member.name} lies outside of what the package is unpacked to: {root / name}")


def merged(name: str) -> str:
    """Return where a package's path lies when /bin, /lib, /lib64 and /sbin are links into /usr."""
    plain = name.removeprefix("./").strip("/")
    first = plain.split("/", 1)[0]
    return f"usr/{plain}" if first in _MERGED and plain != first else plain


def prune(root: Path, patterns: tuple[str, ...]) -> None:
    """Remove what matches the patterns, whole directories at once."""
    for path in sorted(root.rglob("*")):
        relative = str(path.relative_to(root))
        if any(fnmatch(relative, pattern) and relative.count("/") == pattern.count("/") for pattern in patterns):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _describe(package: LockedPackage, path: Path, root: Path) -> None:
    """Keep the package's own description for scanners, as distroless images do."""
    with _archive(path, "control") as archive:
        member = archive.extractfile("./control")
        if member is None:
            raise ImageError(f"{path} is not a Debian package: it has no control file")
        control = member.read()
    directory = root / "var/lib/dpkg/status.d"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / package.name).write_bytes(control)


def _complete(root: Path) -> None:
    """Do what the packages' scripts would have done."""
    (root / "usr/bin/python3").symlink_to("python3.11")
    _bundle_certificates(root)
    etc = {
        "passwd": "root:x:0:0:root:/root:/sbin/nologin\n"
        f"tradeplane:x:{USER}:{USER}:tradeplane:/nonexistent:/sbin/nologin\n",
        "group": f"root:x:0:\ntradeplane:x:{USER}:\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
        "timezone": "Etc/UTC\n",
    }
    for name, content in etc.items():
        (root / "etc" / name).write_text(content)
    localtime = root / "etc/localtime"
    localtime.unlink(missing_ok=True)
    localtime.symlink_to("/usr/share/zoneinfo/Etc/UTC")
    for name, mode in (("tmp", 0o1777), ("app", 0o755)):
        (root / name).mkdir(exist_ok=True)
        (root / name).chmod(mode)


def _bundle_certificates(root: Path) -> None:
    """Join the certificates into the one file that ``SSL_CERT_FILE`` names, as update-ca-certificates does."""
    source = root / "usr/share/ca-certificates/mozilla"
    certificates = sorted(source.glob("*.crt"))
    if not certificates:
        raise ImageError("The base holds no certificates: ca-certificates has changed its layout.")
    bundle = root / "etc/ssl/certs/ca-certificates.crt"
    bundle.parent.mkdir(parents=True, exist_ok=True)
    bundle.write_bytes(b"".join(path.read_bytes() for path in certificates))
    shutil.rmtree(root / "usr/share/ca-certificates")
