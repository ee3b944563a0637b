"""The auditor's export against real registries: what is in it, that it is the same again, and what its page prints."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field, replace
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.attestation import attest_pushed, attest_run, push_files
from tradeplane_evidence.errors import RegistryUnavailable
from tradeplane_evidence.export import examination
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.manifests import MANIFEST_TYPE, described
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.registry.referrers import push_referrer
from tradeplane_evidence.signed_referrers import bundle_artifact
from tradeplane_evidence.signing.batches import Alone, Quota, WithinQuota
from tradeplane_evidence.signing.bundle import parse_bundle
from tradeplane_evidence.snapshot_attestation import attest_snapshot
from tradeplane_evidence.statements.run import SnapshotAttestation
from tradeplane_evidence.verification import runs as verification

from tests.integration.evidence.conftest import distribution, push_image, push_results
from tests.unit.cli.conftest import tradeplane
from tests.unit.evidence import sample_images, sample_runs, sample_snapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tradeplane_evidence.publishing import Attested
    from tradeplane_evidence.signing.batches import Candidate, Signed
    from tradeplane_evidence.signing.file_signer import FileSigner

    from tests.integration.evidence.conftest import Cosign
    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

__all__ = ["tradeplane"]

QUARTER = ("--from", "2026-01-01", "--to", "2026-03-31")


async def _attest(
    host: str, repository: str, signer: FileSigner, run: str, finished: str | None, tag: str | None = None
) -> Attested:
    execution = replace(sample_runs.EXECUTION, finished=finished)
    async with Registry(host, plain_http=True) as registry:
        return await attest_run(
            sample_runs.stored(run), registry, Reference(host, repository, tag=tag), Alone(signer), execution
        )


async def _tamper(host: str, repository: str, attested: Attested) -> Reference:
    """Push results with a changed file under the genuine attestation of others, hung on them anew."""
    run = sample_runs.stored("tampered-1")
    changed = replace(run, files={**run.files, "equity.arrow": b"another file of equity"})
    async with Registry(host, plain_http=True) as registry:
        reference = await push_results(registry, repository, changed)
        data, _ = await registry.manifest(reference)
        await registry.push_blob(repository, attested.bundle)
        await push_referrer(registry, repository, bundle_artifact(attested.bundle, described(data, MANIFEST_TYPE)))
    return reference


@dataclass(frozen=True)
class Filled:
    """A registry with runs: two of the quarter, one of the next, one without a time, and one that was tampered with."""

    host: str
    references: dict[str, Reference]

    def names(self, *which: str) -> list[str]:
        return [str(self.references[one]) for one in which or self.references]


async def _fill(host: str, signer: FileSigner) -> Filled:
    found = {
        "first": await _attest(host, "audit/trading/sp500", signer, "first-1", "2026-01-01T00:00:00Z"),
        "last": await _attest(host, "audit/trading/sp500", signer, "last-1", "2026-03-31T23:59:59Z"),
        "next": await _attest(host, "audit/trading/sp500", signer, "next-1", "2026-04-01T00:00:00Z"),
        "timeless": await _attest(host, "audit/research/pairs", signer, "timeless-1", None, tag="v1"),
    }
    references = {name: attested.reference for name, attested in found.items()}
    references["tampered"] = await _tamper(host, "audit/trading/sp500", found["next"])
    return Filled(host, references)


@pytest.fixture(params=["olareg", "without_referrers"])
def filled(request: pytest.FixtureRequest, signer: FileSigner) -> Filled:
    return asyncio.run(_fill(str(request.getfixturevalue(request.param)), signer))


@pytest.fixture
def key(signer: FileSigner, tmp_path: Path) -> str:
    path = tmp_path / "signer.pub"
    path.write_text(signer.public_key.pem())
    return str(path)


def _runs(folder: Path) -> list[dict[str, Any]]:
    value: dict[str, Any] = json.loads((folder / "runs.json").read_text())
    return list(value["runs"])


def test_a_period_is_exported_with_what_was_refused(
    tradeplane: Command, filled: Filled, key: str, signer: FileSigner, tmp_path: Path
) -> None:
    ended = tradeplane(
        "evidence", "export", *filled.names(), "--key", key, *QUARTER, "--out", str(tmp_path / "out"), "-o", "json"
    )
    assert ended.code == 3, ended.err
    told = json.loads(ended.out)
    assert (told["verified"], told["outside"], len(told["refused"])) == (3, 1, 1)
    assert told["refused"][0]["reference"] == str(filled.references["tampered"])

    runs = {run["reference"]: run for run in _runs(tmp_path / "out")}
    wanted = {name: str(reference) for name, reference in filled.references.items() if name != "next"}
    assert set(runs) == set(wanted.values())
    assert {name: runs[reference]["verified"] for name, reference in wanted.items()} == {
        "first": True,
        "last": True,
        "timeless": True,
        "tampered": False,
    }
    assert (runs[wanted["first"]]["namespace"], runs[wanted["first"]]["strategy"]) == ("trading", "sp500")
    assert runs[wanted["timeless"]]["signed"]["finishedOn"] is None
    refused = runs[wanted["tampered"]]
    assert (refused["signed"], refused["summary"]) == (None, None)
    assert [(check["name"], check["error"]) for check in refused["checks"]][-1] == ("attestation", "PolicyRefused")
    _holds_what_was_signed(tmp_path / "out", runs[wanted["first"]], signer)


@dataclass
class _Together:
    """Signs once two runs have asked, so that they are one batch however long the registry takes to answer for each."""

    signer: FileSigner
    inner: WithinQuota
    authority: str | None = None
    claims: None = None
    batches: bool = True
    asked: dict[str, Candidate] = field(default_factory=dict)
    signed: dict[str, Signed] = field(default_factory=dict)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def sign(self, candidate: Candidate) -> Signed:
        self.asked[candidate.artifact] = candidate
        if len(self.asked) == 2:
            found = await asyncio.gather(*(self.inner.sign(one) for one in self.asked.values()))
            self.signed = dict(zip(self.asked, found, strict=True))
            self.done.set()
        await self.done.wait()
        return self.signed[candidate.artifact]


def test_runs_that_were_signed_together_are_exported_each_with_its_own_provenance(
    tradeplane: Command, olareg: str, key: str, signer: FileSigner, cosign: Cosign, tmp_path: Path
) -> None:
    async def attest() -> list[Attested]:
        signing = _Together(signer, WithinQuota(signer, Quota(1_000.0)))
        async with Registry(olareg, plain_http=True) as registry:
            pushed = [
                await push_files(
                    sample_runs.stored(run), registry, Reference(olareg, "audit/many"), signing, sample_runs.EXECUTION
                )
                for run in ("many-1", "many-2")
            ]
            return await asyncio.gather(*(attest_pushed(one, registry, signing) for one in pushed))

    references = [str(one.reference) for one in asyncio.run(attest())]
    ended = tradeplane("evidence", "export", *references, "--key", key, *QUARTER, "--out", str(tmp_path / "out"))
    assert ended.code == 0, ended.err
    runs = {run["signed"]["run"]: run for run in _runs(tmp_path / "out")}
    assert set(runs) == {"many-1", "many-2"}
    for name, run in runs.items():
        place = tmp_path / "out" / run["folder"]
        provenance = json.loads((place / "files" / "provenance.json").read_bytes())
        assert provenance["buildDefinition"]["externalParameters"]["specification"]["run"] == name
        assert json.loads((place / "statement.json").read_bytes())["predicate"] != provenance
        assert json.loads((place / "specification.json").read_bytes())["run"] == name
    offline, _ = commands_of(tmp_path / "out")
    assert len(offline) == 5
    for line in offline:
        done = run_in(line, tmp_path / "out", cosign)
        assert done.returncode == 0, (line, done.stderr)


async def _made_by_an_image(host: str, repository: str, signer: FileSigner, image_signer: FileSigner) -> list[str]:
    """Attest an image, and two runs that name that attestation."""
    image, attestation = await push_image(host, f"{repository}/image", image_signer)
    execution = replace(sample_runs.EXECUTION, image_attestation=attestation)
    async with Registry(host, plain_http=True) as registry:
        runs = [
            await attest_run(
                sample_runs.stored(run, str(image)), registry, Reference(host, repository), Alone(signer), execution
            )
            for run in ("made-1", "made-2")
        ]
    return [str(one.reference) for one in runs]


def test_a_chain_goes_on_to_the_commit_and_is_verified_with_the_network_cut(
    tradeplane: Command, registry_host: str, key: str, signer: FileSigner, cosign: Cosign, tmp_path: Path
) -> None:
    references = asyncio.run(_made_by_an_image(registry_host, "audit/chained", signer, signer))
    out = tmp_path / "out"
    ended = tradeplane("evidence", "export", *references, "--key", key, *QUARTER, "--out", str(out))
    assert ended.code == 0, ended.err
    images = [run["image"] for run in _runs(out)]
    assert [one["commit"] for one in images] == [sample_images.COMMIT] * 2
    (folder,) = {one["folder"] for one in images}
    assert [path.name for path in sorted((out / "images").iterdir())] == [folder.removeprefix("images/")]
    signed = json.loads((out / folder / "statement.json").read_bytes())["predicate"]["runDetails"]["byproducts"]
    assert {Path(one["path"]).name: one["sha256"] for one in images[0]["bills"]} == {
        one["name"]: one["digest"]["sha256"] for one in signed
    }
    assert all(sha256((out / one["path"]).read_bytes()).hexdigest() == one["sha256"] for one in images[0]["bills"])
    assert images[0]["leftOut"] == {}
    assert all(f'href="{one["path"]}"' in (out / "index.html").read_text() for one in images[0]["bills"])
    line = next(line for line in _runs(out)[0]["verify"] if folder in line)
    done = cosign(*[str(out / word) if (out / word).exists() else word for word in shlex.split(line)[1:]])
    assert done.returncode == 0, done.stderr
    index = out / folder / "index.json"
    index.write_bytes(index.read_bytes() + b" ")
    done = cosign(*[str(out / word) if (out / word).exists() else word for word in shlex.split(line)[1:]])
    assert done.returncode != 0
    assert f"commit {sample_images.COMMIT}" in unescape((out / "index.html").read_text())


def test_a_chain_that_does_not_hold_is_a_refusal_and_may_be_left_out(
    tradeplane: Command, olareg: str, key: str, signer: FileSigner, tmp_path: Path
) -> None:
    stranger = sample_runs.signer_in(tmp_path, scalar=0xBAD)
    references = asyncio.run(_made_by_an_image(olareg, "audit/broken", signer, stranger))
    asked = ("evidence", "export", *references, "--key", key, *QUARTER)
    ended = tradeplane(*asked, "--out", str(tmp_path / "followed"))
    assert ended.code == 3, ended.err
    (first, _) = _runs(tmp_path / "followed")
    assert [(check["name"], check["error"]) for check in first["checks"]][-1] == ("chain", "KeyRefused")
    assert (first["image"], first["summary"]) == (None, None)
    ended = tradeplane(*asked, "--no-chain", "--out", str(tmp_path / "left"))
    assert ended.code == 0, ended.err
    (first, _) = _runs(tmp_path / "left")
    assert (first["verified"], first["image"]) == (True, None)
    assert not (tmp_path / "left" / "images").exists()


async def _on_attested_data(host: str, repository: str, signer: FileSigner, importer: FileSigner) -> str:
    """Attest a snapshot, and a run that names that attestation."""
    async with Registry(host, plain_http=True) as registry:
        stored, place = sample_snapshots.stored(), Reference(host, f"{repository}/snapshots")
        data = await attest_snapshot(stored, sample_snapshots.IMPORTED, registry, place, Alone(importer))
        named = SnapshotAttestation(stored.snapshot, str(data.reference), data.attestation)
        execution = replace(sample_runs.EXECUTION, snapshots=(named,))
        run = Reference(host, f"{repository}/run")
        attested = await attest_run(sample_runs.stored(), registry, run, Alone(signer), execution)
    return str(attested.reference)


def test_attested_data_are_followed_and_verified_with_the_network_cut(
    tradeplane: Command, registry_host: str, key: str, signer: FileSigner, tmp_path: Path, cosign: Cosign
) -> None:
    importer = sample_runs.signer_in(tmp_path, scalar=0xDA7A)
    other = tmp_path / "importer.pub"
    other.write_text(importer.public_key.pem())
    reference = asyncio.run(_on_attested_data(registry_host, "audit/data", signer, importer))
    out = tmp_path / "out"
    asked = ("evidence", "export", reference, *QUARTER, "--key", key)
    ended = tradeplane(*asked, "--key", str(other), "--out", str(out))
    assert ended.code == 0, ended.err
    (run,) = _runs(out)
    (data,) = run["snapshots"]
    assert data["snapshot"] == sample_snapshots.stored().snapshot
    assert (data["key"], data["origin"]) == (importer.public_key.fingerprint, "imported from sp500.csv.gz")
    assert (out / data["path"]).is_file()
    assert "Attestation of the data" in (out / "index.html").read_text()
    (line,) = [line for line in run["verify"] if data["path"] in line]
    done = run_in(line, out, cosign)
    assert done.returncode == 0, done.stderr

    refused = tradeplane(*asked, "--out", str(tmp_path / "refused"))
    assert refused.code == 3
    (run,) = _runs(tmp_path / "refused")
    assert (run["checks"][-1]["name"], run["checks"][-1]["error"], run["snapshots"]) == ("snapshots", "KeyRefused", [])
    builder = ("--key", str(other), "--snapshot-builder", "https://example.com/other")
    assert tradeplane(*asked, *builder, "--out", str(tmp_path / "builder")).code == 3
    assert tradeplane(*asked, "--no-chain", "--out", str(tmp_path / "left")).code == 0


def _holds_what_was_signed(folder: Path, run: dict[str, Any], signer: FileSigner) -> None:
    place = folder / run["folder"]
    bundle = parse_bundle((place / "bundle.sigstore.json").read_bytes())
    assert (place / "statement.json").read_bytes() == bundle.dsse_envelope.payload_bytes()
    signer.public_key.verify(bundle.dsse_envelope.signature_bytes(), bundle.signed_bytes())
    digest = described((place / "artifact.json").read_bytes(), MANIFEST_TYPE).digest
    assert run["reference"].endswith(f"@{digest}")
    stated = json.loads((place / "statement.json").read_bytes())
    specification = json.loads((place / "specification.json").read_bytes())
    assert specification == stated["predicate"]["buildDefinition"]["externalParameters"]["specification"]
    by_name = {one["name"]: one["digest"]["sha256"] for one in stated["subject"]}
    for name in ("manifest.json", "summary.json"):
        assert described((place / "files" / name).read_bytes(), "x").digest == f"sha256:{by_name[name]}"
    assert sorted(run["leftOut"]) == ["equity.arrow", "positions.arrow", "trades.arrow"]


def test_the_same_evidence_is_the_same_bytes(tradeplane: Command, filled: Filled, key: str, tmp_path: Path) -> None:
    """Named in another order, into another place, and with another time and hash seed of the process."""
    command = ["evidence", "export", "--key", key, *QUARTER, "--with-files"]
    ended = tradeplane(*command, *filled.names(), "--out", str(tmp_path / "one.zip"))
    assert ended.code == 3, ended.err
    again = [sys.executable, "-m", "tradeplane_cli", *command, *reversed(filled.names()), "--out", "two.zip"]
    environment = os.environ | {"PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    done = subprocess.run(again, cwd=tmp_path, env=environment, capture_output=True, check=False, timeout=120)
    assert done.returncode == 3, done.stderr
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_files_are_exported_within_their_limit(tradeplane: Command, filled: Filled, key: str, tmp_path: Path) -> None:
    command = ("evidence", "export", *filled.names("first"), "--key", key, *QUARTER, "--with-files")
    assert tradeplane(*command, "--out", str(tmp_path / "all")).code == 0
    (run,) = _runs(tmp_path / "all")
    assert run["leftOut"] == {}
    equity = sample_runs.table_file("equity")
    assert (tmp_path / "all" / run["folder"] / "files" / "equity.arrow").read_bytes() == equity

    assert tradeplane(*command, "--out", str(tmp_path / "few"), "--max-file-bytes", str(len(equity))).code == 0
    (run,) = _runs(tmp_path / "few")
    assert sorted(run["leftOut"]) == ["positions.arrow", "trades.arrow"]
    assert "--max-file-bytes" in run["leftOut"]["trades.arrow"]


def test_commands_on_the_page_pass_offline(
    tradeplane: Command, filled: Filled, key: str, cosign: Cosign, tmp_path: Path
) -> None:
    """Each is run as it is printed, in the folder; those that say so without a network."""
    ended = tradeplane(
        "evidence", "export", *filled.names("first", "last"), "--key", key, *QUARTER, "--out", str(tmp_path / "out.zip")
    )
    assert ended.code == 0, ended.err
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        archive.extractall(tmp_path / "read")
    folder = tmp_path / "read"
    offline, online = commands_of(folder)
    assert [line.split()[0] for line in offline] == ["sha256sum", *["cosign", "tradeplane"] * 2]
    assert [line.split()[0] for line in online] == ["tradeplane", "tradeplane"]
    for line in offline:
        done = run_in(line, folder, cosign)
        assert done.returncode == 0, (line, done.stderr)
    for line in online:
        done = run_in(line, folder, cosign)
        assert done.returncode == 0, (line, done.stderr)

    (statement,) = [line for line in offline if "cosign" in line][:1]
    words = shlex.split(statement)
    bundle = folder / words[words.index("--bundle") + 1]
    bundle.write_bytes(bundle.read_bytes().replace(b'"sig":"M', b'"sig":"N'))
    for line in (offline[0], statement):
        assert run_in(line, folder, cosign).returncode != 0, line


def commands_of(folder: Path) -> tuple[list[str], list[str]]:
    """Return the commands that the page prints, in their order, by whether they need a network."""
    page = (folder / "index.html").read_text()
    found = re.findall(r'<pre class="command( online)?"><code>(.*?)</code></pre>', page, re.DOTALL)
    return [unescape(line) for kind, line in found if not kind], [unescape(line) for kind, line in found if kind]


def run_in(line: str, folder: Path, cosign: Cosign) -> subprocess.CompletedProcess[str]:
    """Run a line in a shell, with the programs it names, and without a network but for loopback."""
    environment = {
        "PATH": f"{cosign.path.parent}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(cosign.home),
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
    }
    return subprocess.run(
        ["sh", "-c", line], cwd=folder, env=environment, capture_output=True, check=False, text=True, timeout=60
    )


async def _hang(host: str, run: str, *signers: FileSigner) -> Reference:
    """Push a run, attested by each of the signers in turn."""
    for signer in signers:
        found = await _attest(host, "audit/trading/hung", signer, run, "2026-02-01T00:00:00Z")
    return found.reference


def test_bundles_of_others_are_kept_apart(
    tradeplane: Command, registry_host: str, key: str, signer: FileSigner, tmp_path: Path
) -> None:
    stranger = sample_runs.signer_in(tmp_path, scalar=77)
    both = asyncio.run(_hang(registry_host, "both-1", stranger, signer))
    theirs = asyncio.run(_hang(registry_host, "theirs-1", stranger))
    command = ("evidence", "export", str(both), str(theirs), "--key", key, *QUARTER)
    assert tradeplane(*command, "--out", str(tmp_path / "out")).code == 3
    runs = {run["reference"]: run for run in _runs(tmp_path / "out")}
    assert (runs[str(both)]["verified"], runs[str(theirs)]["verified"]) == (True, False)
    kept = [path for path in (file["path"] for file in runs[str(theirs)]["files"]) if path.endswith(".sigstore.json")]
    assert [path.split("/")[-2:] for path in kept] == [["not-verified", "001.sigstore.json"]]
    _holds_what_was_signed(tmp_path / "out", runs[str(both)], signer)


def test_a_file_that_was_changed_on_the_registry_s_disk_is_told(
    tradeplane: Command, key: str, signer: FileSigner, tmp_path: Path
) -> None:
    with distribution(tmp_path) as host:
        filled = asyncio.run(_fill(host, signer))
        digest = described(sample_runs.files("first-1")["manifest.json"], "x").digest.removeprefix("sha256:")
        (blob,) = tmp_path.glob(f"blobs/**/{digest}/data")
        blob.write_bytes(blob.read_bytes().replace(b"1000000", b"2000000"))
        command = ("evidence", "export", f"{host}/audit/trading", "--key", key, *QUARTER)
        ended = tradeplane(*command, "--out", str(tmp_path / "out"))
    assert ended.code == 3, ended.err
    runs = {run["reference"]: run for run in _runs(tmp_path / "out")}
    refused, well = (runs[one] for one in filled.names("first", "last"))
    assert (well["verified"], refused["verified"]) == (True, False)
    assert [(check["name"], check["error"]) for check in refused["checks"]][-1] == ("files", "DigestMismatch")
    assert refused["signed"]["finishedOn"] == "2026-01-01T00:00:00Z"  # what was signed still says what it says
    assert "files/manifest.json" not in {file["path"].split("/", 2)[2] for file in refused["files"]}
    assert "other bytes than the digest names" in ended.out


def test_a_registry_that_goes_away_leaves_nothing(
    tradeplane: Command, key: str, signer: FileSigner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers for the first runs and not for the rest: an export of those would look whole."""
    with distribution(tmp_path) as host:
        filled = asyncio.run(_fill(host, signer))
        before = verification.verify_run

        async def asked(registry: Registry, reference: Reference, *rest: Any, **more: Any) -> Any:
            if reference == filled.references["last"]:
                raise RegistryUnavailable("it went away")
            return await before(registry, reference, *rest, **more)

        monkeypatch.setattr(examination, "verify_run", asked)
        command = ("evidence", "export", *filled.names(), "--key", key, *QUARTER)
        ended = tradeplane(*command, "--out", str(tmp_path / "out.zip"))
    assert (ended.code, "it went away" in ended.err) == (4, True)
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


