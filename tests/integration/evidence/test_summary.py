"""``tradeplane verify --summary``: what passed is stated for others, and nothing that did not."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.attestation import attest_run
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.references import Reference, parse_reference
from tradeplane_evidence.signing.batches import Alone
from tradeplane_store.canonical import canonical_json, sha256_digest

from tests.integration.evidence.conftest import push_image
from tests.unit.cli.conftest import tradeplane
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_evidence.publishing import Attested
    from tradeplane_evidence.signing.file_signer import FileSigner

    from tests.integration.evidence.conftest import Cosign
    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

__all__ = ["tradeplane"]

TYPE = "https://slsa.dev/verification_summary/v1"
VERIFIER = "https://example.com/verifiers/audit"


async def _attested(host: str, repository: str, signer: FileSigner) -> Attested:
    """Attest an image, and a run that names that attestation."""
    image, attestation = await push_image(host, f"{repository}/image", signer)
    execution = replace(sample_runs.EXECUTION, image_attestation=attestation)
    async with Registry(host, plain_http=True) as registry:
        run, place = sample_runs.stored(image=str(image)), Reference(host, repository)
        return await attest_run(run, registry, place, Alone(signer), execution)


@pytest.fixture
def asked(olareg: str, signer: FileSigner, tmp_path: Path) -> tuple[str, ...]:
    """Give the verification of a run that passes, and a summary of it that is asked for."""
    attested = asyncio.run(_attested(olareg, f"summary/{tmp_path.name.replace('_', '-')}", signer))
    (tmp_path / "key.pub").write_text(signer.public_key.pem())
    (tmp_path / "verifier").mkdir()
    verifier = sample_runs.signer_in(tmp_path / "verifier", scalar=0xA0D17)
    (tmp_path / "verifier.pub").write_text(verifier.public_key.pem())
    key = sample_runs.key_file(tmp_path / "verifier", scalar=0xA0D17)
    summary = ("--summary", str(tmp_path / "summary.json"), "--signer", f"file:{key}", "--verifier", VERIFIER)
    return ("verify", str(attested.reference), "--key", str(tmp_path / "key.pub"), *summary)


def _statement(file: Path) -> dict[str, Any]:
    payload = json.loads(file.read_bytes())["dsseEnvelope"]["payload"]
    found: dict[str, Any] = json.loads(base64.b64decode(payload))
    return found


async def _manifest(reference: str) -> bytes:
    place = parse_reference(reference)
    async with Registry(place.host, plain_http=True) as registry:
        return (await registry.manifest(place))[0]


def test_what_passed_is_stated_and_cosign_verifies_it(
    tradeplane: Command, asked: tuple[str, ...], signer: FileSigner, cosign: Cosign, tmp_path: Path
) -> None:
    ended = tradeplane(*asked, "--level", "2")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[-1].split()[:2] == ["ok", "summary"]
    stated = _statement(tmp_path / "summary.json")
    assert stated["predicateType"] == TYPE
    assert stated["subject"] == [{"name": asked[1], "digest": {"sha256": asked[1].rpartition(":")[2]}}]
    predicate = stated["predicate"]
    assert (predicate["verifier"]["id"], predicate["resourceUri"]) == (VERIFIER, asked[1])
    assert (predicate["verificationResult"], predicate["verifiedLevels"]) == ("PASSED", ["SLSA_BUILD_LEVEL_2"])
    assert [one["uri"].partition("@")[0].rpartition("/")[2] for one in predicate["inputAttestations"]] == [
        asked[1].partition("@")[0].rpartition("/")[2],
        "image",
    ]
    policy = {"builders": None, "maxAgeSeconds": None, "timestamped": False}
    run = {"buildTypes": ["https://tradeplane.dev/evidence/run-v1"], "parameters": ["specification", "strategy"]}
    image = {"buildTypes": ["https://tradeplane.dev/evidence/image-v1"], "parameters": ["base", "image", "platforms"]}
    data = {"buildTypes": ["https://tradeplane.dev/evidence/snapshot-v1"], "parameters": ["capture", "import"]}
    wanted = {
        "signers": [signer.public_key.fingerprint],
        "run": policy | run,
        "image": policy | image,
        "snapshot": policy | data,
        "replay": False,
    }
    digest = sha256_digest(canonical_json(wanted)).removeprefix("sha256:")
    assert predicate["policy"]["digest"] == {"sha256": digest}
    artifact = tmp_path / "artifact.json"
    artifact.write_bytes(asyncio.run(_manifest(asked[1])))
    words = ("verify-blob-attestation", "--key", tmp_path / "verifier.pub", "--bundle", tmp_path / "summary.json")
    done = cosign(*words, "--insecure-ignore-tlog", "--type", TYPE, artifact)
    assert done.returncode == 0, done.stderr
    artifact.write_bytes(artifact.read_bytes() + b" ")
    assert cosign(*words, "--insecure-ignore-tlog", "--type", TYPE, artifact).returncode != 0


def test_another_policy_is_another_digest(tradeplane: Command, asked: tuple[str, ...], tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    found = set()
    for more in ((), ("--no-chain",), ("--builder", sample_runs.EXECUTION.builder), ("--max-age-days", "36500")):
        assert tradeplane(*asked, *more).code == 0
        found.add(_statement(summary)["predicate"]["policy"]["digest"]["sha256"])
        summary.unlink()
    assert len(found) == 4


def test_what_fails_is_not_summed_up(tradeplane: Command, asked: tuple[str, ...], tmp_path: Path) -> None:
    assert tradeplane(*asked, "--builder", "https://example.com/other").code == 3
    assert not (tmp_path / "summary.json").exists()


def test_nothing_is_written_over(tradeplane: Command, asked: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("mine")
    ended = tradeplane(*asked)
    assert ended.code == 2
    assert "is there already" in ended.err
    assert (tmp_path / "summary.json").read_text() == "mine"


@pytest.mark.parametrize("left", ["--summary", "--signer"])
def test_half_of_what_it_needs_is_refused_before_anything_is_asked(
    tradeplane: Command, asked: tuple[str, ...], left: str
) -> None:
    place = asked.index(left)
    ended = tradeplane(*asked[:place], *asked[place + 2 :])
    assert ended.code == 2
    assert "one of the two is given" in ended.err
