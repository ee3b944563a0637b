"""The programs of the cluster, built from Go modules that are pinned by checksum.

Each directory below ``go/`` is a module that does nothing but name, in ``go.mod`` and ``go.sum``, what is built from
it; they are apart so that no program needs what another does. But what programs of the demo have in common is of one
version, so that its packages are compiled once. A built program is kept in the cache under a key of the two files, the
Go version, the target and the flags, so a change of any builds anew and nothing else does.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from tradeplane_stacks.file_locks import acquire
from tradeplane_stacks.local.errors import BuildError
from tradeplane_stacks.local.go_build import (
    BUILD_LIMIT_SECONDS,
    COMPILER_FLAGS,
    STILL_BUILDING_SECONDS,
    Addition,
    Copy,
    GoBuild,
    Overlay,
    Replacement,
    Substitution,
    fetching,
)
from tradeplane_stacks.local.go_toolchain import find_go
from tradeplane_stacks.local.settings import Settings

Report = Callable[[str], None]
"""Takes one line that tells a person what is being done."""

MODULES = Path(__file__).parent / "go"


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
# Built for arm64 it would take minutes, and run under emulation; but for what it says of its node it is the same.
KUBELET_ARM64 = replace(
    KUBELET,
    overlay=Overlay(
        "k8s.io/kubernetes",
        tuple(
            Substitution(f"pkg/kubelet/{file}", "goruntime.GOARCH", '"arm64"')
            for file in ("kubelet_node_status.go", "nodestatus/setters.go")
        ),
    ),
)
KUBE_PROXY = _kubernetes("kube-proxy")
CONTAINERD = _containerd("containerd")
CONTAINERD_ARM64 = replace(
    CONTAINERD,
    overlay=Overlay("github.com/containerd/platforms", (Replacement("defaults_unix.go", "overlay/platform.go"),)),
)
CONTAINERD_SHIM = _containerd("containerd-shim-runc-v2")
CTR = _containerd("ctr")
COREDNS = Program("coredns", "coredns", ".")
REGISTRY = Program("olareg", "olareg", "github.com/olareg/olareg/cmd/olareg")
PAUSE = Program("pause", "pause", ".")
PAUSE_ARM64 = Program("pause", "pause", ".", "arm64")
KWOK = Program("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok")
COSIGN = Program("cosign", "cosign", "github.com/sigstore/cosign/v3/cmd/cosign")
DISTRIBUTION = Program("registry", "distribution", "github.com/distribution/distribution/v3/cmd/registry")
PULUMI = Program("pulumi", "pulumi", "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi")
"""The engine of Pulumi, for machines that the published program cannot be had on; not part of a cluster."""
_PULUMI_KUBERNETES = "github.com/pulumi/pulumi-kubernetes/provider/v4"
_PULUMI_KUBERNETES_SDK = "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
_OF_PULUMI_KUBERNETES = "cmd/pulumi-resource-kubernetes"
_MANIFESTS = "pkg/provider/yaml/v2"
"""Where the provider makes resources of what manifests say, in the package whose types it would need for that."""
PULUMI_KUBERNETES = Program(
    "pulumi-resource-kubernetes",
    "pulumi-kubernetes",
    f"{_PULUMI_KUBERNETES}/{_OF_PULUMI_KUBERNETES}",
    overlay=Overlay(
        _PULUMI_KUBERNETES,
        (
            Copy(f"{_OF_PULUMI_KUBERNETES}/schema-embed.json", f"{_OF_PULUMI_KUBERNETES}/schema.json"),
            Copy(
                f"{_OF_PULUMI_KUBERNETES}/terraform-mapping-embed.json",
                f"{_OF_PULUMI_KUBERNETES}/terraform-mapping.json",
            ),
            Addition(f"{_MANIFESTS}/untyped.go", "overlay/untyped.go"),
            Substitution(f"{_MANIFESTS}/yaml.go", "yamlv2.RegisterResource(", "registerUntyped("),
            Substitution(f"{_MANIFESTS}/yaml.go", f'yamlv2 "{_PULUMI_KUBERNETES_SDK}/yaml/v2"', ""),
        ),
    ),
)
"""The engine's provider of Kubernetes, for the same machines."""
_PULUMI_KUBERNETES_RELEASE = "4.24.1"
"""The release after which the provider's commit comes: its Go module has no versions, and says 4.0.0 of each commit."""

