"""The paths on which the suite is computed, what each needs of the machine, and how it is run.

What a path lacks is a question with a reason for an answer, so that what could not be run is said and never passes
unseen.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import tradeplane_native
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.settings import cache_directory
from tradeplane_stacks.images.trees import inputs_digest, made_once, source_files
from tradeplane_stacks.images.wheels import rustc_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CHECKOUT = Path(__file__).resolve().parents[2]
NATIVE = CHECKOUT / "workloads" / "native"
TARGETS = {"amd64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}
HERE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
EMULATOR = ("qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu")
LINKER = "aarch64-linux-gnu-gcc"
OLDER_NUMPY = {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR", "OPENBLAS_CORETYPE": "Nehalem"}
OLDER_C_LIBRARY = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F"}
_EXAMPLE = "digests"
_BUILD = ("cargo", "build", "--quiet", "--locked", "--release", "--no-default-features", "--example", _EXAMPLE)
_BUILD_LIMIT_S = 1_200
_RUN_LIMIT_S = 300
_SIMD = "TRADEPLANE_SIMD"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a path printed: a digest for each case, and nanoseconds for those that were timed."""

    digests: Mapping[str, str]
    nanoseconds: Mapping[str, int] = field(default_factory=dict)

    def with_times_of(self, other: Outcome) -> Outcome:
        """Return the same digests, with the shorter of both times of each case."""
        shorter = {case: min(taken, self.nanoseconds.get(case, taken)) for case, taken in other.nanoseconds.items()}
        return Outcome(self.digests, shorter)


class ParityPath(Protocol):
    """A way to compute the suite."""

    @property
    def name(self) -> str:
        """The path's name in tables."""

    @property
    def shows(self) -> str:
        """What the path is."""

    def missing(self) -> str | None:
        """Say why the path cannot be run here, or None."""

    def run(self, files: Sequence[Path]) -> Outcome:
        """Compute the suite, golden backtests from the files."""


@dataclass(frozen=True, slots=True)
class NativePath:
    """The Rust core, built for an architecture and perhaps a newer processor, with one SIMD path forced."""

    name: str
    shows: str
    architecture: str
    simd: str
    flags: str = ""
    needs: str = ""

    def missing(self) -> str | None:
        """See :class:`ParityPath`."""
        if self.architecture == HERE:
            lacking = (self.needs or self.simd) not in tradeplane_native.simd_paths()
            return f"this processor has no {self.needs or self.simd}" if lacking else None
        if self.architecture != "arm64":
            return f"this processor is {HERE}, and none of {self.architecture} is emulated on it"
        programs = [program for program in (EMULATOR[0], LINKER) if shutil.which(program) is None]
        if programs:
            return f"{' and '.join(programs)} not found; `make bootstrap` installs what is missing"
        try:
            rustc_for(TARGETS["arm64"])
        except ImageError as error:
            return str(error)
        return None

    @property
    def emulated(self) -> bool:
        """Whether the path runs on a processor played by this one: it has results, and no speed."""
        return self.architecture != HERE

    def program(self) -> Path:
        """Build the example, or find the one that was built of the same sources, and return it."""
        compiler = rustc_for(TARGETS[self.architecture])
        version = subprocess.run([compiler, "-vV"], check=True, capture_output=True, text=True, timeout=60).stdout
        made_of = inputs_digest([version, self.architecture, self.flags, *_BUILD], source_files(NATIVE), NATIVE)
        return made_once(cache_directory() / "digests" / made_of, partial(self._build, compiler)) / _EXAMPLE

    def _build(self, compiler: Path, folder: Path) -> None:
        target = TARGETS[self.architecture]
        with tempfile.TemporaryDirectory(prefix="tradeplane-parity-") as directory:
            environment = os.environ | {
                "CARGO_TARGET_DIR": directory,
                "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER": LINKER if HERE != "arm64" else "cc",
                "RUSTC": str(compiler),
                "RUSTFLAGS": self.flags,
            }
            manifest = ["--manifest-path", str(NATIVE / "Cargo.toml"), "--target", target]
            subprocess.run([*_BUILD, *manifest], env=environment, check=True, timeout=_BUILD_LIMIT_S)
            folder.mkdir()
            shutil.copy(Path(directory) / target / "release" / "examples" / _EXAMPLE, folder)

    def run(self, files: Sequence[Path], *, timed: bool = False) -> Outcome:
        """See :class:`ParityPath`. Raises AssertionError where another path was taken than the one forced."""
        emulator, timing = EMULATOR if self.emulated else (), ("--timed",) if timed else ()
        command = [*emulator, str(self.program()), *timing, *map(str, files)]
        done = _run(command, {_SIMD: self.simd})
        if done.stderr != f"path {self.simd}\n":
            raise AssertionError(f"{self.name} was asked for path {self.simd}, and said: {done.stderr}")
        return outcome_of(done.stdout)


