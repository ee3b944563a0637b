"""Verifying Approvals by the approvers' keyring; what was found of a bundle is kept for as long as both stay.

The keyring is read each time that something is about to be started: it is short, and who was taken out of it approves
nothing from then on.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradeplane_api.base import API_VERSION
from tradeplane_evidence.errors import EvidenceError, InvalidKey, KeyRefused, SignatureRefused, TimestampRefused
from tradeplane_evidence.signing.keyring import Keyring, keyring_file_bytes, read_keyring
from tradeplane_evidence.verification.approvals import NotOfThisObject, SignedApproval, read_approval

from tradeplane_operator.planning.approving import ApprovalFacts, FoundApprovals
from tradeplane_operator.planning.conditions import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tradeplane_operator.settings import ApprovalPolicy

REMEMBERED = 4_096
"""Bundles of which is remembered what was found."""
_MESSAGE = 1_024
_KEYRING = "the approvers' keyring"
_NOT_TRUSTED = (SignatureRefused, KeyRefused, TimestampRefused)

_Found = SignedApproval | EvidenceError


@dataclass(slots=True)
class ApprovalChecks:
    """Finds out of Approvals whether a key of the keyring signed what they say."""

    policy: ApprovalPolicy
    _keyring: tuple[str, Keyring] | None = None
    _found: OrderedDict[tuple[str, str], _Found] = field(default_factory=OrderedDict)

    async def look(self, approvals: Iterable[Mapping[str, Any]]) -> FoundApprovals:
        """Return what is found of Approvals, or why nothing can be."""
        try:
            identity, keyring = await self._read()
        except InvalidKey as error:
            return FoundApprovals(trouble=shorten(str(error), _MESSAGE))
        return FoundApprovals(tuple(self._facts(one, identity, keyring) for one in approvals))

    async def _read(self) -> tuple[str, Keyring]:
        data = await asyncio.to_thread(keyring_file_bytes, Path(self.policy.keyring), _KEYRING)
        identity = hashlib.sha256(data).hexdigest()
        if self._keyring is None or self._keyring[0] != identity:
            self._keyring = identity, read_keyring(data, f"{_KEYRING} {self.policy.keyring}")
        return self._keyring

    def _facts(self, resource: Mapping[str, Any], identity: str, keyring: Keyring) -> ApprovalFacts:
        metadata, spec = resource["metadata"], resource.get("spec") or {}
        name = metadata["name"]
        try:
            signed = self._signed(str(spec.get("bundle", "")), identity, keyring)
            claimed = str((spec.get("strategyRef") or {}).get("name")), str(spec.get("configuration"))
            signed.check_claimed(metadata["namespace"], *claimed, str(spec.get("user")))
            _check_kind(signed)
        except EvidenceError as error:
            reason = "NotTrusted" if isinstance(error, _NOT_TRUSTED) else type(error).__name__
            return ApprovalFacts(name, refused=shorten(str(error), _MESSAGE), reason=reason)
        return ApprovalFacts(
            name=name,
            user=signed.user,
            configuration=signed.configuration,
            uid=signed.approval.object.uid,
            attestation=signed.attestation,
            key=signed.key,
            signed=signed.signed,
            not_after=signed.not_after,
        )

    def _signed(self, bundle: str, identity: str, keyring: Keyring) -> SignedApproval:
        """Return the approval of a bundle. Raises what it is refused with."""
        asked = identity, hashlib.sha256(bundle.encode()).hexdigest()
        if asked not in self._found:
            self._found[asked] = _read_or_refused(bundle, keyring)
            while len(self._found) > REMEMBERED:
                self._found.popitem(last=False)
        found = self._found[asked]
        self._found.move_to_end(asked)
        if isinstance(found, EvidenceError):
            raise found.with_traceback(None)
        return found


def _read_or_refused(bundle: str, keyring: Keyring) -> _Found:
    try:
        return read_approval(bundle.encode(), keyring)
    except EvidenceError as error:
        return error


def _check_kind(signed: SignedApproval) -> None:
    approved = signed.approval.object
    if (approved.api_version, approved.kind) != (API_VERSION, "Strategy"):
        raise NotOfThisObject(f"what was signed approves a {approved.kind} ({approved.api_version}), and no Strategy")
