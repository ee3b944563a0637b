"""The programs of the cluster, built from Go modules that are pinned by checksum.

Each directory below ``go/`` is a module that does nothing but name, in ``go.mod`` and ``go.sum``, what is built from
it; they are apart so that one program's dependencies do not move another's. A built program is kept in the cache under
a key of the two files, the Go version and the target, so a change of any of them builds anew and nothing else does.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tradeplane_stacks.local.errors import BuildError, MissingProgramsError

Report = Callable[[str], None]
"""Takes one line that tells a person what is being done."""

MODULES = Path(__file__).parent / "go"
_STILL_BUILDING_SECONDS = 30.0
_DOWNLOAD_LIMIT_SECONDS = 300.0
_BUILD_LIMIT_SECONDS = 1800.0
_OLDEST_GO = (1, 24)


@dataclass(frozen=True)
class Overlay:
    """A file of a dependency that the build replaces by one of ours."""

    dependency: str
    """Path of the Go module."""
    file: str
    """File in it that is replaced."""
    source: str
    """Our file, relative to the module directory."""


@dataclass(frozen=True)
class Program:
    """One program: the Go package, the module directory that pins it, and the architecture it runs on."""

    name: str
    module: str
    package: str
    architecture: str = "amd64"
    overlay: Overlay | None = None

    @property
    def label(self) -> str:
        """Name and target, as progress lines and cache directories show them."""
        return f"{self.name}-{self.architecture}{'-overlaid' if self.overlay else ''}"


def _kubernetes(name: str, architecture: str = "amd64") -> Program:
    return Program(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}", architecture)


def _containerd(name: str) -> Program:
    return Program(name, "containerd", f"github.com/containerd/containerd/v2/cmd/{name}")


ETCD = Program("etcd", "etcd", "go.etcd.io/etcd/server/v3")
API_SERVER = _kubernetes("kube-apiserver")
CONTROLLER_MANAGER = _kubernetes("kube-controller-manager")
SCHEDULER = _kubernetes("kube-scheduler")
KUBECTL = _kubernetes("kubectl")
KUBELET = _kubernetes("kubelet")
KUBELET_ARM64 = _kubernetes("kubelet", "arm64")
KUBE_PROXY = _kubernetes("kube-proxy")
CONTAINERD = _containerd("containerd")
CONTAINERD_ARM64 = replace(
    CONTAINERD, overlay=Overlay("github.com/containerd/platforms", "defaults_unix.go", "overlay/platform.go")
)
CONTAINERD_SHIM = _containerd("containerd-shim-runc-v2")
CTR = _containerd("ctr")
COREDNS = Program("coredns", "coredns", "github.com/coredns/coredns")
REGISTRY = Program("olareg", "olareg", "github.com/olareg/olareg/cmd/olareg")
PAUSE = Program("pause", "pause", ".")
PAUSE_ARM64 = Program("pause", "pause", ".", "arm64")
KWOK = Program("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok")

CONTROL_PLANE = (ETCD, API_SERVER, CONTROLLER_MANAGER, SCHEDULER, KUBECTL)
"""What a control plane without nodes needs."""
NODE = (KUBELET, KUBE_PROXY, CONTAINERD, CONTAINERD_SHIM, CTR, PAUSE, COREDNS, REGISTRY)
"""What the amd64 node and the services on it need besides."""
ARM64_NODE = (KUBELET_ARM64, CONTAINERD_ARM64, PAUSE_ARM64)
"""What the emulated node needs besides: the rest of it runs on the machine's own processor."""
BENCHMARK = (KWOK,)
"""What fake nodes need; not part of a cluster."""


def module_version(module: str, path: str) -> str:
    """Version of a required module, e.g. ``v1.34.4``, as ``go.mod`` of a module directory pins it.

    Raises:
        BuildError: when the module does not require that path.

    """
    text = (MODULES / module / "go.mod").read_text(encoding="utf-8")
    found = re.search(rf"^\s*(?:require\s+)?{re.escape(path)}\s+(v\S+)", text, re.MULTILINE)
    if found is None:
        raise BuildError(
            f"{MODULES / module / 'go.mod'} does not require {path}: restore the file from the repository."
        )
    return found.group(1)


def link_flags(program: Program) -> str:
    """Return the flags for Go's linker: no symbol tables, and for Kubernetes the version that it reports of itself."""
    flags = "-s -w"
    if program.module == "kubernetes":
        version = module_version("kubernetes", "k8s.io/kubernetes")
        major, minor, _ = version.removeprefix("v").split(".", 2)
        for name, value in (
            ("gitVersion", version),
            ("gitMajor", major),
            ("gitMinor", minor),
            ("gitTreeState", "clean"),
        ):
            flags += f" -X k8s.io/component-base/version.{name}={value}"
    return flags


