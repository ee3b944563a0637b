"""Looking at images' attestations beside the loop: a registry that is slow holds up no pass.

Tenants name images, and the registries they may lie in are the administrator's to name (``images.registries``), so no
tenant makes the operator ask a host of theirs. How many images are remembered has a limit, as tenants may name many.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import EvidenceError, InvalidKey, RegistryUnavailable
from tradeplane_evidence.registry.client import Limits, Registry
from tradeplane_evidence.registry.credentials import credentials_for
from tradeplane_evidence.registry.opened import Registries
from tradeplane_evidence.registry.references import Reference, parse_reference
from tradeplane_evidence.signing.keyring import Keyring, read_keyring_file
from tradeplane_evidence.verification.attestations import Trust
from tradeplane_evidence.verification.images import image_policy, verify_image
from tradeplane_evidence.verification.platforms import attested_manifests

from tradeplane_operator.acting.errors import ApiError, NotLeading
from tradeplane_operator.failures import alone
from tradeplane_operator.metrics import IMAGE_CHECKS
from tradeplane_operator.planning.conditions import shorten
from tradeplane_operator.planning.image_trust import ImageEnd, ImageFacts
from tradeplane_operator.running.leadership import boot_clock
from tradeplane_operator.running.remembered import Remembered

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tradeplane_api.strategy import ImageManifest

    from tradeplane_operator.acting.verified_images import VerifiedImages
    from tradeplane_operator.observing.keys import Key
    from tradeplane_operator.settings import ImageTrust

log = logging.getLogger(__name__)
AT_ONCE = 4
"""Images that are looked at at the same time."""
REMEMBERED = 1_024
"""Images of which is remembered what was found."""
_MESSAGE = 1_024


@dataclass(slots=True)
class ImageChecks:
    """Finds out of images whether a trusted key attests them; whoever asked is woken by ``wake``."""

    trust: ImageTrust
    clock: Callable[[], datetime]
    wake: Callable[[Key], None]
    listing: VerifiedImages | None = None
    """Where what was verified is listed; absent where no admission policy asks for it."""
    limits: Limits = field(default_factory=Limits)
    """On requests to the registries."""
    steady: Callable[[], float] = boot_clock
    """By which it is measured how long what was found stands."""
    _found: Remembered[str, ImageFacts] = field(init=False)
    _waiting: dict[str, set[Key]] = field(default_factory=dict)
    _queue: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self._found = Remembered(self.clock, self.steady)

    def look_ahead(self, image: str) -> None:
        """Have an image found out for nobody yet: the one by which the operator's own pods are made."""
        if image not in self._waiting:
            self._waiting[image] = set()
            self._queue.put_nowait(image)

    def look(self, image: str, key: Key) -> ImageFacts:
        """Return what is known of an image, and have it found out for an object where that is nothing, or too old."""
        facts = self._found.get(image)
        if facts is None or self.clock() >= facts.stands_until(self.trust):
            self.look_ahead(image)
            self._waiting[image].add(key)
            if facts is None or facts.end is ImageEnd.ATTESTED:
                return ImageFacts(ImageEnd.LOOKING, self.clock())
        return facts

    async def run(self) -> None:
        """Work until cancelled. Raises NotLeading."""
        await self._look_at_what_is_listed()
        with alone(NotLeading):
            async with Registries(self._registry) as registries, asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(self._work(registries))

    async def _look_at_what_is_listed(self) -> None:
        """Have what an earlier leader listed looked at: a key may have been revoked since."""
        if self.listing is None:
            return
        try:
            for image in await self.listing.images():
                self.look_ahead(image)
        except ApiError as error:
            log.warning("the list of verified images was not read: %s", error)

    def _registry(self, reference: Reference) -> Registry:
        return Registry(reference.host, self.trust.plain_http, credentials_for, self.limits)

    async def _work(self, registries: Registries) -> None:
        while True:
            image = await self._queue.get()
            before = self._found.get(image)
            found = await self._attempt(image, registries, 1 if before is None else before.tries + 1)
            found = await self._listed(image, found)
            IMAGE_CHECKS.labels(found.end.value).inc()
            self._found.put(image, found)
            self._found.keep_newest(REMEMBERED)
            for key in self._waiting.pop(image):
                self.wake(key)

    async def _attempt(self, image: str, registries: Registries, tries: int) -> ImageFacts:
        told = {"image": image}
        try:
            attestation, manifests = await self._attestation(image, registries)
        except RegistryUnavailable as error:
            end, reason, message = ImageEnd.UNAVAILABLE, "RegistryUnavailable", str(error)
        except InvalidKey as error:
            end, reason, message = ImageEnd.UNAVAILABLE, "KeyringUnreadable", str(error)
        except EvidenceError as error:
            end, reason, message = ImageEnd.REFUSED, type(error).__name__, str(error)
        except Exception as error:  # one image that cannot be looked at must not end the look at all others
            log.exception("verifying an image failed", extra=told)
            end, reason, message = ImageEnd.REFUSED, "VerificationFailed", f"{type(error).__name__}: {error}"
        else:
            log.info("image is attested", extra=told | {"attestation": attestation})
            return ImageFacts(ImageEnd.ATTESTED, self.clock(), attestation=attestation, manifests=manifests)
        log.warning("image is not verified: %s", message, extra=told | {"reason": reason})
        return ImageFacts(end, self.clock(), tries, reason, shorten(message, _MESSAGE))

    async def _listed(self, image: str, found: ImageFacts) -> ImageFacts:
        """List an image that was verified, before anything is started by it, and take out one that is refused."""
        if self.listing is None or found.end is ImageEnd.UNAVAILABLE:
            return found
        try:
            if found.end is ImageEnd.ATTESTED:
                await self.listing.add(image, found)
            else:
                await self.listing.remove(image)
        except ApiError as error:
            log.warning("the list of verified images was not changed: %s", error, extra={"image": image})
            before = self._found.get(image)
            tries = 1 if before is None else before.tries + 1
            message = shorten(f"the list of verified images was not changed: {error}", _MESSAGE)
            return ImageFacts(ImageEnd.UNAVAILABLE, self.clock(), tries, "ImageNotListed", message)
        return found

    async def _attestation(self, image: str, registries: Registries) -> tuple[str, tuple[ImageManifest, ...]]:
        """Return the digest of the attestation that lets an image be run, and what the image is on each processor.

        The keyring is read each time: it is short, and a key that was revoked is out at once.
        """
        keyring: Keyring = await asyncio.to_thread(read_keyring_file, Path(self.trust.keyring))
        reference = parse_reference(image)
        builders = frozenset(self.trust.builders) or None
        trust = Trust(keyring, image_policy(builders), self.clock())
        registry, index = await registries.of(reference), reference.at(reference.digest or "")
        found = await verify_image(registry, index, trust)
        return found.attestation, await attested_manifests(registry, index, trust)
