"""Each run that was found is verified, as ``tradeplane verify`` does it, and what was pulled meanwhile is kept with it.

A run that is refused is an answer, and goes into the export with the refusal; a registry that cannot be asked is none,
and ends the export: one that is silent about some runs would look whole.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import RegistryRefused
from tradeplane_evidence.verification.runs import Verification, verify_run

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
    from datetime import datetime

    from tradeplane_evidence.export.recording import Pulled, RecordingRegistry
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.verification.images import Images
    from tradeplane_evidence.verification.policy import Policy
    from tradeplane_evidence.verification.signers import ChainSigners
    from tradeplane_evidence.verification.snapshots import Snapshots

AT_ONCE = 4
"""Runs that are verified at the same time; each keeps its files in memory until they are written."""
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Examined:
    """A run, what was found of it, and what was pulled."""

    reference: Reference
    """By which it was looked at; ``verification.reference`` has its digest where it was reached."""
    verification: Verification
    pulled: Pulled

    @property
    def finished(self) -> datetime | None:
        """When it finished, by what a trusted key signed; None where nobody who is trusted says so."""
        claim = self.verification.claim
        if claim is None:
            return None
        return claim.made or (None if claim.stamped is None else claim.stamped[0])


@dataclass(frozen=True, slots=True)
class Asking:
    """How runs are verified: by who is relied on, as of when, and through what a registry of a host is reached.

    ``images`` and ``snapshots``: what the attestations of their images and data must be; they are not followed where
    it is None.
    """

    signers: ChainSigners
    policy: Policy
    now: datetime
    registry: Callable[[str], RecordingRegistry]
    images: Policy | None = None
    snapshots: Policy | None = None


@dataclass(frozen=True, slots=True)
class Following:
    """What the chains of runs go on with; they end there where it is absent."""

    images: Images | None = None
    snapshots: Snapshots | None = None


async def examine(registry: RecordingRegistry, reference: Reference, asking: Asking, following: Following) -> Examined:
    """Return what is found of one run. Raises what the registry raises where it cannot be asked."""
    registry.begin()
    try:
        found = await verify_run(
            registry,
            reference,
            asking.signers.runs,
            asking.policy,
            asking.now,
            following.images,
            snapshots=following.snapshots,
        )
    except RegistryRefused as error:
        if error.status != _NOT_FOUND:
            raise
        found = Verification(reference)
        found.fail("artifact", error)
    return Examined(reference, found, registry.pulled)


async def examine_all(
    references: Sequence[Reference], asking: Asking, following: Following
) -> AsyncGenerator[Examined]:
    """Give what is found of each run as it comes, a few at a time. Raises the first that ``examine`` raises."""
    for host in sorted({one.host for one in references}):
        waiting = iter([one for one in references if one.host == host])
        answers: asyncio.Queue[Examined | Exception | None] = asyncio.Queue(maxsize=1)
        workers = [asyncio.create_task(_work(host, waiting, asking, following, answers)) for _ in range(AT_ONCE)]
        try:
            left = len(workers)
            while left:
                answer = await answers.get()
                if answer is None:
                    left -= 1
                elif isinstance(answer, Exception):
                    raise answer
                else:
                    yield answer
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)


async def _work(
    host: str,
    waiting: Iterator[Reference],
    asking: Asking,
    following: Following,
    answers: asyncio.Queue[Examined | Exception | None],
) -> None:
    try:
        async with asking.registry(host) as registry:
            for reference in waiting:
                await answers.put(await examine(registry, reference, asking, following))
    except Exception as error:  # raised again where the answers are read
        await answers.put(error)
    await answers.put(None)
