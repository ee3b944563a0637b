"""Python distributions of an image, as cyclonedx-py finds them, with the digest of the wheel that each came from.

cyclonedx-py reads the environment of an interpreter. The image's is not of this machine's processor, so it is given an
empty environment of the running one whose path leads to the trees: descriptions are read, no module is imported.
"""

from __future__ import annotations

import json
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from packageurl import PackageURL
from packaging.tags import Tag, parse_tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.programs import run
from tradeplane_stacks.images.sboms.listing import Listing, reference_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_KEPT = ("type", "bom-ref", "name", "version", "licenses", "purl")
_WHEEL_HASH = "sha256:"


def distributions(site: Path, own: Path, lock: Path) -> Listing:
    """List the distributions of an image.

    Args:
        site: tree of the locked wheels of others.
        own: tree of the project's own packages, which no registry has and which get no package URL.
        lock: ``uv.lock``.

    Raises:
        ImageError: a tree cannot be read.

    """
    found = Bom.from_json(_without_detail(_environment((site, own))))  # type: ignore[attr-defined]
    others, ours = installed(site, ours=False), {one.name for one in installed(own, ours=True)}
    digests = wheel_digests(tomllib.loads(lock.read_text(encoding="utf-8")), others)
    components = []
    for one in found.components:
        name = canonicalize_name(one.name)
        digest = digests.get((name, one.version or ""))
        components.append(
            Component(
                bom_ref=reference_of(one),
                type=one.type,
                name=name,
                version=one.version,
                purl=None if name in ours else one.purl,
                licenses=one.licenses,
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else [],
            )
        )
    needs = {
        str(one.ref.value): frozenset(str(other.ref.value) for other in one.dependencies) for one in found.dependencies
    }
    return Listing(tuple(components), needs)


@dataclass(frozen=True)
class Installed:
    """A distribution that a tree describes."""

    path: Path
    """Directory of its description, ``*.dist-info``."""
    name: str
    """Its name, normalised."""
    version: str
    ours: bool
    """Whether it is of this project, and in no registry."""

    def component(self) -> Component:
        """Return it as a component, which merges with what others say of it."""
        purl = None if self.ours else PackageURL(type="pypi", name=self.name, version=self.version)
        return Component(
            bom_ref=f"{self.name}=={self.version}",
            type=ComponentType.LIBRARY,
            name=self.name,
            version=self.version,
            purl=purl,
        )

    def tags(self) -> frozenset[Tag]:
        """Return the tags that its wheel had."""
        lines = (self.path / "WHEEL").read_text(encoding="utf-8").splitlines()
        found = (parse_tag(line.partition(":")[2].strip()) for line in lines if line.startswith("Tag:"))
        return frozenset(tag for tags in found for tag in tags)


def installed(tree: Path, *, ours: bool) -> Sequence[Installed]:
    """Return the distributions that a tree describes, in the order of their names.

    Raises:
        ImageError: a description has no name or no version.

    """
    found = []
    for path in sorted(tree.glob("*.dist-info")):
        metadata = PathDistribution(path).metadata
        if "Name" not in metadata or "Version" not in metadata:
            raise ImageError(f"{path.name} in an image describes no distribution: it has no name or no version.")
        name, version = metadata["Name"], metadata["Version"]
        found.append(Installed(path, canonicalize_name(name), version, ours))
    return found


def wheel_digests(lock: Mapping[str, Any], found: Sequence[Installed]) -> Mapping[tuple[str, str], str]:
    """Return the SHA-256 of the locked wheel that each distribution came from, by its name and version.

    A distribution says which tags its wheel had; where these do not single out one of the locked wheels, none is named.
    """
    wheels: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for package in lock.get("package", []):
        place = (str(canonicalize_name(package["name"])), str(package.get("version", "")))
        wheels.setdefault(place, []).extend(package.get("wheels", []))
    digests: dict[tuple[str, str], str] = {}
    for one in found:
        place = (one.name, one.version)
        fitting = {wheel["hash"] for wheel in wheels.get(place, []) if _tags_of_file(wheel["url"]) == one.tags()}
        if len(fitting) == 1 and (digest := fitting.pop()).startswith(_WHEEL_HASH):
            digests[place] = digest.removeprefix(_WHEEL_HASH)
    return digests


def _tags_of_file(url: str) -> frozenset[Tag]:
    try:
        return parse_wheel_filename(unquote(url.rpartition("/")[2]))[3]
    except InvalidWheelFilename:
        return frozenset()


def _environment(trees: Sequence[Path]) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="tradeplane-sbom-") as directory:
        empty, written = Path(directory) / "environment", Path(directory) / "sbom.json"
        run([sys.executable, "-m", "venv", "--without-pip", empty], purpose="making an empty environment")
        run(
            [
                *(sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--no-validate"),
                *("--spec-version", "1.6", "--output-format", "JSON", "--output-file", written, empty),
            ],
            purpose="listing the Python distributions of an image",
            environment={"PYTHONPATH": ":".join(str(tree) for tree in trees), "PYTHONNOUSERSITE": "1"},
        )
        found = json.loads(written.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or not found.get("components"):
        raise ImageError(f"{trees[0]} describes no Python distribution: its descriptions were removed.")
    return found


def _without_detail(document: Mapping[str, object]) -> dict[str, object]:
    """Return a bill with what is said of components here, and without what is in the words of their authors."""
    components = document.get("components")
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "components": [
            {name: one[name] for name in _KEPT if name in one}
            for one in (components if isinstance(components, list) else [])
        ],
        "dependencies": document.get("dependencies", []),
    }
