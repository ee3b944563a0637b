"""A run has one attestation in a registry, whoever signs it: by an operator that is killed anywhere, or two at once.

The signers give another signature each time, and in a registry each would be another attestation.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from tradeplane_evidence.attestation import attest_pushed, push_files
from tradeplane_evidence.errors import RegistryUnavailable
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.registry.referrers import list_referrers
from tradeplane_evidence.replay_attestation import attest_replays
from tradeplane_evidence.signing.batches import Alone, Quota, WithinQuota
from tradeplane_operator.running import claims as module

from tests.unit.evidence import sample_replays, sample_runs
from tests.unit.operator.claimed_in_memory import ObjectInMemory

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_evidence.publishing import Attested, Claims, Unpublished
    from tradeplane_evidence.signing.batches import Signing

_LIMIT_S = 60.0


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a claim at once: none of these waits for others."""
    monkeypatch.setattr(module, "_GATHER_S", 0.0)


class Killed(BaseException):
    """The operator was killed."""


@dataclass
class Life:
    """Counts what an operator does outside of itself; after ``steps`` of it, it does nothing any more."""

    steps: int
    end: BaseException = field(default_factory=Killed)
    done: int = 0

    def step(self) -> None:
        if self.done >= self.steps:
            raise self.end
        self.done += 1


class MortalRegistry(Registry):
    """A registry, asked by an operator that is killed some time before or after a request."""

    life: Life

    async def push_blob(self, repository: str, data: bytes) -> str:
        self.life.step()
        found = await super().push_blob(repository, data)
        self.life.step()
        return found

    async def push_manifest(self, repository: str, name: str, data: bytes, media_type: str) -> bool:
        self.life.step()
        found = await super().push_manifest(repository, name, data, media_type)
        self.life.step()
        return found


@dataclass(frozen=True)
class Place:
    """A repository of a registry, and who signs what is in it."""

    host: str
    repository: str
    signer: sample_runs.WaveringSigner

    def registry(self, life: Life | None = None) -> Registry:
        if life is None:
            return Registry(self.host, plain_http=True)
        mortal = MortalRegistry(self.host, plain_http=True)
        mortal.life = life
        return mortal

    async def attest(self, signing: Signing, *runs: str, life: Life | None = None) -> list[Attested]:
        """Attest runs at once as an operator does, whose files are in the registry by then."""
        async with self.registry() as registry:
            pushed = [
                await push_files(
                    sample_runs.stored(run),
                    registry,
                    Reference(self.host, self.repository, tag=run),
                    signing,
                    sample_runs.EXECUTION,
                )
                for run in runs
            ]
        async with self.registry(life) as registry:
            return await asyncio.gather(*(attest_pushed(one, registry, signing) for one in pushed))

    async def attestations(self, *of: Attested) -> list[list[str]]:
        """Return what refers to each result, whatever it is."""
        async with self.registry() as registry:
            found = [await list_referrers(registry, self.repository, one.reference.digest or "") for one in of]
        return [[one.digest for one in each] for each in found]


@pytest.mark.parametrize("kind", ["alone", "batch"])
async def test_an_operator_that_is_killed_anywhere_leaves_one_attestation(
    olareg: str, tmp_path: Path, kind: str
) -> None:
    """Before and after each request to the registry and to the API server; the next finds what it left."""
    signer, steps, runs = sample_runs.wavering_signer(tmp_path), 0, ("run-1", "run-2")[: 1 + (kind == "batch")]
    while True:
        place, kept = Place(olareg, f"once/{kind}-{steps}", signer), ObjectInMemory()
        life = Life(steps)

        def signing(claims: Claims) -> Signing:
            return (
                Alone(signer, claims=claims) if kind == "alone" else WithinQuota(signer, Quota(1_000.0), None, claims)
            )

        ended = True
        try:
            await asyncio.wait_for(place.attest(signing(kept.claims(life.step)), *runs, life=life), _LIMIT_S)
        except Killed:
            ended = False
        attested = await asyncio.wait_for(place.attest(signing(kept.claims()), *runs), _LIMIT_S)
        assert await place.attestations(*attested) == [[one.attestation] for one in attested], steps
        if ended:
            break
        steps += 1
    assert steps > 5


