"""The record of a build of a release: what it was made from and which files came of it; read by who signs releases.

It is written beside the release by who builds it, and says nothing that could not be found again: no time, no machine.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tradeplane_api.base import Digest, Document, Integer
from tradeplane_api.forms import refuse
from tradeplane_api.image_build import MAX_MATERIALS, MAX_PLATFORMS, Material, Platform, SourceRevision

FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$"
"""Names of files of a release: of no folder but the release's own, and nothing that a shell or a terminal acts on."""
VERSION = r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)((a|b|rc)[0-9]+)?$"
"""Versions there are of a release: three numbers, and a pre-release as Python packages spell it (PEP 440)."""
MAX_FILES = 1_000
"""Files of a release. One statement is about all of them, and clients read 1,024 subjects of one."""
CHECKSUMS = "SHA256SUMS"
"""The file that lists all the others by digest, as ``sha256sum --check`` reads it."""
ImageReference = Annotated[str, Field(pattern=r"^[^\s@]{1,400}/[^\s@]{1,400}@sha256:[0-9a-f]{64}$")]


class ReleaseFile(Document):
    """A file of a release."""

    name: str = Field(pattern=FILE_NAME)
    digest: Digest
    size: Integer = Field(ge=0, description="Bytes.")


class ReleaseBuild(Document):
    """One build of a release, for all its platforms."""

    schema_version: Literal[1] = 1
    kind: Literal["ReleaseBuild"] = "ReleaseBuild"
    version: str = Field(pattern=VERSION, max_length=64)
    tag: str | None = Field(max_length=65, description="Tag of the commit, v and the version; None of a snapshot.")
    platforms: tuple[Platform, ...] = Field(min_length=1, max_length=MAX_PLATFORMS)
    images: dict[str, ImageReference] = Field(
        max_length=16, description="References by digest of the images that the release installs, by their names."
    )
    source: SourceRevision
    materials: tuple[Material, ...] = Field(max_length=MAX_MATERIALS)
    tools: dict[str, str] = Field(max_length=64, description="Versions of the programs that built it, by name.")
    files: tuple[ReleaseFile, ...] = Field(min_length=1, max_length=MAX_FILES)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        names = [one.name for one in self.files]
        if len(set(names)) != len(names):
            raise refuse("each file must stand there once")
        if CHECKSUMS not in names:
            raise refuse(f"one of its files must be {CHECKSUMS}")
        if self.tag is not None and self.tag != f"v{self.version}":
            raise refuse(f"the tag of version {self.version} must be v{self.version}")
        if self.tag is not None and self.source.modified:
            raise refuse("what nobody committed has no tag: tag must be null")
        return self
