"""The programs that turn a Containerfile into an image: docker buildx, podman or buildah, whichever is here and works.

A client without an engine behind it is common (Docker's command line on a machine without Docker), so each is asked
for a sign of life, not only looked for on PATH.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.programs import run
from tradeplane_stacks.images.settings import SOURCE_DATE_EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PROBE_TIMEOUT_S = 20
NAMES = ("docker", "podman", "buildah")
"""Builders in the order they are preferred."""


@dataclass(frozen=True)
class BuildRequest:
    """One image to build for several processors."""

    tag: str
    """Local name of the index, ``tradeplane/<name>:<digest of its inputs>``."""
    context: Path
    """Directory with the Containerfile and, for each processor, a directory of its contents."""
    architectures: tuple[str, ...]
    arguments: Mapping[str, str]
    """Build arguments of the Containerfile."""


class Builder(Protocol):
    """A program that builds images."""

    @property
    def identity(self) -> str:
        """Name and version: another builder may write another, equally valid, form of the same content."""

    def has(self, request: BuildRequest) -> bool:
        """Whether this index was built before."""

    def build(self, request: BuildRequest) -> None:
        """Build an index."""

    def push(self, request: BuildRequest, repository: str, *, plain_http: bool) -> str:
        """Push a built index and return its digest."""

    def export(self, request: BuildRequest, directory: Path) -> str:
        """Write a built index as an OCI image layout and return its digest."""


@dataclass(frozen=True)
class Containers:
    """podman or buildah: the same library behind two command lines."""

    program: str
    version: str
    storage: Path
    """Directory of its images, apart from those of the machine, so that nothing else is listed, changed or pruned."""

    @property
    def identity(self) -> str:
        """Name and version."""
        return f"{self.program} {self.version}"

    def has(self, request: BuildRequest) -> bool:
        """Whether this index was built before, and to its end."""
        try:
            shown = self._run("manifest", "inspect", f"localhost/{request.tag}", purpose="looking for a built image")
        except ImageError:
            return False
        return len(json.loads(shown)["manifests"]) == len(request.architectures)

    def build(self, request: BuildRequest) -> None:
        """Build each processor's image in the stated order, then the index of them."""
        images = [self._build_one(request, architecture) for architecture in request.architectures]
        index = f"localhost/{request.tag}"
        self._remove_index(index)
        self._run("manifest", "create", index, purpose="making the index")
        for image in images:
            self._run("manifest", "add", index, f"containers-storage:{image}", purpose="adding to the index")

    def push(self, request: BuildRequest, repository: str, *, plain_http: bool) -> str:
        """Push a built index and return its digest."""
        tag = request.tag.rpartition(":")[2]
        flags = [f"--tls-verify={'false' if plain_http else 'true'}"]
        return self._send(request, f"docker://{repository}:{tag}", flags, purpose=f"pushing to {repository}")

    def export(self, request: BuildRequest, directory: Path) -> str:
        """Write a built index as an OCI image layout and return its digest."""
        return self._send(request, f"oci:{directory}", [], purpose=f"writing {directory}")

    def _build_one(self, request: BuildRequest, architecture: str) -> str:
        arguments = [f"--build-arg={name}={value}" for name, value in sorted(request.arguments.items())]
        with tempfile.TemporaryDirectory(prefix="tradeplane-build-") as directory:
            written = Path(directory) / "id"
            self._run(
                *("build", "--quiet", "--layers", "--format=oci", f"--timestamp={SOURCE_DATE_EPOCH}"),
                *(f"--platform=linux/{architecture}", f"--iidfile={written}", *arguments),
                *(["--identity-label=false"] if self.program == "buildah" or self._at_least(4, 4) else []),
                *("--file", str(request.context / "Containerfile"), str(request.context)),
                purpose=f"building {request.tag} for {architecture}",
            )
            return written.read_text().strip().removeprefix("sha256:")

    def _at_least(self, *version: int) -> bool:
        return tuple(int(part) for part in self.version.split(".")[:2]) >= version

    def _send(self, request: BuildRequest, target: str, flags: list[str], *, purpose: str) -> str:
        with tempfile.TemporaryDirectory(prefix="tradeplane-push-") as directory:
            written = Path(directory) / "digest"
            self._run(
                *("manifest", "push", "--all", "--quiet", "--format=oci", f"--digestfile={written}", *flags),
                *(f"localhost/{request.tag}", target),
                purpose=purpose,
            )
            return written.read_text().strip()

    def _remove_index(self, tag: str) -> None:
        try:
            self._run("manifest", "rm", tag, purpose="removing a half-made index")
        except ImageError:
            return  # there was none

    def _run(self, *arguments: str, purpose: str) -> str:
        own = ["--root", str(self.storage / "images"), "--runroot", str(self.storage / "run")]
        isolation = {"BUILDAH_ISOLATION": os.environ.get("BUILDAH_ISOLATION") or "chroot"}
        return run([self.program, *own, *arguments], purpose=purpose, environment=isolation)


