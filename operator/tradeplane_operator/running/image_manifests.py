"""What the image of a run is on each processor, where nothing had to attest it before it ran (``images.attested``).

It is read from the image's index as the run is attested: that is known by its digest, so that it says the same whenever
it is read. It is what a statement names besides, and not what a run waits for: a registry is asked once, and not for
long. No tenant makes the operator ask a host of theirs: none is asked but those of ``images.registries``.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_api.strategy import ImageManifest
from tradeplane_evidence.errors import EvidenceError
from tradeplane_evidence.registry.client import Limits, Registry
from tradeplane_evidence.registry.credentials import credentials_for
from tradeplane_evidence.registry.references import parse_reference
from tradeplane_evidence.statements.run import PLATFORMS
from tradeplane_evidence.verification.platforms import platform_manifests

from tradeplane_operator.running.leadership import boot_clock
from tradeplane_operator.running.remembered import Remembered

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tradeplane_operator.settings import Evidence

log = logging.getLogger(__name__)
REMEMBERED = 1_024
"""Images of which is remembered what was found."""
_LIMITS = Limits(answer_s=10.0, request_s=10.0, tries=1)


@dataclass(frozen=True, slots=True)
class _Listed:
    """What the index of an image lists, and when it was read; None where it could not be."""

    manifests: tuple[ImageManifest, ...] | None
    at: datetime


@dataclass(slots=True)
class ImageManifests:
    """Finds what images are on each processor. ``prefixes``: what images must begin with to be looked up."""

    evidence: Evidence
    prefixes: tuple[str, ...]
    clock: Callable[[], datetime]
    steady: Callable[[], float] = boot_clock
    """By which it is measured how long a registry that could not be asked is left alone."""
    limits: Limits = _LIMITS
    _found: Remembered[str, _Listed] = field(init=False)

    def __post_init__(self) -> None:
        self._found = Remembered(self.clock, self.steady)

    async def of(self, image: str | None) -> tuple[ImageManifest, ...]:
        """Return what an image is on each processor; nothing where that is not known, for whatever reason."""
        if image is None or not self._may_be_asked(image):
            return ()
        known = self._found.get(image)
        if known is None or (known.manifests is None and self._long_ago(known)):
            known = _Listed(await self._read(image), self.clock())
            self._found.put(image, known)
            self._found.keep_newest(REMEMBERED)
        return known.manifests or ()

    def _may_be_asked(self, image: str) -> bool:
        """Return whether an image is known by its digest, and lies where the administrator says that images may."""
        named = bool(self.prefixes) and all("/" in prefix for prefix in self.prefixes)
        return named and image.startswith(self.prefixes) and "@sha256:" in image

    def _long_ago(self, known: _Listed) -> bool:
        return (self.clock() - known.at).total_seconds() >= self.evidence.most_seconds

    async def _read(self, image: str) -> tuple[ImageManifest, ...] | None:
        try:
            reference = parse_reference(image)
            async with Registry(reference.host, self._is_plain(reference.host), credentials_for, self.limits) as opened:
                listed = await platform_manifests(opened, reference.at(reference.digest or ""))
        except EvidenceError as error:
            log.warning("the index of an image was not read: %s", error, extra={"image": image})
            return None
        return tuple(ImageManifest(platform=one, digest=listed[one]) for one in PLATFORMS.values() if one in listed)

    def _is_plain(self, host: str) -> bool:
        """Return whether a registry has no TLS: that of evidence may have none, and no other is asked without."""
        return self.evidence.plain_http and host == parse_reference(f"{self.evidence.registry}/runs").host