def module_key(program: Program, go_version: str) -> str:
    """SHA-256 (hex) of all that decides the built bytes: sources by checksum, compiler, target, flags."""
    directory = MODULES / program.module
    digest = hashlib.sha256()
    sources = sorted(directory.glob("*.go"))
    overlays = [directory / program.overlay.source] if program.overlay else []
    for path in (directory / "go.mod", directory / "go.sum", *sources, *overlays):
        content = path.read_bytes() if path.exists() else b""
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    for part in (program.package, program.architecture, go_version, link_flags(program)):
        digest.update(f"{part}\n".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Binaries:
    """Built programs in a cache directory, each built when it is first asked for."""

    cache: Path

    def path(self, program: Program, go_version: str) -> Path:
        """Where a program lies once built. The name of the directory above is the cache key."""
        key = module_key(program, go_version)[:16]
        return self.cache / "programs" / program.label / key / program.name

    def locate(self, programs: tuple[Program, ...]) -> dict[Program, Path]:
        """Return where each program lies once built, whether it is or not.

        Raises:
            MissingProgramsError: when Go is missing or too old.

        """
        go_version = installed_go()
        return {program: self.path(program, go_version) for program in programs}

    def build(self, programs: tuple[Program, ...], report: Report) -> dict[Program, Path]:
        """Build what is not built yet, one after the other, and return where each lies.

        Raises:
            MissingProgramsError: when Go is missing or too old.
            BuildError: when a build fails; the message ends with the compiler's own last lines.

        """
        paths = self.locate(programs)
        missing = [program for program, path in paths.items() if not path.exists()]
        started = time.monotonic()
        for position, program in enumerate(missing, 1):
            stage = f"[{position}/{len(missing)}] {program.name} ({program.architecture})"
            self._build_one(program, paths[program], stage, report)
        if missing:
            report(f"built {len(missing)} programs in {time.monotonic() - started:.0f} s, kept in {self.cache}")
        return paths

    def _build_one(self, program: Program, path: Path, stage: str, report: Report) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _exclusive(path.parent / "lock"):
            if path.exists():  # another process built it while we waited
                return
            report(f"building {stage}")
            started = time.monotonic()
            fresh = path.with_suffix(".fresh")
            _compile(program, fresh, lambda: report(f"building {stage}: {time.monotonic() - started:.0f} s so far"))
            fresh.replace(path)
            size = path.stat().st_size / 1e6
            report(f"built    {stage} in {time.monotonic() - started:.0f} s ({size:.0f} MB)")


def installed_go() -> str:
    """Version of the Go toolchain on PATH, e.g. ``go1.26.8``.

    Raises:
        MissingProgramsError: when there is none, or it is older than the modules need.

    """
    remedy = f"Install Go {_OLDEST_GO[0]}.{_OLDEST_GO[1]} or newer (https://go.dev/dl/) and put it on PATH."
    go = shutil.which("go")
    if go is None:
        raise MissingProgramsError(f"The embedded cluster is built with Go, and there is no `go` on PATH. {remedy}")
    answer = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False, timeout=60)
    version = answer.stdout.strip()
    found = re.match(r"go(\d+)\.(\d+)", version)
    if found is None or (int(found.group(1)), int(found.group(2))) < _OLDEST_GO:
        raise MissingProgramsError(f"`go env GOVERSION` says {version or answer.stderr.strip()!r}. {remedy}")
    return version


def _compile(program: Program, target: Path, still_building: Callable[[], None]) -> None:
    command = ["go", "build", "-mod=readonly", "-trimpath", "-ldflags", link_flags(program), "-o", str(target)]
    environment = {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOOS": "linux",
        "GOARCH": program.architecture,
        "GOFLAGS": "-buildvcs=false",
        "GOWORK": "off",
    }
    if program.overlay is not None:
        command.append(f"-modfile={_overlay(program.module, program.overlay, target, environment)}")
    log = target.with_suffix(".log")
    with log.open("wb") as output:
        build = subprocess.Popen(
            [*command, program.package], cwd=MODULES / program.module, env=environment, stdout=output, stderr=output
        )
        code = _wait(build, still_building)
    if code != 0:
        end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
        raise BuildError(
            f"{program.label} did not build ({' '.join(command[:2])} of {program.package} ended with {code}):\n{end}\n"
            "Check that the Go module proxy can be reached (`go env GOPROXY`) and that the disk is not full, then run "
            "the same command again: what was built stays built."
        )
    log.unlink()


def _overlay(module: str, overlay: Overlay, target: Path, environment: dict[str, str]) -> Path:
    """Copy a dependency, put our file into it, and return a ``go.mod`` that builds from the copy.

    What is copied is checked by Go against ``go.sum`` first, like every other source.
    """
    directory, copy = MODULES / module, target.parent / "overlaid"
    source = json.loads(_go(["mod", "download", "-json", overlay.dependency], directory, environment))["Dir"]
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy, copy_function=shutil.copyfile)
    for folder in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
        folder.chmod(0o755)  # the module cache is read-only
    if not (copy / overlay.file).exists():
        raise BuildError(f"{overlay.dependency} has no {overlay.file} any more: {overlay.source} must follow it.")
    shutil.copyfile(directory / overlay.source, copy / overlay.file)
    for name in ("go.mod", "go.sum"):
        shutil.copyfile(directory / name, target.parent / name)
    _go(["mod", "edit", f"-replace={overlay.dependency}={copy}", str(target.parent / "go.mod")], directory, environment)
    return target.parent / "go.mod"


def _go(arguments: list[str], directory: Path, environment: dict[str, str]) -> str:
    answer = subprocess.run(
        ["go", *arguments],  # noqa: S607 - the PATH that installed_go looked at
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_DOWNLOAD_LIMIT_SECONDS,
    )
    if answer.returncode != 0:
        said = answer.stderr.strip() or answer.stdout.strip()
        raise BuildError(f"`go {' '.join(arguments)}` failed in {directory}: {said}")
    return answer.stdout


def _wait(build: subprocess.Popen[bytes], still_building: Callable[[], None]) -> int:
    deadline = time.monotonic() + _BUILD_LIMIT_SECONDS
    try:
        while time.monotonic() < deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return build.wait(timeout=_STILL_BUILDING_SECONDS)
            still_building()
    finally:
        if build.poll() is None:
            build.kill()
            build.wait()
    raise BuildError(
        f"A build took more than {_BUILD_LIMIT_SECONDS / 60:.0f} minutes and was stopped: run the same command "
        "again, the compiler continues where it stopped."
    )


@contextlib.contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