@dataclass(frozen=True)
class Buildx:
    """Docker's buildx. It keeps no multi-platform index of its own, so it builds (from its cache) as it pushes."""

    version: str
    marks: Path
    """Directory that remembers what was built."""

    @property
    def identity(self) -> str:
        """Name and version."""
        return f"docker buildx {self.version}"

    def has(self, request: BuildRequest) -> bool:
        """Whether this index was built before; its layers are then in buildx's cache."""
        return self._mark(request).exists()

    def build(self, request: BuildRequest) -> None:
        """Build into buildx's cache."""
        self._build(request, "type=cacheonly")
        self.marks.mkdir(parents=True, exist_ok=True)
        self._mark(request).touch()

    def _mark(self, request: BuildRequest) -> Path:
        return self.marks / request.tag.replace("/", "_").replace(":", "_")

    def push(self, request: BuildRequest, repository: str, *, plain_http: bool) -> str:
        """Build from the cache and push; return the digest of the index."""
        name = f"{repository}:{request.tag.rpartition(':')[2]}"
        insecure = ",registry.insecure=true" if plain_http else ""
        output = f"type=image,name={name},push=true,oci-mediatypes=true,rewrite-timestamp=true{insecure}"
        return self._digest(request, output)

    def export(self, request: BuildRequest, directory: Path) -> str:
        """Write an OCI image layout; return the digest of the index."""
        return self._digest(request, f"type=oci,dest={directory},tar=false,rewrite-timestamp=true")

    def _digest(self, request: BuildRequest, output: str) -> str:
        """Build and return the digest of what was put out. Raises ImageError where buildx names none."""
        digest = self._build(request, output)
        if not digest:
            raise ImageError(
                f"While building {request.tag}: buildx {self.version} says no digest of what it put out. Use a builder "
                "that writes OCI images (docker buildx create --driver docker-container --use), or buildah."
            )
        return digest

    def _build(self, request: BuildRequest, output: str) -> str:
        platforms = ",".join(f"linux/{architecture}" for architecture in request.architectures)
        arguments = [f"--build-arg={name}={value}" for name, value in sorted(request.arguments.items())]
        with tempfile.TemporaryDirectory(prefix="tradeplane-build-") as directory:
            metadata = Path(directory) / "metadata.json"
            run(
                [
                    *("docker", "buildx", "build", "--progress=quiet", "--provenance=false", "--sbom=false"),
                    *(f"--platform={platforms}", f"--output={output}", f"--metadata-file={metadata}", *arguments),
                    *("--file", request.context / "Containerfile", request.context),
                ],
                purpose=f"building {request.tag}",
                environment={"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)},
            )
            digest = json.loads(metadata.read_text()).get("containerimage.digest", "")
        return str(digest)


def choose(requested: str, storage: Path, alive: Callable[[list[str]], str | None] | None = None) -> Builder:
    """Choose a builder.

    Args:
        requested: ``auto``, or one of NAMES.
        storage: directory of the cache where it may keep images.
        alive: runs a command and returns what it printed, or None when it failed; for tests.

    Raises:
        ImageError: none works, or not the one asked for; the message says what each answered.

    """
    ask = alive or _answer
    answers: dict[str, str] = {}
    for name in NAMES if requested == "auto" else (requested,):
        version = _probe(name, ask, answers)
        if version is None:
            continue
        if name == "docker":
            return Buildx(version, storage / "buildx")
        return Containers(name, version, storage / name)
    found = "; ".join(f"{name}: {answer}" for name, answer in answers.items())
    raise ImageError(
        f"No program here builds images ({found}). Install one: `apt-get install buildah` needs no daemon."
    )


def _probe(name: str, ask: Callable[[list[str]], str | None], answers: dict[str, str]) -> str | None:
    """Return a builder's version if it works; otherwise note why not."""
    if name == "docker":
        if ask(["docker", "version", "--format", "{{.Server.Version}}"]) is None:
            answers[name] = "not installed, or no engine answers"
            return None
        version = ask(["docker", "buildx", "version"])
        if version is None:
            answers[name] = "has no buildx plugin"
            return None
        return version.split()[1]
    version = ask([name, "--version"])
    if version is None:
        answers[name] = "not installed"
        return None
    return version.split()[2]


def _answer(command: list[str]) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 -- commands of _probe
            command, capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
