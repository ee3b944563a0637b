"""Images by tag and digest: the digest says which bytes, the tag tells people which version."""

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import StringConstraints

# Reference grammar of OCI Distribution Specification 1.1 with both parts; only SHA-256.
ImageReference = Annotated[
    str,
    StringConstraints(
        max_length=512,
        pattern=r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}@sha256:[0-9a-f]{64}$",
    ),
]

# The same without a tag, for what takes images apart at the digest.
ImageByDigest = Annotated[
    str,
    StringConstraints(
        max_length=512, pattern=r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+@sha256:[0-9a-f]{64}$"
    ),
]


@dataclass(frozen=True)
class Image:
    """The parts of a reference, for charts that take them apart."""

    repository: str
    tag: str
    digest: str

    @classmethod
    def parse(cls, reference: str) -> Self:
        """Take apart a reference that was checked already."""
        named, _, digest = reference.partition("@")
        repository, _, tag = named.rpartition(":")
        return cls(repository, tag, digest)

    @property
    def pinned_tag(self) -> str:
        """The tag with the digest, for charts that write ``repository:tag`` and know no digest."""
        return f"{self.tag}@{self.digest}"
