"""Bills of materials of a release (CycloneDX): of its wheels, for each processor, and of the images that it installs.

Those of the images were written as these were built, and are taken as they are once it is clear that they are of these
images and of this commit. What a package manager fetches besides, when somebody installs the wheels, is in none of the
release's files and so in none of its bills; ``uv.lock`` names it.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cyclonedx.model import Property
from cyclonedx.model.component import Component, ComponentType
from pydantic import ValidationError
from tradeplane_api.image_build import ImageBuild
from tradeplane_api.strategy import MACHINES

from tradeplane_stacks.images.record import read_references
from tradeplane_stacks.images.sboms.debian import license_of
from tradeplane_stacks.images.sboms.distributions import distributions, installed
from tradeplane_stacks.images.sboms.embedded import embedded, libraries
from tradeplane_stacks.images.sboms.listing import merge
from tradeplane_stacks.images.sboms.writing import written
from tradeplane_stacks.images.settings import IMAGES
from tradeplane_stacks.images.wheels import install_wheels
from tradeplane_stacks.release.errors import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.image_build import SourceRevision

PLATFORM = "tradeplane:release:platform"
"""Property of the release: on which platform the wheels are installed that the bill is of."""
_PUSH = "push the images from this commit: python -m tradeplane_stacks.images push --registry ..."


def write_wheel_sbom(directory: Path, version: str, architecture: str, lock: Path) -> None:
    """Write the bill of the wheels that lie in a directory, as they are installed on a processor, beside them.

    Raises:
        ImageError: they cannot be described.

    """
    with tempfile.TemporaryDirectory(prefix="tradeplane-bill-") as folder:
        own, none = Path(folder) / "own", Path(folder) / "others"
        none.mkdir()
        install_wheels(wheels_for(directory, architecture), own, architecture)
        found = installed(own, ours=True)
        listing = merge([distributions(none, own, lock), *embedded(found), libraries(own, found)])
        wheels = Component(
            bom_ref=f"tradeplane@{version}",
            type=ComponentType.APPLICATION,
            name="tradeplane",
            version=version,
            licenses=[license_of("Apache-2.0")],
            properties=[Property(name=PLATFORM, value=f"linux/{architecture}")],
        )
        (directory / f"wheels.linux-{architecture}.cdx.json").write_bytes(written(wheels, listing))


@dataclass(frozen=True)
class ReleasedImages:
    """The images that a release installs: references by digest, and the files of their bills, each by name."""

    references: Mapping[str, str]
    sboms: Mapping[str, bytes]


def released_images(records: Path, source: SourceRevision) -> ReleasedImages:
    """Return the images that were pushed last, with their bills.

    Args:
        records: directory of the records that pushing them left.
        source: what the release is built from, which the images must be built from as well.

    Raises:
        ImageError: nothing was pushed yet.
        ReleaseError: an image is missing or of other sources, or its record or a bill is of something else.

    """
    references = read_references(records)
    sboms: dict[str, bytes] = {}
    for name in sorted(IMAGES):
        if name not in references:
            raise ReleaseError(f"{records} names no image {name}: {_PUSH}")
        build = _record(records / f"{name}.build.json")
        if build.digest != references[name].rpartition("@")[2]:
            raise ReleaseError(f"{records / name}.build.json is of another image than {references[name]}: {_PUSH}")
        if build.source is None or (build.source.commit, build.source.tree) != (source.commit, source.tree):
            raise ReleaseError(f"{references[name]} was built from other sources than {source.commit[:12]}: {_PUSH}")
        for one in build.platforms:
            sboms[one.sbom.file] = _sbom(records / one.sbom.file, one.sbom.digest)
    return ReleasedImages({name: references[name] for name in sorted(IMAGES)}, sboms)


def _record(path: Path) -> ImageBuild:
    try:
        return ImageBuild.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ReleaseError(f"{path} cannot be read ({error.strerror}): {_PUSH}") from error
    except ValidationError as error:
        raise ReleaseError(f"{path} is no record of a build: {_PUSH}") from error


def _sbom(path: Path, digest: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ReleaseError(f"{path} cannot be read ({error.strerror}): {_PUSH}") from error
    if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
        raise ReleaseError(f"{path} is not the bill that was recorded: {_PUSH}")
    return data


def wheels_for(directory: Path, architecture: str) -> list[Path]:
    """Return the wheels of a directory that are installed on a processor: the pure ones, and its own."""
    return sorted(
        path for path in directory.glob("*.whl") if path.stem.endswith(("-any", f"linux_{MACHINES[architecture]}"))
    )
