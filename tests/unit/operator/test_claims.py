"""Claims: what is written of them, what is made of what somebody else wrote, and what there is no room for."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import pytest
from tradeplane_evidence.errors import Malformed, RegistryRefused, RegistryUnavailable
from tradeplane_evidence.publishing import ClaimsChanged, ClaimsUnavailable, Unpublished
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.signing.batches import Alone
from tradeplane_evidence.statements.provenance import PREDICATE_TYPE
from tradeplane_operator.planning import claim_documents
from tradeplane_operator.planning.claim_documents import key_of, packed, read, subject_of, written
from tradeplane_operator.running import claims as module
from tradeplane_store.canonical import sha256_digest

from tests.unit.evidence import sample_runs
from tests.unit.operator.claimed_in_memory import ObjectInMemory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_operator.running.claims import SharedClaims

HOST = "registry.example.com"
PLACE = Reference(HOST, "runs/research/hold", tag=sample_runs.RUN)
ARTIFACT = sample_runs.artifact().manifest


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GATHER_S", 0.0)


@dataclass
class Shelf:
    """As much of a registry as claims ask; ``answer`` is raised in place of what is pushed."""

    host: str = HOST
    artifacts: Sequence[bytes] = (ARTIFACT,)
    answer: Exception | None = None
    blobs: list[bytes] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    async def manifest(self, reference: Reference) -> tuple[bytes, str]:
        for one in self.artifacts:
            if sha256_digest(one) == reference.digest:
                return one, sha256_digest(one)
        raise RegistryRefused(f"{reference} is not there", 404)

    async def push_blob(self, _repository: str, data: bytes) -> str:
        if self.answer is not None:
            raise self.answer
        self.blobs.append(data)
        return sha256_digest(data)

    async def push_manifest(self, _repository: str, name: str, _data: bytes, _media_type: str) -> bool:
        self.names.append(name)
        return True


def _signed(folder: Path, scalar: int = 0xC0FFEE) -> Unpublished:
    bundle = sample_runs.bundle(sample_runs.signer_in(folder, scalar=scalar))
    return Unpublished(PLACE, ARTIFACT, bundle, PREDICATE_TYPE)


async def _settle(claims: SharedClaims, folder: Path, shelf: Shelf | None = None, place: Reference = PLACE) -> int:
    signing = Alone(sample_runs.signer_in(folder))
    return await claims.settle(cast("Registry", shelf or Shelf()), signing, place)


async def test_what_is_claimed_is_pushed_by_whoever_comes_next(tmp_path: Path) -> None:
    kept, signed, shelf = ObjectInMemory(), _signed(tmp_path), Shelf()
    first = kept.claims()
    assert await first.claim(signed, await _settle(first, tmp_path))
    assert set(kept.data) == {key_of(signed.bundle)}
    await _settle(kept.claims(), tmp_path, shelf)
    assert shelf.blobs == [signed.bundle]
    assert sample_runs.RUN in shelf.names
    assert set(kept.data) == {key_of(signed.bundle)}, "it is taken away with the next claim, and costs no write"


async def test_what_was_pushed_is_taken_away_with_the_next_claim(tmp_path: Path) -> None:
    kept, one, other = ObjectInMemory(), _signed(tmp_path), _signed(tmp_path, 0xBEEF)
    claims = kept.claims()
    reading = await _settle(claims, tmp_path)
    assert await claims.claim(one, reading)
    claims.published(one)
    assert await claims.claim(other, reading)
    assert set(kept.data) == {key_of(other.bundle)}
    assert kept.writes == 2


async def test_what_could_not_be_pushed_is_pushed_before_anything_else_is_asked(tmp_path: Path) -> None:
    kept, signed, shelf = ObjectInMemory(), _signed(tmp_path), Shelf(answer=RegistryUnavailable("away"))
    claims = kept.claims()
    assert await claims.claim(signed, await _settle(claims, tmp_path))
    claims.left(signed)
    with pytest.raises(RegistryUnavailable):
        await _settle(claims, tmp_path, shelf)
    shelf.answer = None
    await _settle(claims, tmp_path, shelf)
    assert shelf.blobs == [signed.bundle]


async def test_who_claims_after_others_have_reads_again(tmp_path: Path) -> None:
    kept = ObjectInMemory()
    one, other = kept.claims(), kept.claims()
    old = await _settle(one, tmp_path)
    assert await other.claim(_signed(tmp_path), await _settle(other, tmp_path))
    with pytest.raises(ClaimsChanged):
        await one.claim(_signed(tmp_path, 0xBEEF), old)
    new = await _settle(one, tmp_path)
    assert new != old
    with pytest.raises(ClaimsChanged):  # by what it looked up before it read again
        await one.claim(_signed(tmp_path, 0xBEEF), old)
    assert await one.claim(_signed(tmp_path, 0xBEEF), new)


async def test_claims_of_a_moment_are_one_write_and_a_bundle_of_many_stands_there_once(tmp_path: Path) -> None:
    kept, signed = ObjectInMemory(), _signed(tmp_path)
    claims, many = kept.claims(), [replace(signed, place=replace(PLACE, tag=f"run-{number}")) for number in range(40)]
    reading = await _settle(claims, tmp_path)
    await asyncio.gather(*(claims.claim(one, reading) for one in many))
    assert kept.writes <= 2
    (value,) = kept.data.values()
    assert len(read(key_of(signed.bundle), value)[1]) == len(many)


async def test_claims_that_there_is_no_room_for_wait_until_others_are_pushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = _signed(tmp_path), _signed(tmp_path, 0xBEEF)
    size = len(written(packed(one.bundle), [subject_of(one)]))
    monkeypatch.setattr(module, "MOST_BYTES", int(size * 1.5))
    kept = ObjectInMemory()
    claims = kept.claims()
    reading = await _settle(claims, tmp_path)
    assert await claims.claim(one, reading)
    waiting = asyncio.create_task(claims.claim(other, reading))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not waiting.done()
    claims.published(one)
    assert await asyncio.wait_for(waiting, 10)
    assert set(kept.data) == {key_of(other.bundle)}


async def test_what_no_claim_has_room_for_is_not_claimed(tmp_path: Path) -> None:
    signed = replace(_signed(tmp_path), bundle=os.urandom(claim_documents.MOST_BYTES))
    kept = ObjectInMemory()
    claims = kept.claims()
    assert not await claims.claim(signed, await _settle(claims, tmp_path))
    assert kept.data == {}


async def test_what_the_registry_refuses_holds_up_its_own_place_alone(tmp_path: Path) -> None:
    kept, signed = ObjectInMemory(), _signed(tmp_path)
    first = kept.claims()
    assert await first.claim(signed, await _settle(first, tmp_path))
    shelf, claims = Shelf(answer=RegistryRefused("read only", 403)), kept.claims()
    with pytest.raises(RegistryRefused, match="read only"):
        await _settle(claims, tmp_path, shelf)
    reading = await _settle(claims, tmp_path, shelf, replace(PLACE, tag="run-2"))
    assert await claims.claim(_signed(tmp_path, 0xBEEF), reading)
    assert key_of(signed.bundle) in kept.data, "it is kept until it is pushed"
    shelf.answer = None
    await _settle(claims, tmp_path, shelf)
    assert shelf.blobs == [signed.bundle], "each attempt at its own place tries it again"


@pytest.mark.parametrize("what", ["another's", "of another artifact", "another registry", "gone", "no claim"])
async def test_what_is_none_of_ours_is_not_pushed_and_taken_away(tmp_path: Path, what: str) -> None:
    """Whoever may write the object has nothing pushed by it that the operator's key did not sign."""
    signed = _signed(tmp_path, 0xBEEF if what == "another's" else 0xC0FFEE)
    shelf, artifact = Shelf(), ARTIFACT
    if what == "of another artifact":
        artifact = ARTIFACT.replace(b"}", b"} ", 1)
        shelf.artifacts = (artifact,)
    if what == "gone":
        shelf.artifacts = ()
    place = replace(PLACE, host="elsewhere.example.com") if what == "another registry" else PLACE
    claimed = replace(signed, place=place, artifact=artifact)
    value = "{}" if what == "no claim" else written(packed(signed.bundle), [subject_of(claimed)])
    kept = ObjectInMemory({key_of(signed.bundle): value})
    claims = kept.claims()
    reading = await _settle(claims, tmp_path, shelf)
    assert shelf.blobs == []
    other = replace(_signed(tmp_path), bundle=b"other")
    assert await claims.claim(other, reading)
    assert set(kept.data) == {key_of(b"other")}


async def test_an_object_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ClaimsUnavailable, match="apply operator/deploy/components/evidence"):
        await _settle(ObjectInMemory(there=False).claims(), tmp_path)


@pytest.mark.parametrize(
    "changed",
    [
        {"bundle": "no base64!"},
        {"bundle": packed(b"another bundle")},
        {"bundle": 1},
        {"subjects": [["registry.example.com/runs", None, "type"]]},
        {"subjects": [["file:///etc/passwd", None, "type"]]},
        {"subjects": [["one"]]},
        {"subjects": 1},
        {"more": 1},
    ],
)
def test_what_was_not_written_by_an_operator_is_no_claim(tmp_path: Path, changed: dict[str, object]) -> None:
    signed = _signed(tmp_path)
    value = written(packed(signed.bundle), [subject_of(signed)])
    key = key_of(signed.bundle)
    assert read(key, value) == (signed.bundle, [subject_of(signed)])
    with pytest.raises(Malformed):
        read(key, json.dumps(json.loads(value) | changed))
