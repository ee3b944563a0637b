"""Images are looked at in a real registry: who is woken, with what, and when it is looked at again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tradeplane_evidence.image_attestation import attest_image
from tradeplane_evidence.registry.client import Limits, Registry
from tradeplane_evidence.registry.manifests import INDEX_TYPE, described
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.signed_referrers import hang
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.planning.image_trust import ImageEnd, ImageFacts
from tradeplane_operator.running import image_checks
from tradeplane_operator.running.image_checks import ImageChecks
from tradeplane_operator.settings import ImageTrust
from tradeplane_store.canonical import sha256_digest

from tests.integration.evidence.conftest import listing_referrers
from tests.ports import free_port
from tests.unit.evidence import sample_images, sample_runs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tradeplane_evidence.signing.file_signer import FileSigner

KEYS = tuple(Key(Kind.STRATEGY, "research", f"strategy-{number}") for number in range(3))
BUILDER = sample_images.EXECUTION.builder
TRUST_SECONDS = (300.0, 3600.0)
"""How long a refusal stands, and an attestation."""
_LIMIT_S = 60.0


@dataclass
class Watcher:
    """Image checks at work, with a clock of their own, and who was woken by them.

    ``jump``: by how much the time of day was set; ``now`` goes on whatever is done to it.
    """

    checks: ImageChecks
    now: list[datetime]
    jump: timedelta = timedelta()
    woken: asyncio.Queue[Key] = field(default_factory=asyncio.Queue)

    async def found(self, image: str, *keys: Key) -> ImageFacts:
        """Ask for an image until it has been looked at."""
        for key in keys or KEYS[:1]:
            assert self.checks.look(image, key).end is ImageEnd.LOOKING
        for _ in keys or KEYS[:1]:
            await asyncio.wait_for(self.woken.get(), _LIMIT_S)
        return self.checks.look(image, KEYS[0])


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    with listing_referrers(f"127.0.0.1:{free_port()}", tmp_path / "registry.log", "--store-type", "mem") as found:
        yield found


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    return sample_runs.signer_in(tmp_path)


def _trust(folder: Path, *signers: FileSigner, builders: tuple[str, ...] = (), revoked: bool = False) -> ImageTrust:
    keyring = folder / "keyring.json"
    revocation = {"revokedFrom": "2020-01-01T00:00:00Z"} if revoked else {}
    keys = [{"publicKey": one.public_key.pem(), **revocation} for one in signers]
    keyring.write_text(json.dumps({"schemaVersion": 1, "kind": "Keyring", "keys": keys}))
    return ImageTrust(keyring=str(keyring), plain_http=True, builders=builders)


@pytest.fixture
async def watching(tmp_path: Path, signer: FileSigner) -> AsyncIterator[Watcher]:
    """Watch by a keyring of the one signer."""
    now = [datetime(2026, 1, 6, tzinfo=UTC)]
    watcher = Watcher(
        ImageChecks(
            _trust(tmp_path, signer),
            lambda: now[0] + watcher.jump,
            lambda key: watcher.woken.put_nowait(key),
            None,
            Limits(tries=1),
            steady=lambda: now[0].timestamp(),
        ),
        now,
    )
    working = asyncio.create_task(watcher.checks.run())
    yield watcher
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def _pushed(host: str, repository: str, *signers: FileSigner) -> tuple[str, list[str]]:
    """Push an image attested by signers; return it by digest, and the attestations."""
    place = Reference(host, repository, digest=sample_images.image().digest)
    attestations = []
    async with Registry(host, plain_http=True) as registry:
        await sample_images.image().push(registry, repository)
        for one in signers:
            sboms = sample_images.sboms().values()
            found = await attest_image(registry, place, sample_images.build(), sboms, one, sample_images.EXECUTION)
            attestations.append(found.provenance.attestations[sample_images.image().digest])
    return str(place), attestations


async def test_an_attested_image_is_found_and_all_who_asked_are_woken(
    watching: Watcher, host: str, signer: FileSigner
) -> None:
    image, (attestation,) = await _pushed(host, "images/attested", signer)
    facts = await watching.found(image, *KEYS)
    assert (facts.end, facts.attestation) == (ImageEnd.ATTESTED, attestation)
    assert watching.woken.empty()


async def test_what_it_is_on_each_processor_is_found_with_what_attests_that(
    watching: Watcher, host: str, signer: FileSigner
) -> None:
    """The attestation hung on the index is also hung on the manifest of each platform, as another referrer of it."""
    place = Reference(host, "images/platforms", digest=sample_images.image().digest)
    async with Registry(host, plain_http=True) as registry:
        await sample_images.image().push(registry, place.repository)
        sboms = sample_images.sboms().values()
        pushed = await attest_image(registry, place, sample_images.build(), sboms, signer, sample_images.EXECUTION)
    facts = await watching.found(str(place))
    digests = {platform: sha256_digest(data) for platform, data in sample_images.image().manifests.items()}
    assert {one.platform: one.digest for one in facts.manifests} == digests
    for one in facts.manifests:
        assert one.attestation == pushed.provenance.attestations[one.digest] != facts.attestation


async def test_a_manifest_that_nobody_attested_by_itself_is_vouched_for_by_its_index(
    watching: Watcher, host: str, signer: FileSigner
) -> None:
    place = Reference(host, "images/index-only", digest=sample_images.image().digest)
    async with Registry(host, plain_http=True) as registry:
        await sample_images.image().push(registry, place.repository)
        subject = described(sample_images.image().index, INDEX_TYPE)
        await hang(registry, place, sample_images.statement(), [subject], signer)
    facts = await watching.found(str(place))
    assert facts.end is ImageEnd.ATTESTED
    assert [(one.platform, one.attestation) for one in facts.manifests] == [
        ("linux/amd64", None),
        ("linux/arm64", None),
    ]


async def test_the_attestation_of_somebody_else_does_not_count(
    watching: Watcher, host: str, signer: FileSigner, tmp_path: Path
) -> None:
    stranger = sample_runs.signer_in(tmp_path, scalar=99)
    image, _ = await _pushed(host, "images/stranger", stranger)
    facts = await watching.found(image)
    assert (facts.end, facts.reason) == (ImageEnd.REFUSED, "KeyRefused")


async def test_an_image_that_nobody_attested_is_refused(watching: Watcher, host: str) -> None:
    image, _ = await _pushed(host, "images/bare")
    facts = await watching.found(image)
    assert (facts.end, facts.reason) == (ImageEnd.REFUSED, "NotAttested")
    assert f"nothing attests {image}" in facts.message


async def test_what_is_attested_later_is_found_after_the_pause(
    watching: Watcher, host: str, signer: FileSigner
) -> None:
    image, _ = await _pushed(host, "images/later")
    refused = await watching.found(image)
    _, (attestation,) = await _pushed(host, "images/later", signer)
    assert watching.checks.look(image, KEYS[1]) == refused
    assert watching.woken.empty()
    watching.now[0] = refused.stands_until(watching.checks.trust)
    assert watching.checks.look(image, KEYS[1]) == refused, "what was found stands until something else is"
    assert await asyncio.wait_for(watching.woken.get(), _LIMIT_S) == KEYS[1]
    assert watching.checks.look(image, KEYS[1]).attestation == attestation


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
async def test_a_clock_that_jumps_neither_ends_a_wait_nor_draws_it_out(
    watching: Watcher, host: str, signer: FileSigner, jump: timedelta
) -> None:
    attested, _ = await _pushed(host, f"images/jump-{jump.days}", signer)
    refused = f"{host}/images/bare-jump@{sample_images.image().digest}"
    assert (await watching.found(attested)).end is ImageEnd.ATTESTED
    assert (await watching.found(refused)).end is ImageEnd.REFUSED
    watching.jump = jump
    for image, seconds in ((refused, TRUST_SECONDS[0]), (attested, TRUST_SECONDS[1])):
        began = watching.now[0]
        watching.now[0] = began + timedelta(seconds=seconds - 1)
        standing = watching.checks.look(image, KEYS[1])
        assert standing.end in {ImageEnd.REFUSED, ImageEnd.ATTESTED}
        left = standing.stands_until(watching.checks.trust) - (watching.now[0] + jump)
        assert left == timedelta(seconds=1), "by which the next look is set"
        assert watching.woken.empty()
        watching.now[0] = began + timedelta(seconds=seconds)
        watching.checks.look(image, KEYS[1])
        assert await asyncio.wait_for(watching.woken.get(), _LIMIT_S) == KEYS[1]
        watching.now[0] = began


async def test_a_key_that_was_revoked_lets_nothing_more_be_started(
    watching: Watcher, host: str, signer: FileSigner, tmp_path: Path
) -> None:
    image, _ = await _pushed(host, "images/revoked", signer)
    facts = await watching.found(image)
    assert facts.end is ImageEnd.ATTESTED
    _trust(tmp_path, signer, revoked=True)
    watching.now[0] += timedelta(seconds=watching.checks.trust.valid_seconds)
    again = await watching.found(image)
    assert (again.end, again.reason) == (ImageEnd.REFUSED, "KeyRefused")


async def test_a_builder_that_is_not_named_will_not_do(
    watching: Watcher, host: str, signer: FileSigner, tmp_path: Path
) -> None:
    image, _ = await _pushed(host, "images/builder", signer)
    watching.checks.trust = _trust(tmp_path, signer, builders=("https://example.com/other",))
    assert (await watching.found(image)).reason == "PolicyRefused"
    watching.now[0] += timedelta(hours=1)
    watching.checks.trust = _trust(tmp_path, signer, builders=("https://example.com/other", BUILDER))
    watching.checks.look(image, KEYS[0])
    await asyncio.wait_for(watching.woken.get(), _LIMIT_S)
    assert watching.checks.look(image, KEYS[0]).end is ImageEnd.ATTESTED


async def test_a_registry_that_is_away_is_told_from_a_refusal(watching: Watcher) -> None:
    image = f"127.0.0.1:{free_port()}/images/away@{sample_images.image().digest}"
    facts = await watching.found(image)
    assert (facts.end, facts.reason, facts.tries) == (ImageEnd.UNAVAILABLE, "RegistryUnavailable", 1)
    watching.now[0] = facts.stands_until(watching.checks.trust)
    watching.checks.look(image, KEYS[0])
    await asyncio.wait_for(watching.woken.get(), _LIMIT_S)
    assert watching.checks.look(image, KEYS[0]).tries == 2


async def test_a_keyring_that_is_not_there_is_told(watching: Watcher, host: str, signer: FileSigner) -> None:
    image, _ = await _pushed(host, "images/keyring", signer)
    watching.checks.trust = watching.checks.trust.model_copy(update={"keyring": "/nowhere/keyring.json"})
    facts = await watching.found(image)
    assert (facts.end, facts.reason) == (ImageEnd.UNAVAILABLE, "KeyringUnreadable")
    assert "/nowhere/keyring.json cannot be read" in facts.message


async def test_an_image_without_a_digest_is_refused(watching: Watcher, host: str) -> None:
    facts = await watching.found(f"{host}/images/tagged:latest")
    assert facts.end is ImageEnd.REFUSED


async def test_no_more_images_are_remembered_than_there_is_room_for(
    watching: Watcher, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_checks, "REMEMBERED", 2)
    images = [f"{host}/images/many-{number}@{sample_images.image().digest}" for number in range(3)]
    for image in images:
        assert (await watching.found(image)).end is ImageEnd.REFUSED
    assert [watching.checks.look(image, KEYS[1]).end for image in images[1:]] == [ImageEnd.REFUSED] * 2
    assert watching.checks.look(images[0], KEYS[1]).end is ImageEnd.LOOKING
    assert await asyncio.wait_for(watching.woken.get(), _LIMIT_S) == KEYS[1]
