"""What an image was made from, and with what: the materials and tools in the record of its build."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

from packageurl import PackageURL
from tradeplane_api.image_build import Material
from tradeplane_api.strategy import MACHINES

from tradeplane_stacks.images.contents import LOCK
from tradeplane_stacks.images.programs import run
from tradeplane_stacks.images.wheels import rustc_for

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tradeplane_stacks.images.contents import Base
    from tradeplane_stacks.images.settings import Image

_CARGO_LOCK = "workloads/native/Cargo.lock"
_CONSTRAINTS = LOCK.with_name("build-constraints.txt")
_DIGEST = "@sha256:"


def materials(checkout: Path, image: Image, base: Base, architectures: Iterable[str]) -> tuple[Material, ...]:
    """Return what an image was made from beside its sources: lock files, and the packages or image of its base."""
    here = {
        "uv.lock": checkout / "uv.lock",
        **({_CARGO_LOCK: checkout / _CARGO_LOCK} if image.native else {}),
        LOCK.name: LOCK,
        _CONSTRAINTS.name: _CONSTRAINTS,
    }
    locks = [file_material(name, path) for name, path in sorted(here.items())]
    if base.reference != "scratch":
        return (*locks, *_named_base(base.reference))
    wanted = set(architectures)
    packages = [
        Material(
            name=f"{one.name}:{one.architecture}",
            uri=PackageURL("deb", "debian", one.name, one.version, {"arch": one.architecture}).to_string(),
            digest=f"sha256:{one.sha256}",
        )
        for one in sorted(base.packages)
        if one.architecture in wanted
    ]
    return (*locks, *packages)


def file_material(name: str, path: Path) -> Material:
    """Return a file that something was made from, by a name."""
    return Material(name=name, digest=f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}")


def _named_base(reference: str) -> Iterable[Material]:
    """Return the image that was named as base, where it was named by digest: a tag says nothing of what it was."""
    repository, found, digest = reference.partition(_DIGEST)
    if found:
        name = repository.rpartition("/")[2].partition(":")[0].lower()
        qualifiers = {"repository_url": repository}
        uri = PackageURL("oci", None, name, f"sha256:{digest}", qualifiers).to_string()
        yield Material(name="base", uri=uri, digest=f"sha256:{digest}")


def tools(image: Image, builder: str, architectures: Iterable[str]) -> dict[str, str]:
    """Return the versions of the programs that built an image, by name.

    Raises:
        ImageError: one of them does not say its version.

    """
    name, _, number = builder.rpartition(" ")
    found = {
        name: number,
        "python": platform.python_version(),
        "uv": uv_version(),
        "cyclonedx-bom": version("cyclonedx-bom"),
    }
    return found | (compilers(architectures) if image.native else {})


def uv_version() -> str:
    """Return the version of uv, which builds and installs wheels. Raises ImageError where it does not say it."""
    return run(["uv", "--version"], purpose="asking uv for its version", timeout_s=60).split()[1]


def compilers(architectures: Iterable[str]) -> dict[str, str]:
    """Return the versions of what builds the wheels of the Rust core, by name.

    Raises:
        ImageError: one of them does not say its version.

    """
    found = {"maturin": version("maturin"), "wheel": version("wheel")}
    for architecture in architectures:
        compiler = rustc_for(f"{MACHINES[architecture]}-unknown-linux-gnu")
        said = run([compiler, "--version"], purpose="asking the Rust compiler for its version", timeout_s=60)
        found[f"rustc ({architecture})"] = said.split()[1]
    return found
