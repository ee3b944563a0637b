"""Fetching the base's Debian packages: the locked files first, the mirror's present ones where those are gone.

A locked file is fetched by path and accepted by digest, which needs neither apt nor a Debian machine. Debian's
mirrors drop a file when an update replaces it, and a security update must not stop a fresh machine from building:
then apt, with its own check of Debian's signatures, gives the version of today, and the build says so and records it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.lock import PACKAGES, LockedPackage, format_package, parse_package, parse_package_index

if TYPE_CHECKING:
    from collections.abc import Callable

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_TIMEOUT_S = 60
_APT_TIMEOUT_S = 300
_SUITES = (("debian", "bookworm"), ("debian", "bookworm-updates"), ("debian-security", "bookworm-security"))


def mirror() -> str:
    """Return the root of the Debian mirror (``TRADEPLANE_DEBIAN_MIRROR``), over HTTP: files are checked by digest."""
    return (os.environ.get("TRADEPLANE_DEBIAN_MIRROR") or "http://deb.debian.org").rstrip("/")


@dataclass(frozen=True)
class PackageFiles:
    """Fetches package files into a directory of the cache, each named by its digest."""

    directory: Path
    say: Callable[[str], None]

    def fetch(self, locked: tuple[LockedPackage, ...]) -> tuple[LockedPackage, ...]:
        """Make every package's file present, and return those that were used in place of, or as, the locked ones.

        Raises:
            ImageError: a file is neither cached nor served, or is not what its digest says.

        """
        self.directory.mkdir(parents=True, exist_ok=True)
        remembered = tuple(self._remembered(package) for package in locked)
        missing = [package for package in remembered if not self._fetch(package)]
        if not missing:
            return remembered
        names = ", ".join(f"{package.name}:{package.architecture} {package.version}" for package in missing)
        self.say(
            f"the mirror no longer serves {names}: taking the versions it has now. "
            "To pin those: python -m tradeplane_stacks.images lock"
        )
        present = {
            (package.architecture, package.name): package
            for architecture in sorted({package.architecture for package in missing})
            for package in resolve(architecture)
        }
        replaced = []
        for package in missing:
            newer = present[package.architecture, package.name]
            if not self._fetch(newer):
                raise ImageError(f"{mirror()}/{newer.path} is listed by the mirror but not served: try again later.")
            self._replacement(package).write_text(format_package(newer))
            replaced.append(newer)
        gone = set(missing)
        return tuple(sorted([package for package in remembered if package not in gone] + replaced))

    def path(self, package: LockedPackage) -> Path:
        """Return where the package's file lies."""
        return self.directory / f"{package.sha256}.deb"

    def _replacement(self, package: LockedPackage) -> Path:
        return self.directory / f"{package.sha256}.replacement"

    def _remembered(self, package: LockedPackage) -> LockedPackage:
        """Return what took a locked package's place before: the same on every later build, until the lock changes."""
        path = self._replacement(package)
        return parse_package(path.read_text(), path.name) if path.exists() else package

    def _fetch(self, package: LockedPackage) -> bool:
        """Return whether the file is there now; False means that the mirror does not serve it."""
        target = self.path(package)
        if target.exists():
            return True
        url = f"{mirror()}/{package.path}"
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response:  # noqa: S310 -- http(s) by mirror()
                content = response.read(package.size + 1)
        except urllib.error.HTTPError as error:
            if error.code in {404, 410}:
                return False
            raise ImageError(f"{url} answered {error.code} {error.reason}: {_MIRROR_REMEDY}") from error
        except OSError as error:
            raise ImageError(f"{url} cannot be fetched ({error}): {_MIRROR_REMEDY}") from error
        if hashlib.sha256(content).hexdigest() != package.sha256:
            raise ImageError(f"{url} is not the file that base.lock names (SHA-256 differs): {_MIRROR_REMEDY}")
        partial = target.with_suffix(f".{os.getpid()}")
        partial.write_bytes(content)
        partial.replace(target)
        return True


_MIRROR_REMEDY = "check the network, or name another Debian mirror in TRADEPLANE_DEBIAN_MIRROR."


def resolve(architecture: str) -> tuple[LockedPackage, ...]:
    """Ask apt which file of each package Debian bookworm offers now, security updates included.

    Raises:
        ImageError: apt is not there or cannot reach the mirror.

    """
    if shutil.which("apt-get") is None or not _KEYRING.exists():
        raise ImageError(
            f"Finding the present versions of Debian packages needs apt-get and {_KEYRING} (package "
            "debian-archive-keyring): run this on Debian, or take a base of your own with --base."
        )
    with tempfile.TemporaryDirectory(prefix="tradeplane-apt-") as directory:
        options = _apt_options(Path(directory), architecture)
        _apt(["apt-get", *options, "-q", "update"])
        shown = _apt(["apt-cache", *options, "show", "--no-all-versions", *PACKAGES])
    packages = parse_package_index(shown, architecture)
    absent = sorted(set(PACKAGES) - {package.name for package in packages})
    if absent:
        raise ImageError(
            f"{mirror()} does not list {', '.join(absent)} for {architecture}: is it a full Debian mirror?"
        )
    return packages


def _apt_options(directory: Path, architecture: str) -> list[str]:
    """Return options that keep apt to a state of its own, so that the machine's is neither read nor changed."""
    (directory / "state/lists/partial").mkdir(parents=True)
    (directory / "cache/archives/partial").mkdir(parents=True)
    (directory / "status").touch()
    sources = directory / "sources.list"
    sources.write_text(
        "".join(f"deb [signed-by={_KEYRING}] {mirror()}/{archive} {suite} main\n" for archive, suite in _SUITES)
    )
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::State": directory / "state",
        "Dir::State::status": directory / "status",
        "Dir::Cache": directory / "cache",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root",
        "APT::Update::Error-Mode": "any",
        "Acquire::Languages": "none",
    }
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def _apt(command: list[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 -- a fixed program with options made above
            command,
            capture_output=True,
            text=True,
            check=True,
            timeout=_APT_TIMEOUT_S,
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired as error:
        raise ImageError(f"{command[0]} took longer than {_APT_TIMEOUT_S} s: {_MIRROR_REMEDY}") from error
    except subprocess.CalledProcessError as error:
        raise ImageError(f"{command[0]} failed: {error.stderr.strip()[-500:]}\n{_MIRROR_REMEDY}") from error
    return done.stdout
