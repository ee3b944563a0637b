"""How statements come to be signed: each by itself, or within a quota, where those that wait are signed as one.

A key in KMS or in a hardware module signs so many times a second for everybody who uses it. What comes faster waits for
the next turn, and all that waits by then is one statement: at a slow pace each has its own, and none waits long at any.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from tradeplane_evidence.errors import EvidenceError
from tradeplane_evidence.signing.signer import sign_and_stamp
from tradeplane_evidence.statements.batch import batch_statement
from tradeplane_evidence.statements.statement import MAX_SUBJECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tradeplane_evidence.publishing import Claims
    from tradeplane_evidence.signing.signer import BundleSigner, Signer
    from tradeplane_evidence.statements.statement import Statement


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run that is to be signed.

    ``alone``: what is stated of it by itself. ``artifact``: digest of the artifact that has its provenance in it, which
    is what a statement of many names; "" of what is signed by itself only. ``finished``: when it was, RFC 3339.
    """

    alone: Statement
    artifact: str
    builder: str
    finished: str | None


@dataclass(frozen=True, slots=True)
class Signed:
    """The bundle of a statement that a run is in. ``batched``: whether others are in it, or could have been."""

    bundle: bytes
    batched: bool


class Signing(Protocol):
    """Signs what is stated of runs."""

    @property
    def signer(self) -> Signer | BundleSigner:
        """Who signs."""

    @property
    def authority(self) -> str | None:
        """URL of who says when it was signed (RFC 3161); None for nobody."""

    @property
    def batches(self) -> bool:
        """Whether a run may be signed together with others, and has its provenance in its artifact for that."""

    @property
    def claims(self) -> Claims | None:
        """Where what is signed is claimed before it is pushed; None where it is not."""

    async def sign(self, candidate: Candidate) -> Signed:
        """Return a signed statement of a run. Raises SignerUnavailable, and what the signer raises."""


@dataclass(frozen=True, slots=True)
class Alone:
    """Signs each run by itself, and at once."""

    signer: Signer | BundleSigner
    authority: str | None = None
    claims: Claims | None = None
    batches: bool = field(default=False, init=False)

    async def sign(self, candidate: Candidate) -> Signed:
        """Return the statement of one run, signed."""
        return Signed(await sign_and_stamp(candidate.alone, self.signer, self.authority), batched=False)


@dataclass(slots=True, eq=False)
class _Waiting:
    candidate: Candidate
    signed: Signed | EvidenceError | None = None


@dataclass(slots=True)
class Quota:
    """Turns at a signer, ``per_second`` of them, whichever object stands for the signer at the time."""

    per_second: float
    clock: Callable[[], float] = time.monotonic
    _next: float = 0.0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _waiting: list[_Waiting] = field(default_factory=list)

    async def sign(self, candidate: Candidate, signer: Signer | BundleSigner, authority: str | None) -> Signed:
        """Return a signed statement that a run is in, once it is the turn of what waits."""
        own = _Waiting(candidate)
        self._waiting.append(own)
        try:
            async with self._turn:
                while own.signed is None:
                    await self._sign_what_waits(signer, authority)
        finally:
            if own in self._waiting:
                self._waiting.remove(own)
        if isinstance(own.signed, EvidenceError):
            raise own.signed
        if own.signed is None:
            raise AssertionError("the turn ends once it is signed, or was refused")
        return own.signed

    async def _sign_what_waits(self, signer: Signer | BundleSigner, authority: str | None) -> None:
        """Wait for the next turn, and sign all that waits by then.

        What waits stays there until it is signed: where this is cancelled, another's turn goes on with it.
        """
        await asyncio.sleep(max(0.0, self._next - self.clock()))
        batch = _together(self._waiting)
        self._next = self.clock() + 1.0 / self.per_second
        signed: Signed | EvidenceError
        try:
            statement = _statement([one.candidate for one in batch])
            signed = Signed(await sign_and_stamp(statement, signer, authority), batched=len(batch) > 1)
        except EvidenceError as error:
            signed = error
        for one in batch:
            one.signed = signed
            if one in self._waiting:
                self._waiting.remove(one)


def _together(waiting: Sequence[_Waiting]) -> list[_Waiting]:
    """Return who has waited longest, and all that can be signed with them."""
    first = waiting[0]
    if not first.candidate.artifact:
        return [first]
    found = [one for one in waiting if one.candidate.artifact and one.candidate.builder == first.candidate.builder]
    return found[:MAX_SUBJECTS]


def _statement(candidates: Sequence[Candidate]) -> Statement:
    if len(candidates) == 1:
        return candidates[0].alone
    times = [one.finished for one in candidates if one.finished is not None]
    latest = max(times, key=datetime.fromisoformat, default=None)
    return batch_statement((one.artifact for one in candidates), candidates[0].builder, latest)


@dataclass(frozen=True, slots=True)
class WithinQuota:
    """Signs within a quota that is shared with others."""

    signer: Signer | BundleSigner
    quota: Quota
    authority: str | None = None
    claims: Claims | None = None
    batches: bool = field(default=True, init=False)

    async def sign(self, candidate: Candidate) -> Signed:
        """Return a signed statement that the run is in."""
        return await self.quota.sign(candidate, self.signer, self.authority)
