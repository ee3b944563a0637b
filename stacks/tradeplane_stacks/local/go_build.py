"""Running Go's compiler on a pinned module: quickly, with a limit, and with its own words where it fails.

A first build of the cluster is most of what a person waits for. So programs of one module are built by one command,
whose links run beside each other; the compiler collects garbage less often and writes no debugging information, which
the linker would only throw away; and the sources of later builds are fetched while an earlier one compiles.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tradeplane_stacks.local.errors import BuildError
from tradeplane_stacks.local.go_toolchain import find_go

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

COMPILER_FLAGS = "all=-dwarf=false"
"""Flags for Go's compiler, of every package: no debugging information."""
_GARBAGE_PERCENT = "400"
"""``GOGC`` of the compiler, which is 100 by default: a sixth less time for some hundred megabytes more."""
STILL_BUILDING_SECONDS = 30.0
"""How often one who waits for a build is told that it goes on."""
_FETCH_LIMIT_SECONDS = 300.0
BUILD_LIMIT_SECONDS = 1800.0
"""How long one build may take, and another process be waited for that has it in hand."""


@dataclass(frozen=True)
class Replacement:
    """A file of a dependency that is replaced by one of ours."""

    file: str
    source: str
    """Our file, relative to the directory of ``go.mod``."""

    def apply(self, dependency: Path, module: Path) -> None:
        """Change a copy of the dependency. Raises BuildError when there is no such file."""
        _present(dependency, self.file)
        shutil.copyfile(module / self.source, dependency / self.file)


@dataclass(frozen=True)
class Addition:
    """A file of ours that a dependency has besides."""

    file: str
    source: str
    """Our file, relative to the directory of ``go.mod``."""

    def apply(self, dependency: Path, module: Path) -> None:
        """Change a copy of the dependency. Raises BuildError when it has a file of that name, or not that folder."""
        _present(dependency, str(PurePosixPath(self.file).parent))
        if (dependency / self.file).exists():
            raise BuildError(f"There is a {self.file} now: ours must be called otherwise.")
        shutil.copyfile(module / self.source, dependency / self.file)


@dataclass(frozen=True)
class Substitution:
    """Words in a file of a dependency that are replaced wherever they stand there."""

    file: str
    words: str
    instead: str

    def apply(self, dependency: Path, _module: Path) -> None:
        """Change a copy of the dependency. Raises BuildError when the file, or the words in it, are not there."""
        place = _present(dependency, self.file)
        before = place.read_text(encoding="utf-8")
        if self.words not in before:
            raise BuildError(f"{self.file} does not say {self.words!r} any more: what is built from it must follow.")
        place.write_text(before.replace(self.words, self.instead), encoding="utf-8")


@dataclass(frozen=True)
class Copy:
    """A file that a dependency's own build makes of another of its files, and that its module therefore lacks."""

    file: str
    source: str
    """The file that is there, relative to the dependency as well."""

    def apply(self, dependency: Path, _module: Path) -> None:
        """Change a copy of the dependency. Raises BuildError when the file it is made of is not there."""
        shutil.copyfile(_present(dependency, self.source), dependency / self.file)


def _present(dependency: Path, file: str) -> Path:
    place = dependency / file
    if not place.exists():
        raise BuildError(f"There is no {file} any more: what is made of it must follow.")
    return place


@dataclass(frozen=True)
class Overlay:
    """Changes of a dependency that a build is made from."""

    dependency: str
    """Path of the Go module."""
    changes: tuple[Replacement | Addition | Substitution | Copy, ...]

    def decides(self, module: Path) -> str:
        """Return all that decides what is built, but for the dependency itself."""
        ours = [change.source for change in self.changes if isinstance(change, Replacement | Addition)]
        return "\n".join([repr(self), *((module / source).read_text(encoding="utf-8") for source in ours)])


