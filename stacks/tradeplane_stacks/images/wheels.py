"""Python packages of an image: the locked wheels of others, and those built from this checkout.

The lock file decides which wheels, with their digests; a package that has no wheel for a processor is refused rather
than compiled. The project's own packages are built here, the Rust core once a processor.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_api.strategy import MACHINES

from tradeplane_stacks.images.base import prune
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.programs import run
from tradeplane_stacks.images.settings import SOURCE_DATE_EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterable

_PYTHON = "3.11"
_GLIBC = "manylinux_2_36"  # of the base, Debian 12
_CONSTRAINTS = Path(__file__).with_name("build-constraints.txt")
NATIVE = "workloads/native"
"""Directory of the Rust core in the checkout."""
BUILD_ISOLATED = (
    *("--quiet", "--no-config", "--no-sources", "--python", sys.executable),
    *("--build-constraints", str(_CONSTRAINTS), "--require-hashes"),
)
"""Options of ``uv build``: by the pinned build backend, whatever is installed or configured here."""
_BUILD_PATH = "/build"
_LINKER = "aarch64-linux-gnu-gcc"
_UNWANTED = (
    "bin",  # console scripts with the builder's shebang
    ".lock",
    "*.dist-info/RECORD",  # would list what is removed here
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "*.dist-info/direct_url.json",
    "*.dist-info/uv_cache.json",
    "*/tests",
    "*/*/tests",
    "*/*/*/tests",
    "numpy/f2py",
    "numpy/_core/include",
    "numpy/_core/lib",
    "pyarrow/include",
    "pyarrow/src",
    "pyarrow/*.pxd",
    "pyarrow/*.pxi",
    "pyarrow/*.pyx",
    "pyarrow/includes",
    "pyarrow/*flight*",  # a network service that nothing here speaks
)


def locked_requirements(checkout: Path, package: str) -> str:
    """Return the wheels of others that a package needs, as the lock file pins them: versions and digests."""
    return run(
        [
            *("uv", "export", "--frozen", "--package", package, "--no-dev", "--no-emit-workspace"),
            *("--no-header", "--no-annotate"),
        ],
        purpose=f"reading uv.lock for {package}",
        directory=checkout,
        timeout_s=60,
    )


def install_locked(requirements: str, target: Path, architecture: str) -> None:
    """Install locked wheels for a processor into a directory that is made here."""
    with tempfile.TemporaryDirectory(prefix="tradeplane-wheels-") as directory:
        listed = Path(directory) / "requirements.txt"
        listed.write_text(requirements)
        _install(["--require-hashes", "--only-binary", ":all:", "-r", str(listed)], target, architecture)


def install_wheels(wheels: list[Path], target: Path, architecture: str) -> None:
    """Install the project's own wheels into a directory that is made here."""
    _install([str(wheel) for wheel in wheels], target, architecture)


def forget_path(tree: Path, source: Path) -> None:
    """Replace the path of the sources in the wheels' bills of materials, which maturin writes, by a fixed one."""
    for bill in tree.glob("*.dist-info/sboms/*.json"):
        bill.write_text(bill.read_text().replace(source.as_uri(), f"file://{_BUILD_PATH}"))


def _install(what: list[str], target: Path, architecture: str) -> None:
    run(
        [
            *("uv", "pip", "install", "--quiet", "--no-deps", "--no-compile-bytecode", "--no-config"),
            *("--link-mode", "copy", "--python", sys.executable, "--python-version", _PYTHON),
            *("--python-platform", f"{MACHINES[architecture]}-{_GLIBC}", "--target", str(target)),
            *what,
        ],
        purpose=f"installing wheels for {architecture}",
    )
    prune(target, _UNWANTED)


