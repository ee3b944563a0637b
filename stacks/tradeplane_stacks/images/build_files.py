"""The files that a build leaves for who attests its images: a bill of materials a processor, and a record.

``tradeplane attest-image`` reads them, which is another room's: what builds images has no key and signs nothing.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_api.image_build import BuiltPlatform, ImageBuild, SbomFile

from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.made_from import materials, tools
from tradeplane_stacks.images.source import source_revision
from tradeplane_stacks.images.trees import inputs_digest, made_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_api.image_build import SourceRevision

    from tradeplane_stacks.images.assembly import Built

PREFIX = "tradeplane"
"""What names of images begin with."""
_FILE = "sbom.cdx.json"
_LIBRARIES = ("cyclonedx-bom", "cyclonedx-python-lib", "debian-inspector", "packageurl-python", "packaging")


@dataclass(frozen=True)
class BuildFiles:
    """Writes the files of one checkout's builds. ``source``: what the checkout held before anything was built."""

    checkout: Path
    cache: Path
    records: Path
    """Directory of the files."""
    say: Callable[[str], None]
    source: SourceRevision | None

    def write_sboms(self, built: Built) -> tuple[BuiltPlatform, ...]:
        """Write the bill of materials of an image for each processor; return what a record says of them.

        Raises:
            ImageError: something in the image cannot be described.

        """
        architectures = built.request.architectures
        with ThreadPoolExecutor(max_workers=len(architectures)) as pool:
            bills = tuple(pool.map(partial(self._sbom, built), architectures))
        self.records.mkdir(parents=True, exist_ok=True)
        platforms = []
        for architecture, data in zip(architectures, bills, strict=True):
            name = f"{built.image.name}.linux-{architecture}.cdx.json"
            _replace(self.records / name, data)
            digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
            platforms.append(
                BuiltPlatform(platform=f"linux/{architecture}", sbom=SbomFile(file=name, digest=digest, size=len(data)))
            )
        return tuple(platforms)

    def write_record(self, built: Built, digest: str, builder: str) -> Path:
        """Write the bills of an image and the record of its build; return where the record is.

        Args:
            built: the image.
            digest: of its index, which whoever packed it says.
            builder: name and version of the program that packed it.

        Raises:
            ImageError: something in the image cannot be described.

        """
        architectures = built.request.architectures
        record = ImageBuild(
            image=f"{PREFIX}/{built.image.name}",
            digest=digest,
            platforms=self.write_sboms(built),
            base=built.base.reference,
            source=built.source,
            materials=materials(self.checkout, built.image, built.base, architectures),
            tools=tools(built.image, builder, architectures),
            not_as_locked=built.base.drift if built.base.reference == "scratch" else (),
        )
        path = self.records / f"{built.image.name}.build.json"
        _replace(path, (record.model_dump_json(indent=2) + "\n").encode())
        return path

    def unchanged_source(self) -> SourceRevision | None:
        """Return the sources, unless somebody wrote to them meanwhile: which of them was built is not known then."""
        if read_source(self.checkout, self.say) == self.source:
            return self.source
        self.say(
            "the sources were changed while images were built: the record names none, and no image can be attested by "
            "it; build again"
        )
        return None

    def _sbom(self, built: Built, architecture: str) -> bytes:
        """Return the bill of an image for one processor, or find it in the cache."""
        contents = built.contents[architecture]
        packages = tuple(one for one in built.base.packages if one.architecture == architecture)
        lock = self.checkout / "uv.lock"
        number = built.request.arguments["VERSION"]
        code = Path(__file__).parent / "sboms"
        words = [
            *(f"{name} {version(name)}" for name in _LIBRARIES),
            inputs_digest([], code.glob("*.py"), code),
            *(built.image.name, number, architecture, built.base.reference, contents.digest),
            *(one.sha256 for one in packages),
        ]

        def make(tree: Path) -> None:
            from tradeplane_stacks.images.sboms.writing import ImageName, image_sbom  # slow to load, and seldom needed

            self.say(f"{built.image.name} for {architecture}: listing what is in it")
            name = ImageName(f"{PREFIX}/{built.image.name}", number, f"linux/{architecture}", built.base.reference)
            tree.mkdir()
            (tree / _FILE).write_bytes(image_sbom(name, contents, packages, lock))

        digest = inputs_digest(words, [lock], self.checkout)
        return (made_once(self.cache / "sboms" / digest, make) / _FILE).read_bytes()


def read_source(checkout: Path, say: Callable[[str], None]) -> SourceRevision | None:
    """Return what a checkout holds; None where git cannot say, which is told: an image is built all the same."""
    try:
        return source_revision(checkout)
    except ImageError as error:
        say(f"the record of the build will name no sources: {error}")
        return None


def _replace(path: Path, data: bytes) -> None:
    partial_file = path.with_name(f"{path.name}.partial")
    partial_file.write_bytes(data)
    partial_file.replace(path)
