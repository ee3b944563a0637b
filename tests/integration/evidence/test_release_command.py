"""``tradeplane release sign`` and ``verify`` as a person calls them, and cosign on what they leave, asking nobody."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.release_build import CHECKSUMS

from tests.integration.evidence.timestamp_authority import chain_of, timestamp_authority, timestamps_at
from tests.unit.cli.conftest import tradeplane
from tests.unit.evidence import sample_releases, sample_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.evidence.conftest import Cosign
    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

__all__ = ["tradeplane"]

OFFLINE = "--insecure-ignore-tlog"
BUILDER = "https://tradeplane.dev/evidence/builders/release-local-v1"


@pytest.fixture(params=[False, True], ids=["P-256", "Ed25519"])
def key(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URI of a key of each kind; its public half is key.pub."""
    signer = sample_runs.signer_in(tmp_path, edwards=request.param)
    (tmp_path / "key.pub").write_text(signer.public_key.pem())
    return f"file:{sample_runs.key_file(tmp_path, edwards=request.param)}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return sample_releases.write(tmp_path / "tradeplane-0.1.0")


@pytest.fixture
def signed(tradeplane: Command, folder: Path, key: str) -> dict[str, Any]:
    """Sign the release; give what the command says."""
    ended = tradeplane("release", "sign", str(folder), "--signer", key, "-o", "json")
    assert ended.code == 0, ended.err
    return dict(json.loads(ended.out))


def test_cosign_verifies_every_file_by_the_provenance(
    signed: dict[str, Any], folder: Path, cosign: Cosign, tmp_path: Path
) -> None:
    asked = ("verify-blob-attestation", "--key", tmp_path / "key.pub", OFFLINE, "--bundle", signed["provenance"])
    for name in sample_releases.contents():
        done = cosign(*asked, "--type", "https://slsa.dev/provenance/v1", folder / name)
        assert done.returncode == 0, done.stderr
    (folder / "install.yaml").write_bytes(b"kind: Job\n")
    assert cosign(*asked, "--type", "https://slsa.dev/provenance/v1", folder / "install.yaml").returncode != 0


def test_cosign_verifies_the_list_of_digests(
    signed: dict[str, Any], folder: Path, cosign: Cosign, tmp_path: Path
) -> None:
    asked = ("verify-blob", "--key", tmp_path / "key.pub", OFFLINE, "--bundle", signed["checksums"])
    done = cosign(*asked, folder / CHECKSUMS)
    assert done.returncode == 0, done.stderr
    other = tmp_path / "other"
    other.mkdir()
    (other / "key.pub").write_text(sample_runs.signer_in(other, scalar=99).public_key.pem())
    assert cosign(*asked[:2], other / "key.pub", *asked[3:], folder / CHECKSUMS).returncode != 0
    (folder / CHECKSUMS).write_bytes((folder / CHECKSUMS).read_bytes().replace(b"crds", b"card"))
    assert cosign(*asked, folder / CHECKSUMS).returncode != 0


