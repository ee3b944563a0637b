"""Nothing is started by an image that no trusted key attests; where one does, a chain goes from result to commit."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.image_attestation import attest_image
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.references import Reference, parse_reference
from tradeplane_evidence.verification.attestations import Trust
from tradeplane_evidence.verification.images import Images, image_policy
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.runs import verify_run
from tradeplane_store.canonical import sha256_digest

from tests.integration.evidence.conftest import listing_referrers
from tests.integration.operator.cluster import Bench, condition, eventually
from tests.integration.operator.test_attestations import evidence
from tests.ports import free_port
from tests.unit.evidence import sample_images, sample_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.verification.runs import Verification

    from tests.integration.operator.processes import OperatorProcess

Json = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """A registry, and the keyring by which an operator trusts images in it."""

    host: str
    keyring: Path

    @property
    def image(self) -> Reference:
        return Reference(self.host, "images/workloads", digest=sample_images.image().digest)

    def settings(self, signing_key: Path) -> Json:
        attested = {"keyring": str(self.keyring), "plainHttp": True, "againSeconds": 1, "mostSeconds": 1}
        images = {"default": str(self.image), "registries": [f"{self.host}/images/"], "attested": attested}
        return {"images": images} | evidence(self.host, signing_key)

    async def push(self, *signers: FileSigner) -> None:
        """Push the image, attested by signers."""
        async with Registry(self.host, plain_http=True) as registry:
            await sample_images.image().push(registry, self.image.repository)
            for one in signers:
                sboms = sample_images.sboms().values()
                await attest_image(registry, self.image, sample_images.build(), sboms, one, sample_images.EXECUTION)


@contextmanager
def _registry(folder: Path, *trusted: FileSigner) -> Iterator[Place]:
    host = f"127.0.0.1:{free_port()}"
    keyring = folder / "keyring.json"
    keys = [{"publicKey": one.public_key.pem()} for one in trusted]
    keyring.write_text(json.dumps({"schemaVersion": 1, "kind": "Keyring", "keys": keys}))
    with listing_referrers(host, folder / "registry.log", "--store-type", "mem"):
        yield Place(host, keyring)


async def _says(bench: Bench, kind: str, *reasons: str) -> Json:
    async def found() -> Json | None:
        strategy = await bench.strategy("hold")
        return strategy if condition(strategy, kind).get("reason") in reasons else None

    async def state() -> object:
        return (await bench.strategy("hold")).get("status")

    return await eventually(found, f"{kind} to be {' or '.join(reasons)}", state=state)


async def test_from_a_refusal_to_a_chain_that_is_verified(
    bench: Bench, operators: Callable[..., OperatorProcess], tmp_path: Path
) -> None:
    operator, builder = sample_runs.signer_in(tmp_path), sample_runs.signer_in(tmp_path, scalar=0xBEEF)
    stranger = sample_runs.signer_in(tmp_path, scalar=0xBAD)
    with _registry(tmp_path, builder) as place:
        await place.push(stranger)
        operators(**place.settings(sample_runs.key_file(tmp_path)))
        await bench.create_snapshot("prices", bench.write_snapshot())
        strategy = await bench.create_strategy("hold")
        refused = await _says(bench, "Ready", "ImageNotAttested")
        assert condition(refused, "Stalled")["status"] == "True"
        assert "none of the 1 keys given" in condition(refused, "Ready")["message"]
        assert await bench.jobs(strategy["metadata"]["uid"]) == []
        await place.push(builder)
        job = await bench.a_job(strategy["metadata"]["uid"])
        await bench.succeed(job)
        attested = await _says(bench, "Attested", "Attested")
        found = await _verified(attested, operator, builder)
    assert found.passed, found.checks
    assert found.image is not None
    assert found.image.commit == sample_images.COMMIT
    assert found.image.attestation == attested["status"]["latest"]["imageAttestation"]
    manifest = sha256_digest(sample_images.image().manifests["linux/amd64"])
    (chain,) = [check.words for check in found.checks if check.name == "chain"]
    assert f"run by its manifest {manifest} for linux/amd64, attested as well" in chain


async def _verified(strategy: Json, *signers: FileSigner) -> Verification:
    reference, now = parse_reference(strategy["status"]["latest"]["attestation"]["reference"]), datetime.now(UTC)
    keyring = sample_runs.keyring(*signers)
    async with Registry(reference.host, plain_http=True) as registry:

        async def registry_of(_: Reference) -> Registry:
            return registry

        images = Images(registry_of, Trust(keyring, image_policy(), now))
        return await verify_run(registry, reference, keyring, Policy(), now, images)


@pytest.mark.parametrize("named", ["169.254.169.254/latest/meta-data", "tenant.example.com/team/image"])
async def test_a_tenant_does_not_name_the_host_that_is_asked(
    bench: Bench, operators: Callable[..., OperatorProcess], tmp_path: Path, named: str
) -> None:
    builder = sample_runs.signer_in(tmp_path, scalar=0xBEEF)
    with _registry(tmp_path, builder) as place:
        operators(**place.settings(sample_runs.key_file(tmp_path)))
        await bench.create_snapshot("prices", bench.write_snapshot())
        await bench.create_strategy("hold", image=f"{named}@{sample_images.image().digest}")
        refused = await _says(bench, "Ready", "ImageNotAllowed")
    assert f"must begin with one of: {place.host}/images/" in condition(refused, "Ready")["message"]