CONTROL_PLANE = (ETCD, API_SERVER, CONTROLLER_MANAGER, SCHEDULER, KUBECTL)
"""What a control plane without nodes needs."""
NODE = (KUBELET, KUBE_PROXY, CONTAINERD, CONTAINERD_SHIM, CTR, PAUSE, COREDNS, REGISTRY)
"""What the amd64 node and the services on it need besides."""
ARM64_NODE = (KUBELET_ARM64, CONTAINERD_ARM64, PAUSE_ARM64)
"""What the emulated node needs besides: the rest of it runs on the machine's own processor."""
BENCHMARK = (KWOK,)
"""What fake nodes need; not part of a cluster."""
TIMESTAMPS = Program(
    "timestamp-server", "timestamp-authority", "github.com/sigstore/timestamp-authority/cmd/timestamp-server"
)
AUDIT = (COSIGN, DISTRIBUTION, TIMESTAMPS)
"""What an auditor has, a registry without a list of referrers, a timestamp authority; tests alone use them."""
FULCIO = Program("fulcio", "fulcio", "github.com/sigstore/fulcio")
REKOR = Program("rekor-server", "rekor-tiles", "github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix")
CERTIFICATE_LOG = Program("tesseract", "tesseract", "github.com/transparency-dev/tesseract/cmd/tesseract/posix")
KEYLESS = (FULCIO, REKOR, CERTIFICATE_LOG)
"""An instance of Sigstore, with ``TIMESTAMPS``: who gives certificates, the log of these, and that of signatures."""
# Told to use certificates of somebody else's, it wants those of its metrics at one place of the machine's.
KUEUE = Program(
    "kueue",
    "kueue",
    "sigs.k8s.io/kueue/cmd/kueue",
    overlay=Overlay(
        "sigs.k8s.io/kueue",
        (Substitution("cmd/kueue/main.go", '"/etc/kueue/metrics/certs"', 'os.Getenv("KUEUE_METRICS_CERTIFICATES")'),),
    ),
)
"""Who admits Jobs by quota, here or in another cluster; tests alone use it."""

KUBECONFORM = Program("kubeconform", "kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform")
KUBE_SCORE = Program("kube-score", "kube-score", "github.com/zegl/kube-score/cmd/kube-score")
SCANNERS = (KUBECONFORM, KUBE_SCORE)
"""Who judges rendered objects: whether they are of their kind's form, and whether they are as they should be."""

PROMTOOL = Program(
    "promtool",
    "promtool",
    "github.com/prometheus/prometheus/cmd/promtool",
    overlay=Overlay("github.com/prometheus/prometheus", (Replacement("plugins/plugins.go", "overlay/plugins.go"),)),
)
"""Who checks the rules of alerts and tries them on series, as Prometheus evaluates them; tests alone use it."""

HELM = Program("helm", "helm", "helm.sh/helm/v4/cmd/helm")
"""Who packs the charts of a release, and installs them in tests; not part of a cluster."""