@dataclass(frozen=True)
class GoBuild:
    """One command of Go's: packages of one module for one architecture, all linked alike."""

    module: Path
    """Directory of ``go.mod``."""
    packages: tuple[str, ...]
    architecture: str
    link_flags: str
    overlay: Overlay | None = None

    def run(self, directory: Path, still_building: Callable[[], None]) -> None:
        """Build into a directory; ``still_building`` is called every half minute.

        A program is called as the last element of its package's path, but where there is one package alone: that
        program is called ``program``.

        Raises:
            BuildError: when it fails; the message ends with the compiler's own last lines.

        """
        directory.mkdir(parents=True, exist_ok=True)
        target = str(directory / "program") if len(self.packages) == 1 else f"{directory}/"
        command = ["go", "build", "-mod=readonly", "-trimpath", f"-gcflags={COMPILER_FLAGS}"]
        command += ["-ldflags", self.link_flags, "-o", target]
        if self.overlay is not None:
            command.append(f"-modfile={self._overlaid(self.overlay, directory.with_suffix('.overlaid'))}")
        log = directory.with_suffix(".log")
        with log.open("wb") as output:
            environment = {**self._environment(), "GOGC": _GARBAGE_PERCENT}
            build = subprocess.Popen(
                [*command, *self.packages], cwd=self.module, env=environment, stdout=output, stderr=output
            )
            code = _wait(build, still_building)
        if code != 0:
            end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
            raise BuildError(
                f"`go build` of {', '.join(self.packages)} for {self.architecture} ended with {code}:\n{end}\n"
                "Check that the Go module proxy can be reached (`go env GOPROXY`) and that the disk is not full, then "
                "run the same command again: what was built stays built."
            )
        log.unlink()

    def fetch(self) -> subprocess.Popen[bytes]:
        """Begin to download the sources of all that the packages import."""
        return subprocess.Popen(
            ["go", "list", "-mod=readonly", "-deps", *self.packages],  # noqa: S607 - of the PATH in the environment
            cwd=self.module,
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _environment(self) -> dict[str, str]:
        target = {"CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": self.architecture}
        path = f"{find_go().program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {**os.environ, **target, "PATH": path, "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}

    def _overlaid(self, overlay: Overlay, place: Path) -> Path:
        """Copy a dependency, change it, and return a ``go.mod`` that builds from the copy.

        What is copied is checked by Go against ``go.sum`` first, like every other source.
        """
        shutil.rmtree(place, ignore_errors=True)
        copy = place / "dependency"
        source = json.loads(self._go("mod", "download", "-json", overlay.dependency))["Dir"]
        shutil.copytree(source, copy, copy_function=shutil.copyfile)
        for folder in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
            folder.chmod(0o755)  # the module cache is read-only
        for change in overlay.changes:
            try:
                change.apply(copy, self.module)
            except BuildError as error:
                raise BuildError(f"{overlay.dependency}: {error}") from error
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(self.module / name, place / name)
        self._go("mod", "edit", f"-replace={overlay.dependency}={copy}", str(place / "go.mod"))
        return place / "go.mod"

    def _go(self, *arguments: str) -> str:
        answer = subprocess.run(
            ["go", *arguments],  # noqa: S607 - of the PATH in the environment
            cwd=self.module,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=_FETCH_LIMIT_SECONDS,
        )
        if answer.returncode != 0:
            said = answer.stderr.strip() or answer.stdout.strip()
            raise BuildError(f"`go {' '.join(arguments)}` failed in {self.module}: {said}")
        return answer.stdout


@contextlib.contextmanager
def fetching(builds: Sequence[GoBuild]) -> Iterator[None]:
    """Download the sources of builds, one after the other, beside what is done meanwhile.

    It is only ever early: what cannot be fetched here is fetched again, and complained of, where it is built.
    """
    left = threading.Event()

    def fetch() -> None:
        for build in builds:
            if left.is_set():
                return
            with build.fetch() as download:
                _until(download, left)

    thread = threading.Thread(target=fetch, name="fetching Go modules", daemon=True)
    thread.start()
    try:
        yield
    finally:
        left.set()
        thread.join()


def _until(download: subprocess.Popen[bytes], left: threading.Event) -> None:
    """Wait for a download to end, and end it where it takes too long or nobody waits for it any more."""
    deadline = time.monotonic() + _FETCH_LIMIT_SECONDS
    while download.poll() is None:
        if left.wait(0.2) or time.monotonic() > deadline:
            download.kill()
            return


def _wait(build: subprocess.Popen[bytes], still_building: Callable[[], None]) -> int:
    deadline = time.monotonic() + BUILD_LIMIT_SECONDS
    try:
        while time.monotonic() < deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return build.wait(timeout=STILL_BUILDING_SECONDS)
            still_building()
    finally:
        if build.poll() is None:
            build.kill()
            build.wait()
    raise BuildError(
        f"A build took more than {BUILD_LIMIT_SECONDS / 60:.0f} minutes and was stopped: run the same command "
        "again, the compiler continues where it stopped."
    )