# What a registry lists.


@pytest.fixture(scope="module")
def listed(signer: FileSigner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """Give a registry of its own with a catalogue, as what others push is not to be found in it."""
    with distribution(tmp_path_factory.mktemp("listed")) as host:
        filled = asyncio.run(_fill(host, signer))
        asyncio.run(_other(host))
        yield filled


async def _other(host: str) -> None:
    """Push what is no run, what has no tag, and a run beside the repositories that are asked for."""
    async with Registry(host, plain_http=True) as registry:
        await push_results(registry, "audit/untagged", sample_runs.stored("untagged-1"))
        await push_results(registry, "audit-of-others/x", sample_runs.stored("other-1"))
        data = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
        await registry.push_manifest("audit/index", "v1", data, "application/vnd.oci.image.index.v1+json")


def test_runs_are_found_by_the_catalogue(tradeplane: Command, listed: Filled, key: str, tmp_path: Path) -> None:
    command = ("evidence", "export", "--key", key, *QUARTER)
    ended = tradeplane(*command, f"{listed.host}/audit", "--out", str(tmp_path / "out"), "-o", "json")
    assert ended.code == 3, ended.err
    told = json.loads(ended.out)
    assert (told["verified"], told["outside"], len(told["refused"])) == (3, 1, 1)
    exported = json.loads((tmp_path / "out" / "runs.json").read_text())
    assert {run["reference"] for run in exported["runs"]} == set(listed.names("first", "last", "timeless", "tampered"))
    assert {one["reference"]: one["why"] for one in exported["passedOver"]} == {
        f"{listed.host}/audit/index:v1": "it is no manifest of an artifact",
        f"{listed.host}/audit/untagged": "it lists no tag, and what else is in it is found by reference alone",
    }


def test_the_name_of_a_repository_is_for_those_below_it_alone(
    tradeplane: Command, listed: Filled, key: str, tmp_path: Path
) -> None:
    command = ("evidence", "export", "--key", key, *QUARTER, "-o", "json")
    ended = tradeplane(*command, f"{listed.host}/audit/research", "--out", str(tmp_path / "out"))
    assert ended.code == 0, ended.err
    assert [run["strategy"] for run in _runs(tmp_path / "out")] == ["pairs"]
    ended = tradeplane(*command, f"{listed.host}/audit/res", "--out", str(tmp_path / "none"))
    assert ended.code == 3
    assert "lists no repository audit/res, and none below it" in ended.err
    assert not (tmp_path / "none").exists()


def test_a_registry_without_a_catalogue_says_what_to_do(
    tradeplane: Command, olareg: str, key: str, tmp_path: Path
) -> None:
    ended = tradeplane("evidence", "export", f"{olareg}/audit", "--key", key, *QUARTER, "--out", str(tmp_path / "out"))
    assert ended.code == 3
    assert "does not list its repositories" in ended.err
    assert "kubectl get strategies -A -o json" in ended.err
    assert not (tmp_path / "out").exists()


def test_more_runs_or_bytes_than_allowed_say_what_to_raise(
    tradeplane: Command, listed: Filled, key: str, tmp_path: Path
) -> None:
    command = ("evidence", "export", f"{listed.host}/audit", "--key", key, *QUARTER, "--out", str(tmp_path / "out.zip"))
    for limit, name in (("2", "--max-runs"), ("5000", "--max-bytes")):
        ended = tradeplane(*command, name, limit)
        assert (ended.code, f"raise {name}" in ended.err) == (3, True)
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


# What a cluster lists.


def test_a_list_of_strategies_names_runs_and_what_is_missing(
    tradeplane: Command, filled: Filled, key: str, tmp_path: Path
) -> None:
    def stated(name: str, reference: Reference | None, finished: str) -> dict[str, Any]:
        attestation = None if reference is None else {"reference": str(reference)}
        return {"name": name, "outcome": "Succeeded", "completionTime": finished, "attestation": attestation}

    history = [
        stated("bare-1", None, "2026-02-01T00:00:00Z"),
        stated("bare-of-april", None, "2026-04-01T00:00:00Z"),
        stated("bare-at-no-time\u202e", None, "0001-01-01T00:00:00+14:00"),
        stated("next-1", filled.references["next"], "2026-02-01T00:00:00Z"),
    ]
    status = {"latest": stated("first-1", filled.references["first"], "2026-01-01T00:00:00Z"), "history": history}
    items = [{"metadata": {"name": "sp500", "namespace": "trading"}, "status": status}]
    (tmp_path / "strategies.json").write_text(json.dumps({"items": items}))
    ended = tradeplane(
        *("evidence", "export", "--runs", "strategies.json", "--keyring", key, *QUARTER),
        *("--out", str(tmp_path / "out"), "-o", "json"),
    )
    assert ended.code == 3, ended.err
    told = json.loads(ended.out)
    assert (told["verified"], told["refused"], told["outside"]) == (1, [], 1)  # by what was signed, not by the list
    assert told["unattested"] == ["trading/sp500/bare-at-no-time\\u202e", "trading/sp500/bare-1"]
    assert "bare-1" in (tmp_path / "out" / "index.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "nothing says which runs"),
        (("--runs", "nowhere.json"), 2, "nowhere.json cannot be read"),
        (("runs/x",), 2, "names nothing in a registry"),
        (("localhost:1/runs/x", "--from", "2026-13-01"), 2, "the first day is 2026-13-01"),
        (("--runs", "signer.pub"), 2, "the list of Strategies is not JSON"),
        (("localhost:1/runs/x", "--out", "no/such/folder/out"), 2, "cannot write no/such/folder/out"),
    ],
)
def test_what_is_asked_wrongly_is_said(
    tradeplane: Command, key: str, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ended = tradeplane("evidence", "export", "--key", key, *QUARTER, "--out", "out", *arguments)
    assert (ended.code, words in ended.err) == (code, True), ended.err


def test_a_run_that_is_gone_is_told_and_not_left_out(
    tradeplane: Command, filled: Filled, key: str, tmp_path: Path
) -> None:
    gone = f"{filled.host}/audit/trading/sp500@sha256:{'00' * 32}"
    command = ("evidence", "export", gone, *filled.names("first"), "--key", key, *QUARTER)
    ended = tradeplane(*command, "--out", str(tmp_path / "out"))
    assert ended.code == 3, ended.err
    assert {run["reference"]: run["verified"] for run in _runs(tmp_path / "out")} == {
        gone: False,
        filled.names("first")[0]: True,
    }
    assert "The registry does not have it" in (tmp_path / "out" / "index.html").read_text()