async def _both_sign(first: Claims | None, second: Claims | None, place: Place) -> tuple[Attested, Attested]:
    """Have two operators attest a run, neither of which claims before the other has signed, too."""
    both = threading.Barrier(2, timeout=_LIMIT_S)

    @dataclass
    class Meeting(sample_runs.WaveringSigner):
        def sign(self, data: bytes) -> bytes:
            signature = super().sign(data)
            both.wait()
            return signature

    signer = Meeting(place.signer.public_key, place.signer.material)
    attempts = (place.attest(Alone(signer, claims=one), sample_runs.RUN) for one in (first, second))
    ((one,), (other,)) = await asyncio.gather(*attempts)
    assert len(signer.signed) == 2
    return one, other


async def test_of_two_operators_that_sign_at_one_moment_one_publishes(registry_host: str, tmp_path: Path) -> None:
    kept, place = ObjectInMemory(), Place(registry_host, "once/two", sample_runs.wavering_signer(tmp_path))
    one, other = await _both_sign(kept.claims(), kept.claims(), place)
    assert one == other
    assert await place.attestations(one) == [[one.attestation]]


async def test_without_claims_both_are_published(olareg: str, tmp_path: Path) -> None:
    """What the test above would find if nothing were claimed, and what two people do who attest at one moment."""
    place = Place(olareg, "once/unclaimed", sample_runs.wavering_signer(tmp_path))
    one, other = await _both_sign(None, None, place)
    assert {*(await place.attestations(one))[0]} == {one.attestation, other.attestation}
    assert one.attestation != other.attestation


async def test_who_signed_long_ago_finds_what_was_published_and_is_claimed_no_more(
    registry_host: str, tmp_path: Path
) -> None:
    """An operator stands still between its signature and its claim, while another attests that run and others."""
    kept, place = ObjectInMemory(), Place(registry_host, "once/late", sample_runs.wavering_signer(tmp_path))
    late, signed, goes_on = kept.claims(), asyncio.Event(), asyncio.Event()
    claim = late.claim

    @dataclass
    class Late:
        """The claims of the one that stands still."""

        async def claim(self, unpublished: Unpublished, reading: int) -> bool:
            signed.set()
            await goes_on.wait()
            return await claim(unpublished, reading)

        def __getattr__(self, name: str) -> Any:
            return getattr(late, name)

    waiting = asyncio.create_task(place.attest(Alone(place.signer, claims=cast("Claims", Late())), "run-1"))
    await asyncio.wait_for(signed.wait(), _LIMIT_S)
    other = Alone(place.signer, claims=kept.claims())
    (found,) = await place.attest(other, "run-1")
    await place.attest(other, "run-2")
    assert len(kept.data) == 1, "the first claim was taken away with the second"
    goes_on.set()
    assert await asyncio.wait_for(waiting, _LIMIT_S) == [found]
    assert await place.attestations(found) == [[found.attestation]]


async def test_what_a_registry_did_not_take_is_pushed_by_the_next_attempt_and_not_signed_again(
    olareg: str, tmp_path: Path
) -> None:
    kept, place = ObjectInMemory(), Place(olareg, "once/away", sample_runs.wavering_signer(tmp_path))
    claims, life = kept.claims(), Life(2, RegistryUnavailable("it went away"))
    with pytest.raises(RegistryUnavailable):
        await place.attest(Alone(place.signer, claims=claims), "run-1", life=life)
    assert len(kept.data) == 1, "it was claimed by then"
    await place.attest(Alone(place.signer, claims=claims), "run-2")
    (found,) = await place.attest(Alone(place.signer, claims=claims), "run-1")
    assert len(place.signer.signed) == 2
    assert await place.attestations(found) == [[found.attestation]]


async def test_what_replays_found_has_one_attestation_too(registry_host: str, tmp_path: Path) -> None:
    """Of an operator that was killed after it claimed, the claim alone is left."""
    kept, place = ObjectInMemory(), Place(registry_host, "once/replays", sample_runs.wavering_signer(tmp_path))
    claims = kept.claims()
    (run,) = await place.attest(Alone(place.signer, claims=claims), sample_runs.RUN)

    async def attest(by: Claims, life: Life | None = None) -> Attested:
        async with place.registry(life) as registry:
            signing, builder = Alone(place.signer, claims=by), "https://builder.example"
            return await attest_replays(sample_replays.replayed(), registry, run.reference, signing, builder)

    with pytest.raises(Killed):
        await attest(claims, Life(0))
    signed = len(place.signer.signed)
    found = await attest(kept.claims())
    assert len(place.signer.signed) == signed, "what was claimed was pushed"
    assert {*(await place.attestations(run))[0]} == {run.attestation, found.attestation}
