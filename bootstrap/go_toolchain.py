"""Fetches the pinned Go: ``python3 go_toolchain.py GO.SUM DIRECTORY``, which is made, and has ``bin/go`` then.

Go's toolchains are modules, which the module proxy serves as any other (https://go.dev/doc/toolchain). Debian's Go
could fetch them, and is several hundred megabytes that nothing else needs. The digest of the module is in ``go.sum``,
in Go's own form. It runs before there is any environment, so by Python's standard library alone.
"""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path
from typing import IO

# What Go itself asks where GOPROXY names nobody; without Go there is nobody to ask for that.
_PROXY = "https://proxy.golang.org"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_LIMIT_BYTES = 500_000_000
_LIMIT_S = 60
_PROGRAMS = ("bin/", "pkg/tool/")


class ToolchainError(Exception):
    """Go could not be fetched, with what to do."""


def pinned(lines: str, machine: str) -> tuple[str, str]:
    """Return the version of the toolchain for a machine, and its digest.

    Raises:
        ToolchainError: none is pinned for that machine.

    """
    ending = f".linux-{_MACHINES.get(machine, machine)}"
    for line in lines.splitlines():
        _, version, digest = line.split()
        if version.endswith(ending):
            return version, digest
    raise ToolchainError(f"No Go is pinned for {machine}: install it by hand (https://go.dev/dl/) and put it on PATH.")


def proxy(setting: str) -> str:
    """Return the first proxy that a ``GOPROXY`` names, or Go's own where it names none."""
    named = setting.replace("|", ",").split(",")
    return next((one.rstrip("/") for one in named if one.startswith(("https://", "http://"))), _PROXY)


def download(url: str, target: IO[bytes]) -> None:
    """Write what a URL serves into a file.

    Raises:
        ToolchainError: it cannot be had, or is larger than any toolchain.

    """
    try:
        with urllib.request.urlopen(url, timeout=_LIMIT_S) as served:  # noqa: S310 - `proxy` gives HTTP alone
            while piece := served.read(1 << 20):
                target.write(piece)
                if target.tell() > _LIMIT_BYTES:
                    raise ToolchainError(f"{url} serves more than {_LIMIT_BYTES:,} bytes, which no toolchain has.")
    except OSError as error:
        raise ToolchainError(f"{url}: {error}. GOPROXY names another proxy of Go modules.") from error


def digest(module: zipfile.ZipFile) -> str:
    """Return the digest of a module as ``go.sum`` has it: ``Hash1`` of golang.org/x/mod/sumdb/dirhash."""
    listed = hashlib.sha256()
    for name in sorted(module.namelist()):
        listed.update(f"{hashlib.sha256(module.read(name)).hexdigest()}  {name}\n".encode())
    return f"h1:{base64.b64encode(listed.digest()).decode()}"


def unpack(module: zipfile.ZipFile, prefix: str, directory: Path) -> None:
    """Unpack a module into a directory. Its files come without the bit that lets a program be run."""
    module.extractall(directory)
    root = directory / prefix
    for folder in _PROGRAMS:
        for path in (root / folder).rglob("*"):
            if path.is_file():
                path.chmod(0o755)


def fetch(lines: str, directory: Path) -> None:
    """Fetch the toolchain of this machine, check it, and put it into a directory.

    Raises:
        ToolchainError: it cannot be had, or is not the one that is pinned.

    """
    version, expected = pinned(lines, platform.machine())
    url = f"{proxy(os.environ.get('GOPROXY', ''))}/golang.org/toolchain/@v/{version}.zip"
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix="go-") as fresh:
        archive = Path(fresh, "module.zip")
        with archive.open("w+b") as file:
            download(url, file)
        try:
            with zipfile.ZipFile(archive) as module:
                found = digest(module)
                if found != expected:
                    raise ToolchainError(f"{url} has the digest {found}, and {expected} is pinned: it is another file.")
                prefix = f"golang.org/toolchain@{version}"
                unpack(module, prefix, Path(fresh))
        except zipfile.BadZipFile as error:
            raise ToolchainError(f"{url} serves no module: {error}. GOPROXY names another proxy.") from error
        shutil.rmtree(directory, ignore_errors=True)
        Path(fresh, prefix).rename(directory)


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    try:
        fetch(Path(arguments[0]).read_text(encoding="utf-8"), Path(arguments[1]))
    except ToolchainError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
