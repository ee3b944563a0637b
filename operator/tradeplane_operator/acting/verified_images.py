"""The list of images that were verified: a ConfigMap that an admission policy admits pods by (``policies/``).

The API server asks no registry when a pod is made, so it is told before, and by nobody else: of all ConfigMaps the
operator may read and write this one. A digest may lie in several repositories and be attested in one; it is listed by
the image that was verified, and nothing that is said of another takes it out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_operator.planning.times import rfc3339

if TYPE_CHECKING:
    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.planning.image_trust import ImageFacts

NAME = "tradeplane-verified-images"


@dataclass(slots=True)
class VerifiedImages:
    """Digests in the ConfigMap of the operator's namespace, each with the image that was verified, and when."""

    client: ApiClient
    namespace: str
    _listed: dict[str, str] = field(default_factory=dict)

    async def images(self) -> tuple[str, ...]:
        """Return the images that are listed, as an earlier leader may have left them. Raises ApiError."""
        found = await self.client.get(self._path)
        self._listed = {key: words.partition(" ")[0] for key, words in (found.get("data") or {}).items()}
        return tuple(image for key, image in self._listed.items() if key_of(image) == key)

    async def add(self, image: str, found: ImageFacts) -> None:
        """List an image. Raises ApiError."""
        await self._write(image, f"{image} by attestation {found.attestation}, verified {rfc3339(found.at)}")
        self._listed[key_of(image)] = image

    async def remove(self, image: str) -> None:
        """Take an image out of the list, where it is the one by which its digest is in it. Raises ApiError."""
        if self._listed.get(key_of(image)) == image:
            await self._write(image, None)
            del self._listed[key_of(image)]

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/configmaps/{NAME}"

    async def _write(self, image: str, words: str | None) -> None:
        await self.client.merge_patch(self._path, {"data": {key_of(image): words}})


def key_of(image: str) -> str:
    """Return the key of an image, its digest with the one sign replaced that a key must not have."""
    return image.rpartition("@")[2].replace(":", "-")
