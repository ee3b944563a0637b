"""Reading OCI image layouts: what an exported image is, looked at without the code that built it."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Variant:
    """The image of one processor in a layout."""

    layout: Path
    manifest: dict[str, Any]

    @property
    def configuration(self) -> dict[str, Any]:
        return read(self.layout, self.manifest["config"]["digest"])

    @cached_property
    def members(self) -> dict[str, tarfile.TarInfo]:
        """Entries of all layers by path; a later layer's replace an earlier one's."""
        found = {}
        for layer in self.manifest["layers"]:
            with tarfile.open(blob(self.layout, layer["digest"])) as archive:
                found.update({member.name.strip("./"): member for member in archive})
        return found

    def unpack(self, root: Path) -> Path:
        """Unpack all layers into a directory."""
        for layer in self.manifest["layers"]:
            with tarfile.open(blob(self.layout, layer["digest"])) as archive:
                archive.extraction_filter = _as_it_is
                archive.extractall(root)  # noqa: S202 -- an image this test built
        return root


def _as_it_is(member: tarfile.TarInfo, _: str) -> tarfile.TarInfo:
    return member


def blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / digest.replace(":", "/")


def read(layout: Path, digest: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(blob(layout, digest).read_text())
    return content


def index_digest(layout: Path) -> str:
    """Digest of the one index a layout holds."""
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    assert entry["mediaType"] == "application/vnd.oci.image.index.v1+json"
    return str(entry["digest"])


def variants(layout: Path) -> dict[str, Variant]:
    """Images of a layout by platform, in the order of its index."""
    index = read(layout, index_digest(layout))
    return {
        f"{entry['platform']['os']}/{entry['platform']['architecture']}": Variant(layout, read(layout, entry["digest"]))
        for entry in index["manifests"]
    }
