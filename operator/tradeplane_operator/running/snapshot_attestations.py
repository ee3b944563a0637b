"""Looking for attestations of the snapshots that runs were made from, before the runs are attested.

They are sought in the namespace's own repository: by whom this operator signs, and by the keys of the keyring that the
settings name. What was found of a snapshot is remembered for a while, as many runs share one; nothing depends on that,
since a run that was attested keeps what was found then.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import EvidenceError, InvalidKey
from tradeplane_evidence.registry.references import parse_reference
from tradeplane_evidence.signing.keyring import read_keyring_file
from tradeplane_evidence.snapshot_lookup import ReliedOn, find_attestation

from tradeplane_operator.running.leadership import boot_clock
from tradeplane_operator.running.remembered import Remembered
from tradeplane_operator.settings import BuilderMode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.signing.keyring import Keyring
    from tradeplane_evidence.signing.signer import BundleSigner, Signer
    from tradeplane_evidence.statements.run import SnapshotAttestation

    from tradeplane_operator.settings import Evidence

SNAPSHOTS = "snapshots"
"""Repository of a namespace's snapshots, beside those of its Strategies; one of this name has its runs there too."""
REMEMBERED = 1_024
"""Snapshots of which is remembered what was found."""


class SnapshotKeysUnreadable(EvidenceError):
    """The keyring of those who attest snapshots cannot be read; no run on data is attested before it can."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of a snapshot, and when; None where nobody who is relied on attests it."""

    attestation: SnapshotAttestation | None
    at: datetime


@dataclass(slots=True)
class SnapshotAttestations:
    """Finds the attestations of snapshots that are relied on."""

    evidence: Evidence
    clock: Callable[[], datetime]
    steady: Callable[[], float] = boot_clock
    """By which it is measured how long what was found stands."""
    _found: Remembered[tuple[str, str], Found] = field(init=False)

    def __post_init__(self) -> None:
        self._found = Remembered(self.clock, self.steady)

    def place(self, namespace: str) -> Reference:
        """Return where attestations of a namespace's snapshots lie."""
        return parse_reference(f"{self.evidence.registry}/{namespace}/{SNAPSHOTS}")

    async def of(
        self, registry: Registry, namespace: str, artifacts: Mapping[str, str], signer: Signer | BundleSigner
    ) -> tuple[SnapshotAttestation, ...]:
        """Return the attestations of snapshots, which are given by id with the digest of the artifact of each.

        Raises SnapshotKeysUnreadable, and what the registry raises where it cannot be asked.
        """
        found = [await self._of(registry, namespace, *one, signer) for one in artifacts.items()]
        return tuple(one for one in found if one is not None)

    async def _of(
        self, registry: Registry, namespace: str, snapshot: str, artifact: str, signer: Signer | BundleSigner
    ) -> SnapshotAttestation | None:
        known = self._found.get((namespace, snapshot))
        if known is not None and (self.clock() - known.at).total_seconds() < self._stands(known):
            return known.attestation
        by = ReliedOn(signer, self.evidence.builder_of(BuilderMode.CAPTURE), await self._keyring())
        now = self.clock()
        attestation = await find_attestation(registry, self.place(namespace), snapshot, artifact, by, now)
        self._found.put((namespace, snapshot), Found(attestation, now))
        self._found.keep_newest(REMEMBERED)
        return attestation

    def forget(self, namespace: str, snapshot: str) -> None:
        """Forget what was found of a snapshot that was attested since."""
        self._found.forget((namespace, snapshot))

    def _stands(self, found: Found) -> int:
        """Return how many seconds what was found stands: one that is missing may be pushed at any time."""
        return self.evidence.again_seconds if found.attestation is None else self.evidence.most_seconds

    async def _keyring(self) -> Keyring | None:
        """Read the keyring, each time: it is short, and a key that was revoked is out at once."""
        if self.evidence.snapshot_keys is None:
            return None
        try:
            path = Path(self.evidence.snapshot_keys)
            return await asyncio.to_thread(read_keyring_file, path, "the keyring of those who attest snapshots")
        except InvalidKey as error:
            raise SnapshotKeysUnreadable(f"{error}; runs on data wait for it") from error