POLICY_TESTER = Program("tester", "policy-controller", "github.com/sigstore/policy-controller/cmd/tester")
"""What sigstore's policy-controller decides about an image by a ClusterImagePolicy, without a cluster; for tests."""


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
    """Return the flags for Go's linker: no symbol tables, and where a program reports its version, that version."""
    flags = "-s -w"
    if program.module == "pulumi":
        # Without it the engine takes itself for a development build, and the Automation API cannot tell what it can do.
        version = module_version("pulumi", "github.com/pulumi/pulumi/pkg/v3")
        flags += f" -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}"
    if program.module == "pulumi-kubernetes":
        commit = module_version("pulumi-kubernetes", _PULUMI_KUBERNETES).rpartition("-")[2]
        flags += f" -X {_PULUMI_KUBERNETES}/pkg/version.Version={_PULUMI_KUBERNETES_RELEASE}+{commit}"
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
    for path in (directory / "go.mod", directory / "go.sum", *sources):
        content = path.read_bytes() if path.exists() else b""
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    overlaid = program.overlay.decides(directory) if program.overlay else ""
    for part in (program.package, program.architecture, go_version, link_flags(program), COMPILER_FLAGS, overlaid):
        digest.update(f"{part}\n".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Binaries:
    """Built programs in a cache directory, each built when it is first asked for."""

    cache: Path

    @classmethod
    def of_user(cls) -> Binaries:
        """Return those in this user's cache, which the environment names.

        Raises:
            SettingsError: a setting in the environment cannot be used.

        """
        return cls(Settings.from_environment(os.environ).cache)

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
        """Build what is not built yet, the programs of one module together, and return where each lies.

        Raises:
            MissingProgramsError: when Go is missing or too old.
            BuildError: when a build fails; the message ends with the compiler's own last lines.

        """
        paths = self.locate(programs)
        missing = [program for program, path in paths.items() if not path.exists()]
        started, done, built = time.monotonic(), 0, 0
        batches = _batches(missing)
        with fetching([_go_build(batch) for batch in batches[1:]]):
            for batch in batches:
                count = f"{done + 1}" if len(batch) == 1 else f"{done + 1}-{done + len(batch)}"
                done += len(batch)
                built += self._build_batch(batch, paths, f"[{count}/{len(missing)}]", report)
        if built:
            report(f"built {built} programs in {time.monotonic() - started:.0f} s, kept in {self.cache}")
        return paths

    def _build_batch(self, batch: Sequence[Program], paths: dict[Program, Path], count: str, report: Report) -> int:
        """Build what another process does not; return how many programs that were."""
        with contextlib.ExitStack() as locks:
            for path in sorted(paths[program] for program in batch):  # in one order, so that nobody waits in a circle
                path.parent.mkdir(parents=True, exist_ok=True)
                locks.enter_context(_exclusive(path.parent / "lock", path.name, report))
            left = [program for program in batch if not paths[program].exists()]
            if not left:  # another process built them while we waited
                return 0
            place = "changed sources" if left[0].overlay else left[0].architecture
            stage = f"{count} {', '.join(program.name for program in left)} ({place})"
            report(f"building {stage}")
            started = time.monotonic()
            with tempfile.TemporaryDirectory(dir=self.cache / "programs", prefix="fresh-") as fresh:
                _go_build(left).run(
                    Path(fresh, "built"),
                    lambda: report(f"building {stage}: {time.monotonic() - started:.0f} s so far"),
                )
                for program in left:
                    name = "program" if len(left) == 1 else program.name
                    Path(fresh, "built", name).replace(paths[program])
            size = sum(paths[program].stat().st_size for program in left) / 1e6
            report(f"built    {stage} in {time.monotonic() - started:.0f} s ({size:.0f} MB)")
            return len(left)


def _batches(programs: Sequence[Program]) -> list[list[Program]]:
    """Group programs that one command builds: those of one module, one architecture and one overlay."""

    def alike(program: Program) -> tuple[str, str, Overlay | None]:
        return program.module, program.architecture, program.overlay

    order = {kind: position for position, kind in reversed(list(enumerate(map(alike, programs))))}
    ordered = sorted(programs, key=lambda program: order[alike(program)])
    return [list(batch) for _, batch in groupby(ordered, alike)]


def _go_build(batch: Sequence[Program]) -> GoBuild:
    first = batch[0]
    packages = tuple(program.package for program in batch)
    return GoBuild(MODULES / first.module, packages, first.architecture, link_flags(first), first.overlay)


def installed_go() -> str:
    """Version of the Go toolchain that builds, e.g. ``go1.26.8``.

    Raises:
        MissingProgramsError: when there is none, or it is older than the modules need.

    """
    return find_go().version


@contextlib.contextmanager
def _exclusive(path: Path, program: str, report: Report) -> Iterator[None]:
    """Hold the lock of one program's build; while another process has it, tell so every half minute."""
    told = 0.0

    def waited(seconds: float) -> None:
        nonlocal told
        if seconds - told > STILL_BUILDING_SECONDS:
            told = seconds
            report(f"waiting for {program}, which another process builds: {seconds:.0f} s so far")

    with path.open("w", encoding="utf-8") as lock:
        try:
            acquire(lock, waited, BUILD_LIMIT_SECONDS)
        except TimeoutError as error:
            raise BuildError(
                f"Another process has been building {program} for {BUILD_LIMIT_SECONDS / 60:.0f} minutes: "
                f"it has {path} open (`fuser {path}` names it). End it, and run the same command again."
            ) from error
        yield
