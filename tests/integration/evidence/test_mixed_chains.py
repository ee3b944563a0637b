"""A chain whose links are signed by different hands, here by a key and there by somebody: who counts for which."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.attestation import attest_run
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.signing.batches import Alone
from tradeplane_evidence.snapshot_attestation import attest_snapshot
from tradeplane_evidence.statements.run import SnapshotAttestation
from tradeplane_evidence.statements.verification_summary import VERIFIER

from tests.integration.evidence.conftest import push_image
from tests.integration.evidence.test_export import QUARTER, commands_of, run_in
from tests.unit.cli.conftest import tradeplane
from tests.unit.evidence import sample_images, sample_runs, sample_snapshots
from tests.unit.evidence.private_sigstore import ISSUER, SUBJECT, PrivateSigstore, SomebodyThere

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.signing.signer import BundleSigner

    from tests.integration.evidence.conftest import Cosign
    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

__all__ = ["tradeplane"]

OPERATOR = SomebodyThere(PrivateSigstore())
ALGORITHM = "specification.simulation.algorithm.name"
CI = SomebodyThere(PrivateSigstore(seed=2), "https://ci.example.com/images")
WHO = ("--certificate-identity", SUBJECT, "--certificate-oidc-issuer", ISSUER, "--trusted-root", "runs.root.json")


@dataclass(frozen=True)
class Chain:
    """A run, its image and its snapshot in a registry."""

    run: str
    image: str
    snapshot: str


async def _attested(
    host: str, repository: str, run: FileSigner | BundleSigner, image: FileSigner | BundleSigner, data: FileSigner
) -> Chain:
    made_by, attestation = await push_image(host, f"{repository}/image", image)
    async with Registry(host, plain_http=True) as registry:
        stored = sample_snapshots.stored()
        place = Reference(host, f"{repository}/snapshots")
        held = await attest_snapshot(stored, sample_snapshots.IMPORTED, registry, place, Alone(data))
        named = SnapshotAttestation(stored.snapshot, str(held.reference), held.attestation)
        execution = replace(sample_runs.EXECUTION, image_attestation=attestation, snapshots=(named,))
        made = sample_runs.stored(image=str(made_by))
        attested = await attest_run(made, registry, Reference(host, f"{repository}/run"), Alone(run), execution)
    return Chain(str(attested.reference), str(made_by), str(held.reference))


@pytest.fixture
def data_key(tmp_path: Path) -> FileSigner:
    signer = sample_runs.signer_in(tmp_path, scalar=0xDA7A)
    (tmp_path / "data.pub").write_text(signer.public_key.pem())
    return signer


def _by_name(signer: SomebodyThere, name: str, folder: Path, *builders: str) -> dict[str, Any]:
    (folder / f"{name}.root.json").write_text(json.dumps(signer.instance.trusted_root()))
    said = {"subject": signer.name, "issuer": ISSUER, "trustedRoot": f"{name}.root.json"}
    return {"identities": [{**said, **({"builders": builders} if builders else {})}]}


def _trust(folder: Path, **links: dict[str, Any]) -> tuple[str, str]:
    (folder / "trust.json").write_text(json.dumps({"schemaVersion": 1, "kind": "Trust", **links}))
    return "--trust", "trust.json"


def _last(ended: Ended) -> tuple[str, str]:
    (*_, check) = json.loads(ended.out)["checks"]
    return check["name"], check["error"]


def test_a_run_signed_keylessly_is_followed_to_an_image_and_data_by_keys(
    tradeplane: Command, olareg: str, signer: FileSigner, data_key: FileSigner, tmp_path: Path
) -> None:
    (tmp_path / "image.pub").write_text(signer.public_key.pem())
    chain = asyncio.run(_attested(olareg, "mixed/keyless", OPERATOR, signer, data_key))
    runs = _by_name(OPERATOR, "runs", tmp_path, sample_runs.EXECUTION.builder)
    images, data = {"keyrings": ["image.pub"]}, {"keyrings": ["data.pub"]}
    told = _trust(tmp_path, runs=runs, images=images, snapshots=data)
    for reference in (chain.run, chain.snapshot):
        ended = tradeplane("verify", reference, *told)
        assert ended.code == 0, ended.out + ended.err
    assert tradeplane("verify-image", chain.image, *told).code == 0

    together = tradeplane("verify", chain.run, *WHO, "--key", "image.pub", "--key", "data.pub")
    assert together.code == 0, together.out + together.err
    for given, step in ((WHO, "snapshots"), ((*WHO, "--key", "data.pub"), "chain")):
        ended = tradeplane("verify", chain.run, *given, "-o", "json")
        assert (ended.code, _last(ended)[0]) == (3, step)


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({"images": {"keyrings": ["data.pub"]}}, ("chain", "KeyRefused")),
        ({"snapshots": {"keyrings": ["image.pub"]}}, ("snapshots", "KeyRefused")),
        ({"runs": {"keyrings": ["image.pub", "data.pub"]}}, ("attestation", "Malformed")),
    ],
)
def test_who_signs_one_link_counts_for_no_other(
    tradeplane: Command,
    olareg: str,
    signer: FileSigner,
    data_key: FileSigner,
    tmp_path: Path,
    change: dict[str, Any],
    failed: tuple[str, str],
) -> None:
    (tmp_path / "image.pub").write_text(signer.public_key.pem())
    chain = asyncio.run(_attested(olareg, "mixed/links", OPERATOR, signer, data_key))
    links = {
        "runs": _by_name(OPERATOR, "runs", tmp_path),
        "images": {"keyrings": ["image.pub"]},
        "snapshots": {"keyrings": ["data.pub"]},
    }
    ended = tradeplane("verify", chain.run, *_trust(tmp_path, **{**links, **change}), "-o", "json")
    assert (ended.code, _last(ended)) == (3, failed)


def test_a_run_by_a_key_is_followed_to_an_image_that_somebody_signed(
    tradeplane: Command, olareg: str, signer: FileSigner, data_key: FileSigner, tmp_path: Path
) -> None:
    (tmp_path / "run.pub").write_text(signer.public_key.pem())
    chain = asyncio.run(_attested(olareg, "mixed/keyed", signer, CI, data_key))
    links = {"runs": {"keyrings": ["run.pub"]}, "snapshots": {"keyrings": ["data.pub"]}}
    built = _by_name(CI, "images", tmp_path, sample_images.EXECUTION.builder)
    summary = ("--summary", "vsa.json", "--signer", f"file:{tmp_path / f'{0xDA7A}-False.pem'}", "--verifier", VERIFIER)
    ended = tradeplane("verify", chain.run, *_trust(tmp_path, **links, images=built), *summary)
    assert ended.code == 0, ended.out + ended.err
    assert CI.name in ended.out
    for other in (
        _by_name(CI, "images", tmp_path, "https://example.com/builders/elsewhere"),
        _by_name(OPERATOR, "images", tmp_path),
    ):
        ended = tradeplane("verify", chain.run, *_trust(tmp_path, **links, images=other), "-o", "json")
        assert (ended.code, _last(ended)[0]) == (3, "chain")


def test_a_chain_of_several_hands_is_exported_and_verified_with_the_network_cut(
    tradeplane: Command, olareg: str, signer: FileSigner, data_key: FileSigner, tmp_path: Path, cosign: Cosign
) -> None:
    (tmp_path / "image.pub").write_text(signer.public_key.pem())
    chain = asyncio.run(_attested(olareg, "mixed/exported", OPERATOR, signer, data_key))
    runs = _by_name(OPERATOR, "runs", tmp_path, sample_runs.EXECUTION.builder)
    links = {"runs": runs, "images": {"keyrings": ["image.pub"]}, "snapshots": {"keyrings": ["data.pub"]}}
    parameters = ("--parameter", f"{ALGORITHM}=sma-cross", "--parameter", f"{ALGORITHM}=macd-momentum")
    asked = ("evidence", "export", chain.run, *_trust(tmp_path, **links), *parameters, *QUARTER)
    for out in ("out", "again.zip", "same.zip"):
        ended = tradeplane(*asked, "--out", str(tmp_path / out))
        assert ended.code == 0, ended.out + ended.err
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "same.zip").read_bytes()
    folder = tmp_path / "out"
    told = json.loads((folder / "runs.json").read_text())
    (run,), (somebody,) = told["runs"], told["identities"]
    root = somebody["trustedRoot"]
    assert (run["signed"]["key"], run["signed"]["identity"]) == (
        None,
        {"subject": SUBJECT, "issuer": ISSUER, "trustedRoot": root},
    )
    assert (somebody["subject"], somebody["links"]) == (SUBJECT, ["runs"])
    assert json.loads((folder / root).read_text()) == OPERATOR.instance.trusted_root()
    assert (run["image"]["key"], run["image"]["identity"]) == (signer.public_key.fingerprint, None)
    page = (folder / "index.html").read_text()
    assert f"{SUBJECT} <span" in page
    assert f'href="{root}"' in page

    offline, (online,) = commands_of(folder)
    assert [line.split()[0] for line in offline] == ["sha256sum", "cosign", "tradeplane", "cosign", "cosign"]
    assert online.endswith(f" --trust trust.json --parameter {parameters[3]} --parameter {parameters[1]}")
    assert told["policy"]["parameters"] == [
        {"name": ALGORITHM, "value": value} for value in ("macd-momentum", "sma-cross")
    ]
    assert f"{ALGORITHM} is sma-cross" in page
    for line in (*offline, online):
        done = run_in(line, folder, cosign)
        assert done.returncode == 0, (line, done.stderr)
    assert run_in(offline[1].replace(SUBJECT, f"{SUBJECT}2"), folder, cosign).returncode != 0
    (folder / root).write_text(json.dumps(CI.instance.trusted_root()))
    for line in offline[:2]:
        assert run_in(line, folder, cosign).returncode != 0, line


def test_what_a_run_was_asked_for_may_be_asked_for(
    tradeplane: Command, olareg: str, signer: FileSigner, data_key: FileSigner, tmp_path: Path
) -> None:
    chain = asyncio.run(_attested(olareg, "mixed/parameters", signer, signer, data_key))
    (tmp_path / "run.pub").write_text(signer.public_key.pem())
    asked = ("--key", "run.pub", "--key", "data.pub", "-o", "json", "--parameter")
    ended = tradeplane(
        "verify", chain.run, *asked, f"{ALGORITHM}=sma-cross", "--parameter", f"{ALGORITHM}=macd-momentum"
    )
    assert ended.code == 0, ended.out
    ended = tradeplane("verify", chain.run, *asked, f"{ALGORITHM}=macd-momentum", "--parameter", "specification.run=x")
    assert (ended.code, _last(ended)) == (3, ("attestation", "RuleRefused"))
    assert "specification.run is sp500-macd-1, and asked for is x" in json.loads(ended.out)["checks"][-1]["message"]
    ended = tradeplane("verify-image", chain.image, *asked, "image=elsewhere")
    assert (ended.code, _last(ended)) == (3, ("attestation", "RuleRefused"))
    for wrong in (ALGORITHM, "=x", "specification..run=x"):
        ended = tradeplane("verify", chain.run, *asked, wrong)
        assert (ended.code, "is no NAME=VALUE" in ended.err) == (2, True)


def test_an_export_by_other_names_refuses_the_run_and_shows_nothing_of_it(
    tradeplane: Command, olareg: str, signer: FileSigner, data_key: FileSigner, tmp_path: Path
) -> None:
    chain = asyncio.run(_attested(olareg, "mixed/refused", OPERATOR, signer, data_key))
    _by_name(OPERATOR, "runs", tmp_path)
    other = (WHO[0], f"{SUBJECT}2", *WHO[2:])
    ended = tradeplane("evidence", "export", chain.run, *other, *QUARTER, "--out", str(tmp_path / "out"))
    assert ended.code == 3, ended.err
    (run,) = json.loads((tmp_path / "out" / "runs.json").read_text())["runs"]
    assert (run["signed"], run["checks"][-1]["error"]) == (None, "PolicyRefused")
    assert not (tmp_path / "out" / "keyring.json").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((), "or --trust with a file that says it"),
        (WHO[:2], "who is to have signed"),
        (("--trust", "nowhere.json"), "nowhere.json cannot be read"),
        ((*WHO, "--trust", "trust.json"), "--certificate-identity says it too"),
    ],
)
def test_an_export_by_nobody_is_refused(
    tradeplane: Command, tmp_path: Path, given: tuple[str, ...], words: str
) -> None:
    out = tmp_path / "out"
    ended = tradeplane("evidence", "export", "localhost:1/runs", *given, *QUARTER, "--out", str(out))
    assert ended.code == 2, ended.err
    assert words in ended.err
    assert not out.exists()
