"""Whether an image may be run where the settings ask that a trusted key attests it (``images.attested``).

It is asked when something is about to be started, and what was found is recorded with the run. What runs, and what has
ended, stays as it is: a key that is revoked later stops what comes next.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from tradeplane_api.strategy import Architecture

from tradeplane_operator.planning.conditions import Standing, Verdict
from tradeplane_operator.planning.permission import Permission
from tradeplane_operator.planning.times import doubled_pause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.strategy import ImageManifest

    from tradeplane_operator.settings import ImageTrust


class ImageEnd(StrEnum):
    """What is known of an image."""

    LOOKING = "Looking"
    """Nothing yet; whoever asked is woken once there is."""
    ATTESTED = "Attested"
    UNAVAILABLE = "Unavailable"
    """The registry or the keyring could not be read: it may be later."""
    REFUSED = "Refused"


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """The newest look at an image. ``tries``: looks in a row that found nothing out.

    ``attestation``: digest of the manifest that holds the attestation that is believed. ``manifests``: what the image
    is on each processor.
    """

    end: ImageEnd
    at: datetime
    tries: int = 0
    reason: str = ""
    message: str = ""
    attestation: str | None = None
    manifests: tuple[ImageManifest, ...] = ()

    def stands_until(self, trust: ImageTrust) -> datetime:
        """Return until when it is relied on; whoever asks later has it looked at again."""
        if self.end is ImageEnd.ATTESTED:
            return self.at + timedelta(seconds=trust.valid_seconds)
        if self.end is ImageEnd.UNAVAILABLE:
            return self.at + doubled_pause(trust.again_seconds, self.tries, trust.most_seconds)
        return self.at + timedelta(seconds=trust.most_seconds)


@dataclass(frozen=True, slots=True)
class Trusted(Permission):
    """Whether an image may be run, and by which attestation; None where none is asked for.

    ``manifests``: what it is on each processor, as far as that is known.
    """

    attestation: str | None = None
    manifests: tuple[ImageManifest, ...] = ()


def manifests_for(architecture: Architecture, manifests: tuple[ImageManifest, ...]) -> tuple[ImageManifest, ...] | None:
    """Return what an image is on the processors that something may run on; None where that is not known."""
    if architecture is not Architecture.ANY:
        manifests = tuple(one for one in manifests if one.platform == f"linux/{architecture.value}")
    return manifests or None


def trusted(image: str, found: Mapping[str, ImageFacts], trust: ImageTrust | None) -> Trusted:
    """Return whether an image may be run."""
    if trust is None:
        return Trusted()
    facts = found.get(image)
    if facts is None:
        return Trusted(unknown=True)
    if facts.end is ImageEnd.ATTESTED:
        return Trusted(attestation=facts.attestation, manifests=facts.manifests)
    if facts.end is ImageEnd.LOOKING:
        message = f"image {image} is being verified; it is started once a trusted key attests it"
        return Trusted(Verdict(Standing.WORKING, "VerifyingImage", message))
    look = facts.stands_until(trust)
    if facts.end is ImageEnd.UNAVAILABLE:
        message = f"image {image} could not be verified: {facts.message}; tried again"
        return Trusted(Verdict(Standing.WORKING, facts.reason, message), look=look)
    message = (
        f"image {image} is not attested as the administrator asks: {facts.message}; have it attested by a trusted key "
        "(tradeplane attest-image), or name one that is in spec.image"
    )
    return Trusted(Verdict(Standing.STALLED, "ImageNotAttested", message), look=look)