def build_rooms(checkout: Path, rooms: Iterable[str], wheels: Path) -> list[Path]:
    """Build the wheels of pure Python packages, by their directories in the checkout, into a directory."""
    for room in rooms:
        run(
            ["uv", "build", "--wheel", *BUILD_ISOLATED, "--out-dir", wheels, checkout / room],
            purpose=f"building the wheel of {room}",
            environment={"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)},
        )
    return sorted(wheels.glob("*.whl"))


def build_native(checkout: Path, architecture: str, cargo_target: Path, wheels: Path) -> Path:
    """Build the wheel of the Rust core for a processor into a directory; return where it is.

    Paths of this machine are mapped to fixed ones, so that two checkouts give the same bytes.

    Raises:
        ImageError: no Rust compiler here has the processor's standard library, or its linker is missing.

    """
    target = f"{MACHINES[architecture]}-unknown-linux-gnu"
    source = checkout / NATIVE
    cargo_home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    remap = {source: _BUILD_PATH, cargo_home: "/cargo", cargo_target: "/target"}
    environment = {
        "RUSTC": str(rustc_for(target)),
        "CARGO_TARGET_DIR": str(cargo_target),
        "CARGO_BUILD_BUILD_DIR": str(cargo_target),  # no other path than the one that is mapped
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(f"--remap-path-prefix={path}={name}" for path, name in remap.items()),
        "SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH),
    }
    if architecture == "arm64" and os.uname().machine != MACHINES["arm64"]:
        environment["CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER"] = _linker()
    run(
        [
            *(sys.executable, "-m", "maturin", "build", "--release", "--locked", "--quiet"),
            *("--target", target, "--interpreter", f"python{_PYTHON}", "--auditwheel", "skip"),
            *("--manifest-path", str(source / "Cargo.toml"), "--out", str(wheels)),
        ],
        purpose=f"building the Rust core for {architecture}",
        environment=environment,
    )
    (wheel,) = wheels.glob("*.whl")
    _write_anew(wheel, source)
    return wheel


def _write_anew(wheel: Path, source: Path) -> None:
    """Write a wheel again without the path of its sources."""
    epoch = {"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)}
    with tempfile.TemporaryDirectory(prefix="tradeplane-wheel-") as directory:
        command = [sys.executable, "-m", "wheel"]
        run([*command, "unpack", "--dest", directory, wheel], purpose=f"unpacking {wheel.name}", environment=epoch)
        (tree,) = Path(directory).iterdir()
        forget_path(tree, source)
        wheel.unlink()
        run([*command, "pack", "--dest-dir", wheel.parent, tree], purpose=f"packing {wheel.name}", environment=epoch)
    if not wheel.exists():
        raise ImageError(f"{wheel.name} has another name once it is written again: see the version of `wheel`.")


def _linker() -> str:
    if shutil.which(_LINKER) is None:
        raise ImageError(
            f"Building the Rust core for arm64 needs the linker {_LINKER} "
            "(Debian: gcc-aarch64-linux-gnu, libc6-dev-arm64-cross). `make bootstrap` installs it."
        )
    return _LINKER


def rustc_for(target: str) -> Path:
    """Find a Rust compiler that has the standard library of a target: ``RUSTC``, the one on PATH, or the system's.

    Raises:
        ImageError: none has it.

    """
    chosen = [os.environ.get("RUSTC"), shutil.which("rustc"), "/usr/bin/rustc"]
    compilers = [Path(path) for path in chosen if path and Path(path).exists()]
    for compiler in compilers:
        libraries = run(
            [compiler, "--print", "target-libdir", "--target", target],
            purpose=f"looking for the Rust standard library of {target}",
            timeout_s=60,
        )
        if any(Path(libraries.strip()).glob("libcore-*.rlib")):
            return compiler
    looked = ", ".join(str(path) for path in compilers) or "no rustc found"
    raise ImageError(
        f"No Rust compiler here has the standard library of {target} (looked at: {looked}). With rustup: "
        f"`rustup target add {target}`. On Debian: rustc-web and libstd-rust-web-dev of both architectures, which "
        "`make bootstrap` installs."
    )
