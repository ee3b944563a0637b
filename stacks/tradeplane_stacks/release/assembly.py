"""From a commit to the folder of its release, and to the record by which somebody signs it."""

from __future__ import annotations

import platform
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_api.release_build import ReleaseBuild

from tradeplane_stacks.chart.charts import charts
from tradeplane_stacks.chart.packing import write_charts
from tradeplane_stacks.deployment import DeployedImages
from tradeplane_stacks.images.contents import Preparation
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.made_from import compilers, file_material, uv_version
from tradeplane_stacks.images.settings import cache_directory
from tradeplane_stacks.images.source import export_sources, source_revision
from tradeplane_stacks.images.trees import exclusive
from tradeplane_stacks.kustomize import render
from tradeplane_stacks.local.binaries import HELM, KUBECTL, Binaries, module_version
from tradeplane_stacks.release.bills import ReleasedImages, released_images, write_wheel_sbom
from tradeplane_stacks.release.errors import ReleaseError
from tradeplane_stacks.release.folder import seal, staged
from tradeplane_stacks.release.identity import release_of, rooms_of, tags_of, versions_of
from tradeplane_stacks.release.manifests import write_manifests
from tradeplane_stacks.release.packages import write_sources, write_wheels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tradeplane_api.image_build import Material

    from tradeplane_stacks.release.identity import Release

_TEXTS = ("LICENSE", "NOTICE", "CHANGELOG.md")
_LOCKS = (
    "uv.lock",
    "workloads/native/Cargo.lock",
    "stacks/tradeplane_stacks/images/base.lock",
    "stacks/tradeplane_stacks/images/build-constraints.txt",
)
_MANIFESTS = "stacks/tradeplane_stacks/manifests"
_GO_SUMS = "stacks/tradeplane_stacks/local/go/*/go.sum"


@dataclass(frozen=True)
class ReleaseAssembly:
    """Builds the release of a checkout."""

    checkout: Path
    records: Path
    """Where pushing the images left its records."""
    architectures: tuple[str, ...]
    say: Callable[[str], None]

    def build(self, target: Path, *, snapshot: bool) -> ReleaseBuild:
        """Build the release into a directory, and write its record beside that.

        ``snapshot``: whether it is to be no release; the images may then be missing.

        Raises:
            ReleaseError: the checkout is not what a release is built from.
            ImageError: a step failed.
            BuildError: kubectl or Helm could not be built.
            ChartError, KustomizeError: no chart can be made of the platform.

        """
        source = source_revision(self.checkout)
        tags = frozenset[str]() if source is None else tags_of(self.checkout)
        release = release_of(source, tags, versions_of(self.checkout), snapshot=snapshot)
        images = self._images(release)
        with staged(target) as folder, tempfile.TemporaryDirectory(prefix="tradeplane-release-") as place:
            sources = Path(place) / "sources"
            export_sources(self.checkout, sources, release.source.tree)
            self._write(sources, release, images, folder)
            record = self._record(sources, release, images, folder)
        path = record_of(target)
        path.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return record

    def _images(self, release: Release) -> ReleasedImages:
        """Return the images that were pushed last; a snapshot goes without where they are not of its sources."""
        try:
            return released_images(self.records, release.source)
        except (ImageError, ReleaseError) as error:
            if release.tag is not None:
                raise
            self.say(f"there will be no install.yaml: {error}")
            return ReleasedImages({}, {})

    def _write(self, sources: Path, release: Release, images: ReleasedImages, folder: Path) -> None:
        cache, rooms = cache_directory(), rooms_of(sources)
        with exclusive(cache, self.say):
            self.say("building wheels")
            write_wheels(Preparation(cache, self.say, sources), rooms, self.architectures, folder)
        self.say("listing what is in the wheels")
        for architecture in self.architectures:
            write_wheel_sbom(folder, release.version, architecture, sources / "uv.lock")
        self.say("packing sources")
        write_sources(sources, rooms, folder)
        self._write_deployment(sources, release, images, folder)
        for name, data in images.sboms.items():
            (folder / name).write_bytes(data)
        for name in _TEXTS:
            shutil.copyfile(sources / name, folder / name)

    def _write_deployment(self, sources: Path, release: Release, images: ReleasedImages, folder: Path) -> None:
        programs = Binaries.of_user().build((KUBECTL, HELM), self.say)
        named = images.references
        deployed = DeployedImages(named["operator"], named["workloads"]) if named else None
        self.say("rendering manifests")
        write_manifests(sources, programs[KUBECTL], deployed, folder)
        self.say("making charts")
        rendering = partial(render, manifests=sources / _MANIFESTS, kubectl=programs[KUBECTL])
        write_charts(charts(release.version, deployed, rendering), programs[HELM], folder)

    def _record(self, sources: Path, release: Release, images: ReleasedImages, folder: Path) -> ReleaseBuild:
        return ReleaseBuild(
            version=release.version,
            tag=release.tag,
            platforms=tuple(f"linux/{architecture}" for architecture in self.architectures),
            images=dict(images.references),
            source=release.source,
            materials=tuple(_materials(sources)),
            tools=_tools(self.architectures),
            files=seal(folder),
        )


def record_of(target: Path) -> Path:
    """Return where the record of a release is that is built into a directory: beside it, since it is not published."""
    return target.with_name(f"{target.name}.build.json")


def _materials(sources: Path) -> Iterable[Material]:
    """Return the lock files, those of Go's modules among them: they say what the sources do not hold themselves."""
    go = sorted(str(path.relative_to(sources)) for path in sources.glob(_GO_SUMS))
    return (file_material(name, sources / name) for name in (*_LOCKS, *go))


def _tools(architectures: Iterable[str]) -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "uv": uv_version(),
        "kubectl": module_version("kubernetes", "k8s.io/kubernetes"),
        "helm": module_version("helm", "helm.sh/helm/v4"),
        "cyclonedx-bom": version("cyclonedx-bom"),
        **compilers(architectures),
    }
