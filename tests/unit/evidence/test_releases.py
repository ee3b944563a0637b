"""A release that was downloaded: nothing in it is another, missing or beside, and it is of who is relied on."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.release_build import CHECKSUMS, MAX_FILES
from tradeplane_evidence.errors import InvalidKey, InvalidReference, Malformed
from tradeplane_evidence.keyless.identities import Identity
from tradeplane_evidence.keyless.trusted_identity import TrustedIdentity
from tradeplane_evidence.keyless.trusted_root import read_trusted_root
from tradeplane_evidence.release_attestation import sign_release
from tradeplane_evidence.release_folder import CHECKSUMS_BUNDLE, PROVENANCE, file_at, files_of
from tradeplane_evidence.signing.keyring import Keyring, TrustedKey
from tradeplane_evidence.signing.messages import sign_message
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.statements.batch import BATCH_BUILD_TYPE
from tradeplane_evidence.statements.release import LOCAL_RELEASE_BUILDER, RELEASE_BUILD_TYPE, release_statement
from tradeplane_evidence.statements.statement import Statement, serialise
from tradeplane_evidence.verification.attestations import Trust
from tradeplane_evidence.verification.releases import Expected, Whole, release_policy, verify_release

from tests.unit.evidence import sample_images, sample_releases, sample_runs
from tests.unit.evidence.private_sigstore import ISSUER, SUBJECT, PrivateSigstore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.verification.releases import ReleaseVerification

NOW = datetime(2026, 1, 6, tzinfo=UTC)
ASKED = Expected()


@pytest.fixture(params=[False, True], ids=["P-256", "Ed25519"])
def signer(request: pytest.FixtureRequest, tmp_path: Path) -> FileSigner:
    return sample_runs.signer_in(tmp_path, edwards=request.param)


def _bundle(signer: FileSigner, change: Callable[[dict[str, Any]], object] = lambda _: None) -> bytes:
    plain = release_statement(sample_releases.evidence()).plain()
    change(plain)
    return sign_statement(Statement.model_validate(plain), signer)


def _trust(signer: FileSigner, **rights: Any) -> Trust:
    return Trust(Keyring((TrustedKey(signer.public_key, **rights),)), release_policy(), NOW)


def _whole(signer: FileSigner, listed: bytes | None = None) -> Whole:
    data = sample_releases.contents()[CHECKSUMS] if listed is None else listed
    return Whole(data, asyncio.run(sign_message(data, signer, None)))


def _verified(
    signer: FileSigner,
    files: Mapping[str, bytes] | None = None,
    trust: Trust | None = None,
    bundle: bytes | None = None,
    whole: Whole | None = None,
    expected: Expected = ASKED,
) -> ReleaseVerification:
    return verify_release(
        "release",
        bundle or _bundle(signer),
        sample_releases.described(files),
        trust or _trust(signer),
        expected,
        whole or _whole(signer),
    )


def _failure(found: ReleaseVerification) -> tuple[str, str | None]:
    assert not found.passed
    assert all(check.passed for check in found.checks[:-1])
    return found.checks[-1].name, found.checks[-1].error


def test_a_whole_release_is_verified_line_by_line(signer: FileSigner) -> None:
    found = _verified(signer)
    assert found.passed, found.checks
    assert [check.name for check in found.checks] == [
        *("signature", "policy", "release", "source", "files", "checksums", "time")
    ]
    assert (found.version, found.commit) == ("0.1.0", sample_releases.COMMIT)
    size = sum(len(data) for data in sample_releases.contents().values())
    assert found.checks[4].words == f"all 5 files, {size} bytes, each as it was signed, and no other"


@pytest.mark.parametrize("name", sorted(sample_releases.contents()))
def test_a_file_that_is_another_or_missing_is_named(signer: FileSigner, name: str) -> None:
    files = sample_releases.contents()
    found = _verified(signer, files | {name: files[name] + b" "})
    assert _failure(found) == ("files", "DigestMismatch")
    assert found.checks[-1].words.startswith(f"{name}: ")
    found = _verified(signer, {other: data for other, data in files.items() if other != name})
    assert _failure(found) == ("files", "Incomplete")
    assert found.checks[-1].words.startswith(f"{name}: ")


def test_a_file_that_nobody_signed_is_named(signer: FileSigner) -> None:
    found = _verified(signer, sample_releases.contents() | {"extra.sh": b"#!/bin/sh\n"})
    assert _failure(found) == ("files", "NotAttested")
    assert "extra.sh" in found.checks[-1].words


@given(st.sets(st.sampled_from(sorted(sample_releases.contents())), min_size=1), st.booleans())
def test_some_files_are_verified_without_the_others_and_never_another(
    tmp_path_factory: pytest.TempPathFactory, names: set[str], changed: bool
) -> None:
    one = sample_runs.signer_in(tmp_path_factory.mktemp("key"))
    files = {name: sample_releases.contents()[name] + (b"!" if changed else b"") for name in names}
    found = verify_release("x", _bundle(one), sample_releases.described(files), _trust(one), ASKED)
    assert found.passed is not changed
    assert "checksums" not in [check.name for check in found.checks]


@pytest.mark.parametrize(
    ("expected", "step"),
    [
        (Expected(version="0.2.0"), "release"),
        (Expected(commit="ee" * 20), "source"),
        (Expected(commit=sample_releases.COMMIT[:12]), "source"),
        (Expected(repository="https://git.example.com/other"), "source"),
        (Expected(repository="https://git.example.com"), "source"),
    ],
)
def test_what_is_not_as_asked_is_refused(signer: FileSigner, expected: Expected, step: str) -> None:
    asked = Expected("0.1.0", sample_releases.COMMIT, sample_releases.REPOSITORY)
    assert _verified(signer, expected=asked).passed
    assert _failure(_verified(signer, expected=expected)) == (step, "PolicyRefused")


def test_another_key_is_refused(signer: FileSigner, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    stranger = sample_runs.signer_in(other, scalar=99)
    assert _failure(_verified(signer, trust=_trust(stranger))) == ("signature", "KeyRefused")


@pytest.mark.parametrize(
    "rights",
    [
        {"builders": frozenset({"https://tradeplane.dev/evidence/builders/images-local-v1"})},
        {"builders": frozenset(), "users": frozenset({"alice@example.com"})},
    ],
    ids=["images", "approvals"],
)
def test_a_key_of_another_role_is_refused(signer: FileSigner, rights: dict[str, Any]) -> None:
    assert _verified(signer, trust=_trust(signer, builders=frozenset({LOCAL_RELEASE_BUILDER}))).passed
    found = _verified(signer, trust=_trust(signer, **rights))
    assert _failure(found) == ("signature", "PolicyRefused")
    assert "does not sign for builder" in found.checks[-1].words


def test_a_key_that_was_valid_at_another_time_is_refused(signer: FileSigner) -> None:
    trust = _trust(signer, not_after=datetime(2026, 1, 4, tzinfo=UTC))
    assert _failure(_verified(signer, trust=trust)) == ("signature", "KeyRefused")


def _definition(statement: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = statement["predicate"]["buildDefinition"]
    return found


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str, str]] = {
    "another build type": (
        lambda one: _definition(one).update(buildType="https://tradeplane.dev/evidence/image-v1"),
        *("signature", "PolicyRefused"),
    ),
    "a statement of many runs": (
        lambda one: _definition(one).update(buildType=BATCH_BUILD_TYPE, externalParameters={}),
        *("signature", "PolicyRefused"),
    ),
    "an unknown parameter": (
        lambda one: _definition(one)["externalParameters"].update(flavour="debug"),
        *("signature", "PolicyRefused"),
    ),
    "another predicate": (lambda one: one.update(predicateType="https://x.example"), "signature", "PolicyRefused"),
    "no version": (lambda one: _definition(one)["externalParameters"].pop("version"), "release", "Malformed"),
    "another tag": (lambda one: _definition(one)["externalParameters"].update(tag="v9.9.9"), "release", "Malformed"),
    "a version for a terminal": (
        lambda one: _definition(one)["externalParameters"].update(version="\x1b[2J", tag="v\x1b[2J"),
        *("release", "Malformed"),
    ),
    "no commit": (
        lambda one: _definition(one)["resolvedDependencies"][0].update(digest={"gitTree": "ee" * 20}),
        *("source", "Malformed"),
    ),
    "no sources": (lambda one: _definition(one)["resolvedDependencies"].pop(0), "source", "Malformed"),
    "a path": (lambda one: one["subject"][0].update(name="../../etc/passwd"), "files", "Malformed"),
    "no name": (lambda one: one["subject"][0].pop("name"), "files", "Malformed"),
    "a name twice": (lambda one: one["subject"].append(one["subject"][0]), "files", "Malformed"),
    "another digest than SHA-256": (
        lambda one: one["subject"][0].update(digest={"sha1": "ee" * 20}),
        *("files", "Malformed"),
    ),
}


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_what_a_trusted_key_signed_and_is_no_release_is_refused(signer: FileSigner, change: str) -> None:
    changed, step, error = CHANGES[change]
    assert _failure(_verified(signer, bundle=_bundle(signer, changed))) == (step, error)


def test_an_image_s_provenance_is_none_of_a_release(signer: FileSigner) -> None:
    bundle = sign_statement(sample_images.statement(), signer)
    assert _failure(_verified(signer, bundle=bundle)) == ("signature", "PolicyRefused")


def test_no_changed_byte_of_the_provenance_is_another_claim(signer: FileSigner) -> None:
    bundle, whole = _bundle(signer), _whole(signer)
    genuine = _verified(signer, bundle=bundle, whole=whole)
    for place in range(len(bundle)):
        changed = bytearray(bundle)
        changed[place] ^= 1 << (place % 8)
        found = _verified(signer, bundle=bytes(changed), whole=whole)
        assert not found.passed or found == genuine, f"byte {place}"


def test_the_list_of_digests_says_the_same_and_is_signed_by_the_same_key(signer: FileSigner, tmp_path: Path) -> None:
    good = _whole(signer)
    assert _verified(signer, whole=replace(good, checksums_bundle=None)).passed
    other = tmp_path / "other"
    other.mkdir()
    stranger = _whole(sample_runs.signer_in(other, scalar=99))
    assert _failure(_verified(signer, whole=stranger)) == ("checksums", "SignatureRefused")
    longer = _whole(signer, good.checksums + b"\n")
    assert _failure(_verified(signer, whole=longer)) == ("checksums", "DigestMismatch")
    of_something_else = replace(good, checksums_bundle=longer.checksums_bundle)
    assert _failure(_verified(signer, whole=of_something_else)) == ("checksums", "DigestMismatch")
    statement = replace(good, checksums_bundle=b"{}")
    assert _failure(_verified(signer, whole=statement)) == ("checksums", "Malformed")


@pytest.mark.parametrize(
    "line", ["", "x", "00  /etc/passwd", f"{'0' * 64}  unknown", f"{'0' * 64} *crds.yaml", "# comment"]
)
def test_a_list_that_says_something_else_is_refused_though_it_is_signed(signer: FileSigner, line: str) -> None:
    """Somebody made and signed it so: who checks by the list alone would accept another file."""
    files = {**sample_releases.contents()}
    files[CHECKSUMS] += f"{line}\n".encode()
    evidence = sample_releases.evidence(files=tuple(sample_releases.described(files).values()))
    bundle = sign_statement(release_statement(evidence), signer)
    found = _verified(signer, files, bundle=bundle, whole=_whole(signer, files[CHECKSUMS]))
    assert _failure(found) == ("checksums", "Malformed")


def test_a_release_by_somebody_without_a_key_is_verified() -> None:
    sigstore = PrivateSigstore()
    bundle = json.dumps(sigstore.statement(serialise(release_statement(sample_releases.evidence())))).encode()
    listed = sample_releases.contents()[CHECKSUMS]
    root = read_trusted_root(json.dumps(sigstore.trusted_root()).encode())
    for issuer, passed in ((ISSUER, True), ("https://example.com", False)):
        trust = Trust(TrustedIdentity(Identity(SUBJECT, issuer), root), release_policy(), NOW)
        for beside in (None, json.dumps(sigstore.message(listed)).encode()):
            found = verify_release("x", bundle, sample_releases.described(), trust, ASKED, Whole(listed, beside))
            assert found.passed is passed, found.checks
    another = json.dumps(PrivateSigstore(seed=2).message(listed)).encode()
    trust = Trust(TrustedIdentity(Identity(SUBJECT, ISSUER), root), release_policy(), NOW)
    found = verify_release("x", bundle, sample_releases.described(), trust, ASKED, Whole(listed, another))
    assert _failure(found)[0] == "checksums"


class _Keyless:
    """In the place of a keyless signer: the instance is made by hand, and what it gives is what one gives."""

    name = SUBJECT
    deterministic = False
    sigstore = PrivateSigstore()

    def issuer(self) -> str:
        return ISSUER

    def signed_bundle(self, payload: bytes) -> bytes:
        return json.dumps(self.sigstore.statement(payload)).encode()

    def message_bundle(self, data: bytes) -> bytes:
        return json.dumps(self.sigstore.message(data)).encode()

    def payload_of(self, bundle: bytes) -> bytes:
        raise AssertionError(f"nothing was signed before: {bundle!r}")


def test_who_signs_without_a_key_signs_the_list_as_well(tmp_path: Path) -> None:
    folder, keyless = sample_releases.write(tmp_path / "release"), _Keyless()
    signed = asyncio.run(sign_release(folder, sample_releases.evidence(), keyless))
    assert (folder / CHECKSUMS_BUNDLE).read_bytes() == signed.checksums
    root = read_trusted_root(json.dumps(keyless.sigstore.trusted_root()).encode())
    trust = Trust(TrustedIdentity(Identity(SUBJECT, ISSUER), root), release_policy(), NOW)
    listed = Whole((folder / CHECKSUMS).read_bytes(), signed.checksums)
    found = verify_release(str(folder), signed.provenance, files_of(folder), trust, ASKED, listed)
    assert found.passed, found.checks
    assert "is signed by the same signer" in next(one.words for one in found.checks if one.name == "checksums")
    another = Whole(listed.checksums, keyless.message_bundle(b"another list"))
    refused = verify_release(str(folder), signed.provenance, files_of(folder), trust, ASKED, another)
    assert _failure(refused) == ("checksums", "DigestMismatch")


def test_an_authority_beside_those_of_a_keyless_signer_signs_nothing(tmp_path: Path) -> None:
    folder = sample_releases.write(tmp_path / "release")
    before = {path.name for path in folder.iterdir()}
    with pytest.raises(InvalidKey, match="leave out http"):
        asyncio.run(sign_release(folder, sample_releases.evidence(), _Keyless(), "http://127.0.0.1:9"))
    with pytest.raises(InvalidKey, match="leave out http"):
        asyncio.run(sign_message(b"x", _Keyless(), "http://127.0.0.1:9"))
    assert {path.name for path in folder.iterdir()} == before


def test_what_is_signed_is_verified_as_it_lies_there(signer: FileSigner, tmp_path: Path) -> None:
    folder = sample_releases.write(tmp_path / "release")
    signed = asyncio.run(sign_release(folder, sample_releases.evidence(), signer))
    assert {path.name for path in folder.iterdir()} == {*sample_releases.contents(), PROVENANCE, CHECKSUMS_BUNDLE}
    assert (folder / PROVENANCE).read_bytes() == signed.provenance
    whole = Whole((folder / CHECKSUMS).read_bytes(), (folder / CHECKSUMS_BUNDLE).read_bytes())
    found = verify_release("x", signed.provenance, files_of(folder), _trust(signer), ASKED, whole)
    assert found.passed, found.checks
    payload = base64.b64decode(json.loads(signed.provenance)["dsseEnvelope"]["payload"])
    assert json.loads(payload)["predicate"]["buildDefinition"]["buildType"] == RELEASE_BUILD_TYPE


def test_signing_again_leaves_the_same_bytes(signer: FileSigner, tmp_path: Path) -> None:
    folder = sample_releases.write(tmp_path / "release")
    first = asyncio.run(sign_release(folder, sample_releases.evidence(), signer))
    assert asyncio.run(sign_release(folder, sample_releases.evidence(), signer)) == first


def _linked(folder: Path) -> None:
    (folder / "link").symlink_to("/etc/passwd")


def _replaced(folder: Path) -> None:
    (folder / "crds.yaml").unlink()
    (folder / "crds.yaml").symlink_to("install.yaml")


def _too_many(folder: Path) -> None:
    for number in range(MAX_FILES):
        (folder / f"x{number}").touch()


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link": (_linked, "link is a link"),
    "a link in place of a file": (_replaced, "crds.yaml is a link"),
    "a folder": (lambda folder: (folder / "more").mkdir(), "no plain file"),
    "a pipe": (lambda folder: os.mkfifo(folder / "pipe"), "no plain file"),
    "a hidden file": (lambda folder: (folder / ".netrc").touch(), "no name of a file"),
    "a name for a terminal": (lambda folder: (folder / "a\x1b[2J").touch(), "no name of a file"),
    "a name for a shell": (lambda folder: (folder / "-rf").touch(), "no name of a file"),
    "too many files": (_too_many, "more than 1,000 files"),
}


@pytest.mark.parametrize("what", sorted(HOSTILE))
def test_what_no_release_has_is_neither_read_nor_signed(tmp_path: Path, what: str) -> None:
    folder = sample_releases.write(tmp_path / "release")
    make, words = HOSTILE[what]
    make(folder)
    with pytest.raises(Malformed, match=words):
        files_of(folder)
    with pytest.raises(Malformed, match=words):
        asyncio.run(sign_release(folder, sample_releases.evidence(), sample_runs.signer_in(tmp_path)))
    assert not (folder / PROVENANCE).exists()


def test_a_file_that_is_larger_than_any_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradeplane_evidence.release_folder.MAX_FILE_BYTES", 4)
    (tmp_path / "x").write_bytes(b"12345")
    with pytest.raises(Malformed, match="more than 4 bytes"):
        file_at(tmp_path / "x")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidReference, match="nowhere"):
        files_of(tmp_path / "nowhere")
