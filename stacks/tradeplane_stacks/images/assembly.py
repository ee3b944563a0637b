"""From a checkout to images in a registry: prepare, build, push, record; each step skipped when it was done before."""

from __future__ import annotations

import re
import shutil
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_stacks.images.build_files import PREFIX, BuildFiles, read_source
from tradeplane_stacks.images.builders import BuildRequest, choose
from tradeplane_stacks.images.contents import Preparation
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.lock import format_lock
from tradeplane_stacks.images.record import CONTENTS, REFERENCES, write_record
from tradeplane_stacks.images.settings import ARCHITECTURES, CHECKOUT, IMAGES, cache_directory
from tradeplane_stacks.images.trees import exclusive, inputs_digest, link_tree, remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tradeplane_api.image_build import SourceRevision

    from tradeplane_stacks.images.builders import Builder
    from tradeplane_stacks.images.contents import Base, Contents
    from tradeplane_stacks.images.settings import Image

_REGISTRY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(/[a-z0-9._/-]+)?$")
RECORDS = CHECKOUT / "build"
"""Where records are written unless told otherwise."""


@dataclass(frozen=True)
class Built:
    """An image that lies in the builder's storage."""

    image: Image
    request: BuildRequest
    contents: dict[str, Contents]
    """Trees by processor."""
    base: Base
    source: SourceRevision | None
    """What it was built from; None where that is not known."""


@dataclass(frozen=True)
class Assembly:
    """Builds and pushes the images of one checkout."""

    preparation: Preparation
    builder: Builder
    architectures: tuple[str, ...]
    records: Path
    """Directory of the records."""
    files: BuildFiles
    say: Callable[[str], None]

    @classmethod
    def of_checkout(
        cls,
        say: Callable[[str], None],
        architectures: tuple[str, ...] = ARCHITECTURES,
        builder: str = "auto",
        records: Path = RECORDS,
    ) -> Assembly:
        """Return what builds the images of this checkout, with the builder asked for or the first that works.

        Raises:
            ImageError: no builder works.

        """
        cache = cache_directory()
        preparation = Preparation(cache, say)
        checkout = preparation.checkout
        return cls(
            preparation=preparation,
            builder=choose(builder, cache / "storage"),
            architectures=architectures,
            records=records,
            files=BuildFiles(checkout, cache, records, say, read_source(checkout, say)),
            say=say,
        )

    def publish(self, registry: str, *, plain_http: bool) -> dict[str, str]:
        """Build and push every image; return their references by digest.

        Raises:
            ImageError: a step failed.

        """
        with exclusive(self.preparation.cache, self.say):
            base = self.preparation.base()
            built = {name: self.build(image, base) for name, image in sorted(IMAGES.items())}
            return {name: self.push(one, registry, plain_http=plain_http) for name, one in built.items()}

    def build(self, image: Image, base: Base) -> Built:
        """Prepare and build an image, or find it built.

        Raises:
            ImageError: a step failed, or the image weighs more than it may.

        """
        contents = self.preparation.contents(image, self.architectures, base)
        for architecture, trees in contents.items():
            check_weight(image, architecture, trees.bytes)
        containerfile = self.preparation.checkout / image.containerfile
        arguments = {
            "BASE": base.reference,
            "BASE_PACKAGES": "sha256:" + inputs_digest([format_lock(base.packages)])
            if base.reference == "scratch"
            else "",
            "VERSION": version(self.preparation.checkout / image.containerfile.parent / "pyproject.toml"),
        }
        digest = inputs_digest(
            [
                self.builder.identity,
                containerfile.read_text(),
                *(f"{name}={value}" for name, value in sorted(arguments.items())),
                *(f"{name}={trees.digest}" for name, trees in contents.items()),
            ]
        )
        context = self.preparation.cache / "contexts" / digest
        request = BuildRequest(f"{PREFIX}/{image.name}:{digest[:40]}", context, self.architectures, arguments)
        built = Built(image, request, contents, base, self.files.unchanged_source())
        if not self.builder.has(request):
            self.say(f"{image.name}: building with {self.builder.identity}")
            with _context(built, containerfile):
                self.builder.build(request)
        return built

    def push(self, built: Built, registry: str, *, plain_http: bool) -> str:
        """Push a built image, record it, and return its reference by digest."""
        repository = f"{check_registry(registry)}/{PREFIX}/{built.image.name}"
        self.say(f"{built.image.name}: pushing to {repository}")
        with _context(built, self.preparation.checkout / built.image.containerfile):
            digest = self.builder.push(built.request, repository, plain_http=plain_http)
        reference = f"{repository}@{digest}"
        write_record(self.records, REFERENCES, reference, built.image.name)
        write_record(self.records, CONTENTS, self._description(built, digest), built.image.name)
        self.files.write_record(built, digest, self.builder.identity)
        return reference

    def export(self, built: Built, directory: Path) -> str:
        """Write a built image as an OCI image layout below a directory, record it, and return its digest."""
        target = directory / built.image.name
        if target.exists():
            raise ImageError(f"{target} is there already: name an empty directory.")
        target.parent.mkdir(parents=True, exist_ok=True)
        with _context(built, self.preparation.checkout / built.image.containerfile):
            digest = self.builder.export(built.request, target)
        self.files.write_record(built, digest, self.builder.identity)
        return digest

    def _description(self, built: Built, digest: str) -> dict[str, object]:
        packages = built.base.packages if built.base.reference == "scratch" else ()
        return {
            "digest": digest,
            "builder": self.builder.identity,
            "base": built.base.reference,
            "uncompressedBytes": {name: trees.bytes for name, trees in built.contents.items()},
            "basePackages": {
                name: {package.name: package.version for package in packages if package.architecture == name}
                for name in self.architectures
            },
            "notAsLocked": list(built.base.drift),
        }


@contextmanager
def _context(built: Built, containerfile: Path) -> Iterator[None]:
    """Make the directory a builder is given, of links into the cache, and remove it afterwards."""
    context = built.request.context
    remove_tree(context)
    for architecture, trees in built.contents.items():
        for name, tree in (("base", trees.base), ("site", trees.site), ("own", trees.own)):
            target = context / architecture / name
            if tree is None:
                target.mkdir(parents=True)
            else:
                link_tree(tree, target)
    shutil.copy(containerfile, context / "Containerfile")
    try:
        yield
    finally:
        remove_tree(context)


def check_registry(registry: str) -> str:
    """Return a registry's name as it stands in references.

    Raises:
        ImageError: it is not HOST, HOST:PORT or either with a path.

    """
    if not _REGISTRY.match(registry):
        raise ImageError(f"{registry!r} does not name a registry: give HOST or HOST:PORT, without https://.")
    return registry.rstrip("/")


def check_weight(image: Image, architecture: str, weight: int) -> None:
    """Refuse an image that weighs more than it may.

    Raises:
        ImageError: it does.

    """
    if weight > image.max_bytes:
        raise ImageError(
            f"The {image.name} image for {architecture} weighs {weight:,} bytes uncompressed, more than the "
            f"{image.max_bytes:,} it may: see what grew with `du` in the cache, and prune or drop it."
        )


def version(project: Path) -> str:
    """Return the version that a pyproject.toml gives."""
    return str(tomllib.loads(project.read_text())["project"]["version"])