def test_a_person_is_told_line_by_line(
    tradeplane: Command, signed: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    assert (signed["release"], signed["tag"], signed["files"]) == ("0.1.0", "v0.1.0", 5)
    asked = ("--release", "0.1.0", "--commit", sample_releases.COMMIT, "--source", sample_releases.REPOSITORY)
    ended = tradeplane("release", "verify", str(folder), "--key", "key.pub", *asked)
    assert ended.code == 0, ended.out + ended.err
    assert [line.split()[:2] for line in ended.out.splitlines()] == [
        ["ok", name] for name in ("signature", "policy", "release", "source", "files", "checksums", "time")
    ]
    assert f"builder {BUILDER}" in ended.out
    found = json.loads(tradeplane("release", "verify", str(folder), "--key", "key.pub", "-o", "json").out)
    assert (found["release"], found["verified"], found["commit"]) == ("0.1.0", True, sample_releases.COMMIT)


def test_one_file_is_verified_where_it_lies(
    tradeplane: Command, signed: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    beside = tradeplane("release", "verify", str(folder / "install.yaml"), "--key", "key.pub")
    assert beside.code == 0, beside.err
    assert "1 of 5 files" in beside.out
    (folder / "install.yaml").rename(tmp_path / "install.yaml")
    asked = ("release", "verify", "install.yaml", "--key", "key.pub")
    missing = tradeplane(*asked)
    assert missing.code == 2
    assert "--provenance" in missing.err
    assert tradeplane(*asked, "--provenance", signed["provenance"]).code == 0
    whole = tradeplane("release", "verify", str(folder), "--key", "key.pub", "-o", "json")
    assert whole.code == 3
    assert json.loads(whole.out)["checks"][-1]["error"] == "Incomplete"


def test_a_pipe_in_place_of_the_provenance_is_not_waited_for(
    tradeplane: Command, signed: dict[str, Any], folder: Path
) -> None:
    for name in ("provenance.sigstore.json", "SHA256SUMS.sigstore.json"):
        kept = (folder / name).read_bytes()
        (folder / name).unlink()
        os.mkfifo(folder / name)
        ended = tradeplane("release", "verify", str(folder), "--key", "key.pub")
        assert ended.code == 3
        assert f"{name} is no plain file" in ended.err
        (folder / name).unlink()
        (folder / name).write_bytes(kept)


CHANGES: dict[str, Callable[[Path], object]] = {
    "changed": lambda folder: (folder / "install.yaml").write_bytes(b"kind: Job\n"),
    "missing": lambda folder: (folder / "install.yaml").unlink(),
    "beside": lambda folder: (folder / "more.sh").touch(),
    "list missing": lambda folder: (folder / CHECKSUMS).unlink(),
}


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_what_happened_to_it_after_it_was_signed_ends_with_3(
    tradeplane: Command, signed: dict[str, Any], folder: Path, change: str
) -> None:
    CHANGES[change](folder)
    ended = tradeplane("release", "verify", str(folder), "--key", "key.pub")
    assert ended.code == 3
    assert ended.out.splitlines()[-1].startswith("FAIL files")


@pytest.mark.parametrize(
    "asked",
    [("--release", "0.2.0"), ("--commit", "ee" * 20), ("--builder", "https://x.example"), ("--require-timestamp",)],
)
def test_what_is_not_as_asked_ends_with_3(
    tradeplane: Command, signed: dict[str, Any], folder: Path, asked: tuple[str, ...]
) -> None:
    ended = tradeplane("release", "verify", str(folder), "--key", "key.pub", *asked, "-o", "json")
    assert ended.code == 3
    assert json.loads(ended.out)["checks"][-1]["error"] == "PolicyRefused"


@pytest.mark.parametrize("change", ["changed", "missing", "beside"])
def test_nothing_is_signed_that_was_not_built(tradeplane: Command, folder: Path, key: str, change: str) -> None:
    CHANGES[change](folder)
    ended = tradeplane("release", "sign", str(folder), "--signer", key)
    assert ended.code == 3
    assert "build again" in ended.err
    assert not list(folder.glob("*.sigstore.json"))


def test_a_snapshot_is_not_signed(tradeplane: Command, tmp_path: Path, key: str) -> None:
    folder = sample_releases.write(tmp_path / "snapshot", tag=None)
    ended = tradeplane("release", "sign", str(folder), "--signer", key)
    assert ended.code == 3
    assert "without --snapshot" in ended.err


def test_what_is_asked_wrongly_ends_with_2(tradeplane: Command, folder: Path, key: str) -> None:
    folder.with_name(f"{folder.name}.build.json").unlink()
    unrecorded = tradeplane("release", "sign", str(folder), "--signer", key)
    assert unrecorded.code == 2
    assert "make release" in unrecorded.err
    by_nobody = tradeplane("release", "verify", str(folder))
    assert by_nobody.code == 2
    unsigned = tradeplane("release", "verify", str(folder), "--key", "key.pub")
    assert unsigned.code == 2
    twice = tradeplane("release", "verify", str(folder / "crds.yaml"), str(folder / "crds.yaml"), "--key", "key.pub")
    assert twice.code == 2


def test_an_authority_says_when_it_was_signed(tradeplane: Command, folder: Path, key: str, tmp_path: Path) -> None:
    with timestamp_authority(tmp_path) as address:
        asked = ("--timestamp-authority", timestamps_at(address))
        ended = tradeplane("release", "sign", str(folder), "--signer", key, *asked)
        assert ended.code == 0, ended.err
        keyring = {
            "schemaVersion": 1,
            "kind": "Keyring",
            "keys": [{"publicKey": (tmp_path / "key.pub").read_text(), "builders": [BUILDER]}],
            "timestampAuthorities": [{"certificateChain": chain_of(address).decode()}],
        }
    (tmp_path / "keyring.json").write_text(json.dumps(keyring))
    ended = tradeplane("release", "verify", str(folder), "--key", "keyring.json", "--require-timestamp")
    assert ended.code == 0, ended.out + ended.err
    assert "by the timestamp authority" in ended.out.splitlines()[-1]