@dataclass(frozen=True, slots=True)
class PythonPath:
    """The workloads package as a run uses it, with the environment that its libraries read."""

    name: str
    shows: str
    environment: Mapping[str, str]
    needs: str = "scalar"

    def missing(self) -> str | None:
        """See :class:`ParityPath`."""
        lacking = self.needs not in tradeplane_native.simd_paths()
        return f"this processor has no {self.needs}, so that none is older" if lacking else None

    def run(self, files: Sequence[Path]) -> Outcome:  # it has bars of its own
        """See :class:`ParityPath`."""
        return outcome_of(_run([sys.executable, "-m", "tests.parity.suite"], self.environment).stdout)


def _run(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != _SIMD}
    done = subprocess.run(
        command,
        env={**inherited, **environment},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=_RUN_LIMIT_S,
    )
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done


def outcome_of(printed: str) -> Outcome:
    """Read the lines of a suite: ``name digest``, or ``name.ns nanoseconds``."""
    pairs = dict(line.split(" ", 1) for line in printed.splitlines())
    timed = {name.removesuffix(".ns"): int(value) for name, value in pairs.items() if name.endswith(".ns")}
    return Outcome({name: value for name, value in pairs.items() if not name.endswith(".ns")}, timed)


_NEWER = "the core compiled for x86-64-v3 as a whole, by which the compiler vectorises what we do not"
PATHS: tuple[ParityPath, ...] = (
    NativePath("amd64 scalar", "the core on plain x86-64, no kernel on vectors", "amd64", "scalar"),
    NativePath("amd64 AVX2", "its kernels with AVX2", "amd64", "avx2"),
    NativePath("amd64 AVX-512", "its kernels with AVX-512", "amd64", "avx512"),
    NativePath("amd64 v3", _NEWER, "amd64", "avx2", "-C target-cpu=x86-64-v3", "avx2"),
    NativePath("arm64 scalar", "the core on arm64, no kernel on vectors", "arm64", "scalar"),
    NativePath("arm64 NEON", "its kernels with NEON", "arm64", "neon"),
    PythonPath("Python", "the workloads package as it is, the widest path", {_SIMD: "auto"}),
    PythonPath("Python scalar", "the same, no kernel on vectors", {_SIMD: "scalar"}),
    PythonPath("older NumPy", "NumPy and its BLAS shown a processor of 2008", OLDER_NUMPY, "avx2"),
    PythonPath(
        "older glibc", "the C library's mathematics shown a processor without AVX2 and FMA", OLDER_C_LIBRARY, "avx2"
    ),
)
"""Every path; the first that can be run is what the others are compared with."""


def build_programs(paths: Iterable[ParityPath]) -> None:
    """Build what native paths run, beside each other: the compiler optimises each as a whole, on one thread.

    Raises CalledProcessError where one cannot be built.
    """
    builds = {(path.architecture, path.flags): path for path in paths if isinstance(path, NativePath)}
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(NativePath.program, builds.values()))


def runnable() -> list[ParityPath]:
    """Return the paths that this machine can run."""
    return [path for path in PATHS if path.missing() is None]
