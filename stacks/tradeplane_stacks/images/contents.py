"""Preparing what goes into an image: three trees a processor, each kept in the cache under the digest of its inputs.

``base`` changes with Debian's updates, ``site`` with the lock file, ``own`` with the project's sources; they are the
layers of the image in that order, and both images share the first.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_api.strategy import MACHINES

from tradeplane_stacks.images.base import build_base
from tradeplane_stacks.images.bytecode import compile_tree, host_architecture
from tradeplane_stacks.images.debian import PackageFiles
from tradeplane_stacks.images.lock import LockedPackage, drift, parse_lock
from tradeplane_stacks.images.programs import run
from tradeplane_stacks.images.settings import CHECKOUT, SOURCE_DATE_EPOCH
from tradeplane_stacks.images.trees import inputs_digest, link_tree, made_once, source_files, tree_bytes
from tradeplane_stacks.images.wheels import (
    NATIVE,
    build_native,
    build_rooms,
    install_locked,
    install_wheels,
    locked_requirements,
    rustc_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_stacks.images.settings import Image

LOCK = Path(__file__).with_name("base.lock")
_PREPARATION = ("base.py", "bytecode.py", "contents.py", "lock.py", "trees.py", "wheels.py", "build-constraints.txt")


@dataclass(frozen=True)
class Base:
    """The base of a build."""

    packages: tuple[LockedPackage, ...]
    """Debian packages of the base made here; its Python compiles, also where the user named another base."""
    drift: tuple[str, ...]
    """Where a package is not the locked one, a line each."""
    reference: str = "scratch"
    """Image the Containerfile starts from; another than ``scratch`` takes the place of the base made here."""


@dataclass(frozen=True)
class Contents:
    """The trees of one image for one processor."""

    base: Path | None
    site: Path
    own: Path

    @property
    def digest(self) -> str:
        """Digest that names all three."""
        return inputs_digest([self.base.name if self.base else "", self.site.name, self.own.name])

    @property
    def bytes(self) -> int:
        """Size of all files, in bytes; without a base that the user named."""
        return sum(tree_bytes(tree) for tree in (self.base, self.site, self.own) if tree is not None)


@dataclass(frozen=True)
class Preparation:
    """Prepares contents from a checkout into a cache."""

    cache: Path
    say: Callable[[str], None]
    checkout: Path = CHECKOUT

    def base(self, reference: str = "scratch") -> Base:
        """Fetch the packages of the base."""
        locked = parse_lock(LOCK.read_text())
        used = PackageFiles(self.cache / "packages", self.say).fetch(locked)
        return Base(packages=used, drift=drift(locked, used), reference=reference)

    def contents(self, image: Image, architectures: tuple[str, ...], base: Base) -> dict[str, Contents]:
        """Prepare the trees of an image for each processor, or find them in the cache.

        Processors are prepared beside each other: most of the time goes into optimising the Rust core as a whole, which
        the compiler does on one thread.
        """
        requirements = locked_requirements(self.checkout, image.package)
        compiler = self._bare_tree(base.packages, host_architecture())  # made before they part: each compiles with it
        prepare = partial(self._contents, image, base, requirements, compiler)
        with ThreadPoolExecutor(max_workers=len(architectures)) as pool:
            return dict(zip(architectures, pool.map(prepare, architectures), strict=True))

    def _contents(self, image: Image, base: Base, requirements: str, compiler: Path, architecture: str) -> Contents:
        site = inputs_digest([self._code(), architecture, requirements, compiler.name])
        own = self._own_digest(image, architecture, compiler)
        return Contents(
            base=self.base_tree(base.packages, architecture) if base.reference == "scratch" else None,
            site=made_once(
                self.cache / "site" / site, partial(self._make_site, image, architecture, requirements, compiler)
            ),
            own=made_once(self.cache / "own" / own, partial(self._make_own, image, architecture, compiler)),
        )

    def base_tree(self, packages: tuple[LockedPackage, ...], architecture: str) -> Path:
        """Make the base for a processor, or find it in the cache."""
        bare = self._bare_tree(packages, architecture)
        interpreter = self._bare_tree(packages, host_architecture())

        def make(tree: Path) -> None:
            self.say(f"base for {architecture}: compiling the standard library")
            link_tree(bare, tree)
            compile_tree(interpreter, tree / "usr/lib/python3.11", "/usr/lib/python3.11")

        return made_once(self.cache / "base" / inputs_digest([bare.name, interpreter.name, self._code()]), make)

    def _bare_tree(self, packages: tuple[LockedPackage, ...], architecture: str) -> Path:
        """Make a base whose standard library is not compiled yet, which is what compiles."""
        files = PackageFiles(self.cache / "packages", self.say)
        chosen = [package for package in packages if package.architecture == architecture]

        def make(tree: Path) -> None:
            self.say(f"base for {architecture}: unpacking {len(chosen)} Debian packages")
            build_base([(package, files.path(package)) for package in chosen], tree, architecture)

        digests = [package.sha256 for package in chosen]
        return made_once(self.cache / "bare" / inputs_digest([self._code(), architecture, *digests]), make)

    def _make_site(self, image: Image, architecture: str, requirements: str, compiler: Path, tree: Path) -> None:
        self.say(f"{image.name} for {architecture}: installing locked wheels")
        install_locked(requirements, tree, architecture)
        compile_tree(compiler, tree, "/app")

    def _make_own(self, image: Image, architecture: str, compiler: Path, tree: Path) -> None:
        self.say(f"{image.name} for {architecture}: building the project's own packages")
        with tempfile.TemporaryDirectory(prefix="tradeplane-own-") as directory:
            wheels = build_rooms(self.checkout, image.rooms, Path(directory) / "rooms")
            if image.native:
                wheels.append(self.native_wheel(architecture))
            install_wheels(wheels, tree, architecture)
        compile_tree(compiler, tree, "/app")

    def native_wheel(self, architecture: str) -> Path:
        """Build the wheel of the Rust core for a processor, or find it in the cache."""

        def make(tree: Path) -> None:
            self.say(f"the Rust core for {architecture}: building its wheel")
            tree.mkdir()
            target = self.cache / "cargo-target" / architecture  # one each: Cargo holds a target directory alone
            build_native(self.checkout, architecture, target, tree)

        words = [self._code(), architecture, *_rust_version(architecture)]
        digest = inputs_digest(words, source_files(self.checkout / NATIVE), self.checkout)
        (wheel,) = made_once(self.cache / "native" / digest, make).glob("*.whl")
        return wheel

    def _own_digest(self, image: Image, architecture: str, compiler: Path) -> str:
        rooms = [*image.rooms, *([NATIVE] if image.native else [])]
        files = {path for room in rooms for path in source_files(self.checkout / room)}
        words = [self._code(), architecture, compiler.name, *rooms]
        if image.native:
            words += _rust_version(architecture)
        return inputs_digest(words, files, self.checkout)

    def _code(self) -> str:
        """Digest of the code that prepares: another way of preparing is another content."""
        directory = Path(__file__).parent
        return inputs_digest([str(SOURCE_DATE_EPOCH)], [directory / name for name in _PREPARATION], directory)


def _rust_version(architecture: str) -> list[str]:
    compiler = rustc_for(f"{MACHINES[architecture]}-unknown-linux-gnu")
    return [run([compiler, "-vV"], purpose="asking the Rust compiler for its version", timeout_s=60)]
