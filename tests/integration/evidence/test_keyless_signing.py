"""Runs signed without a key, as a service account of a real API server, by a Sigstore of published programs."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from tradeplane_api.release_build import CHECKSUMS
from tradeplane_evidence.errors import (
    CertificateRefused,
    EvidenceError,
    InvalidKey,
    Malformed,
    PolicyRefused,
    SignatureRefused,
    SignerUnavailable,
    TimestampRefused,
)
from tradeplane_evidence.keyless.identities import Identity
from tradeplane_evidence.keyless.signer import KeylessSigner
from tradeplane_evidence.keyless.trusted_root import TrustRoot, read_trusted_root
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.referrers import list_referrers
from tradeplane_evidence.signing.opening import open_statement_signer
from tradeplane_evidence.statements.statement import serialise
from tradeplane_evidence.verification.artifact_verification import verify_by_identity
from tradeplane_evidence.verification.artifacts import Artifact, artifact_of
from tradeplane_stacks.local.control_plane import ISSUER
from tradeplane_store.objects import open_store

from tests.integration.evidence.conftest import push
from tests.integration.evidence.private_instance import Instance, private_instance
from tests.integration.evidence.test_export import commands_of, run_in
from tests.ports import free_port
from tests.unit.cli.conftest import tradeplane
from tests.unit.evidence import sample_releases, sample_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tradeplane_stacks.local.cluster import EmbeddedCluster

    from tests.integration.evidence.conftest import Cosign
    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

__all__ = ["tradeplane"]

NAMESPACE = "keyless"
SUBJECT = f"https://kubernetes.io/namespaces/{NAMESPACE}/serviceaccounts/operator"
OPERATOR = Identity(SUBJECT, ISSUER)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
ABOUT = artifact_of(sample_runs.artifact().digest)


@dataclass(frozen=True)
class Signing:
    """An instance, and a way to tokens of the cluster's service accounts."""

    instance: Instance
    root: TrustRoot
    cluster: EmbeddedCluster
    folder: Path

    def token(self, account: str = "operator", audience: str = "sigstore") -> Path:
        """Write a token of a service account to a file, as a kubelet does."""
        path = self.folder / f"{account}-{audience}.token"
        asked = ("create", "token", account, "--namespace", NAMESPACE, "--audience", audience)
        path.write_text(self.cluster.client.run(*asked))
        return path

    def uri(self, token: Path, subject: str = SUBJECT, trust: Path | None = None) -> str:
        """Return the URI of a signer."""
        return f"keyless:{trust or self.instance.trust_config}?token-file={token}&identity={quote(subject, safe='')}"

    def signer(self, token: Path, subject: str = SUBJECT, trust: Path | None = None) -> KeylessSigner:
        """Open a signer."""
        found = open_statement_signer(self.uri(token, subject, trust))
        assert isinstance(found, KeylessSigner)
        return found


@pytest.fixture(scope="module")
def signing(control_plane: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signing]:
    """Run an instance beside an API server with two service accounts."""
    folder = tmp_path_factory.mktemp("sigstore")
    control_plane.client.run("create", "namespace", NAMESPACE)
    for account in ("operator", "somebody"):
        control_plane.client.run("create", "serviceaccount", account, "--namespace", NAMESPACE)
    with private_instance(folder, control_plane.client) as instance:
        root = read_trusted_root(instance.trusted_root.read_bytes())
        yield Signing(instance, root, control_plane, folder)


@pytest.fixture(scope="module")
def bundle(signing: Signing) -> bytes:
    """Sign the statement of the sample run."""
    return signing.signer(signing.token()).signed_bundle(serialise(sample_runs.statement()))


def test_a_bundle_says_who_signed_and_when(bundle: bytes, signing: Signing) -> None:
    claim = verify_by_identity(bundle, ABOUT, OPERATOR, signing.root)
    assert claim.signer == f"{SUBJECT} (by {ISSUER})"
    assert claim.stamped is not None
    assert "CN=Test TSA Timestamping" in claim.stamped[1]
    (entry,) = json.loads(bundle)["verificationMaterial"]["tlogEntries"]
    assert entry["kindVersion"] == {"kind": "hashedrekord", "version": "0.0.2"}


def test_a_run_is_attested_and_verified(
    signing: Signing, tradeplane: Command, olareg: str, tmp_path: Path, cosign: Cosign
) -> None:
    sample_runs.store_it(open_store((tmp_path / "store").as_uri()))
    asked = ("--to", f"{olareg}/keyless/attested", "--signer", signing.uri(signing.token()))
    ended = tradeplane("attest", sample_runs.RUN, *asked, "-o", "json")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["identity"] == SUBJECT
    again = tradeplane("attest", sample_runs.RUN, *asked, "-o", "json")
    assert json.loads(again.out)["attestation"] == told["attestation"], again.err

    root = ("--trusted-root", str(signing.instance.trusted_root))
    who = ("--certificate-identity", SUBJECT, "--certificate-oidc-issuer", ISSUER)
    ended = tradeplane("verify", told["reference"], *who, *root, "--require-timestamp")
    assert ended.code == 0, ended.out
    assert f"by {SUBJECT} (by {ISSUER})" in ended.out

    provenance = ("--use-signed-timestamps", "--type", "https://slsa.dev/provenance/v1", told["reference"])
    done = cosign("verify-attestation", *who, *root, *provenance)
    assert done.returncode == 0, done.stderr
    other = ("--certificate-identity", SUBJECT + "2", *who[2:])
    assert cosign("verify-attestation", *other, *root, *provenance).returncode != 0

    of_today = ("--from", "2026-01-01", "--to", "9999-12-30")  # it was signed now, and says no time itself
    out = str(tmp_path / "out")
    exported = tradeplane("evidence", "export", told["reference"], *who, *root, *of_today, "--out", out)
    assert exported.code == 0, exported.err
    (_, by_cosign, _), _ = commands_of(tmp_path / "out")
    assert "--use-signed-timestamps" in by_cosign
    ran = run_in(by_cosign, tmp_path / "out", cosign)
    assert ran.returncode == 0, ran.stderr


def test_a_release_is_signed_and_verified_and_so_is_its_list(
    signing: Signing, tradeplane: Command, tmp_path: Path, cosign: Cosign
) -> None:
    folder = sample_releases.write(tmp_path / "tradeplane-0.1.0")
    ended = tradeplane("release", "sign", str(folder), "--signer", signing.uri(signing.token()), "-o", "json")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["identity"] == SUBJECT
    root = ("--trusted-root", str(signing.instance.trusted_root))
    who = ("--certificate-identity", SUBJECT, "--certificate-oidc-issuer", ISSUER)
    verified = tradeplane("release", "verify", str(folder), *who, *root)
    assert verified.code == 0, verified.out
    assert "and is signed by the same signer" in verified.out
    asked = ("verify-blob", *who, *root, "--use-signed-timestamps", "--bundle", told["checksums"])
    done = cosign(*asked, folder / CHECKSUMS)
    assert done.returncode == 0, done.stderr
    (folder / CHECKSUMS).write_bytes((folder / CHECKSUMS).read_bytes() + b"\n")
    assert cosign(*asked, folder / CHECKSUMS).returncode != 0
    assert tradeplane("release", "verify", str(folder), *who, *root).code == 3


async def test_what_was_attested_once_is_not_signed_again(signing: Signing, olareg: str) -> None:
    signer: Any = signing.signer(signing.token())
    first = await push(olareg, "keyless/once", signer)
    assert await push(olareg, "keyless/once", signer) == first
    async with Registry(olareg, plain_http=True) as registry:
        listed = await list_referrers(registry, "keyless/once", first.reference.digest or "")
    assert [one.digest for one in listed] == [first.attestation]


@pytest.fixture(scope="module")
def message(signing: Signing, cosign: Cosign) -> tuple[bytes, Artifact]:
    """Have cosign sign a file as the service account; give the bundle and the file."""
    (signing.folder / "a.txt").write_bytes(b"what cosign signs")
    config = signing.folder / "signing_config.json"
    done = cosign(
        *("sign-blob", "--identity-token", signing.token(), "--yes", "--bundle", signing.folder / "a.json"),
        *("--signing-config", config, "--trusted-root", signing.instance.trusted_root, signing.folder / "a.txt"),
    )
    assert done.returncode == 0, done.stderr
    return (signing.folder / "a.json").read_bytes(), artifact_of(str(signing.folder / "a.txt"))


def test_what_cosign_signed_is_verified(message: tuple[bytes, Artifact], signing: Signing, tradeplane: Command) -> None:
    data, artifact = message
    assert verify_by_identity(data, artifact, OPERATOR, signing.root).stamped is not None
    who = ("--certificate-identity", SUBJECT, "--certificate-oidc-issuer", ISSUER)
    asked = ("--bundle", str(signing.folder / "a.json"), *who, "--trusted-root", str(signing.instance.trusted_root))
    for named in (artifact.name, artifact.sha256):
        ended = tradeplane("verify-bundle", *asked, named)
        assert (ended.code, ended.err) == (0, "")
    assert tradeplane("verify-bundle", *asked, str(signing.instance.trusted_root)).code == 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda one, _: one["verificationMaterial"].update(tlogEntries=[]), Malformed),
        (lambda one, _: one["verificationMaterial"].pop("timestampVerificationData"), Malformed),
        (
            lambda one, other: one["verificationMaterial"].update(tlogEntries=_part(other, "tlogEntries")),
            CertificateRefused,
        ),
        (
            lambda one, other: one["verificationMaterial"].update(
                timestampVerificationData=_part(other, "timestampVerificationData")
            ),
            TimestampRefused,
        ),
        (
            lambda one, other: one["verificationMaterial"].update(certificate=_part(other, "certificate")),
            SignatureRefused,
        ),
        (
            lambda one, other: one["dsseEnvelope"].update(signatures=other["dsseEnvelope"]["signatures"]),
            SignatureRefused,
        ),
    ],
    ids=["no entry", "no timestamp", "another entry", "another timestamp", "another certificate", "another signature"],
)
def test_what_is_not_of_this_bundle_is_refused(
    change: Callable[[dict[str, Any], dict[str, Any]], Any],
    error: type[EvidenceError],
    bundle: bytes,
    signing: Signing,
) -> None:
    """Each part is genuine, and of another bundle by the same service account."""
    another = signing.signer(signing.token()).signed_bundle(serialise(sample_runs.statement()))
    one, other = json.loads(bundle), json.loads(another)
    change(one, other)
    with pytest.raises(error):
        verify_by_identity(json.dumps(one).encode(), ABOUT, OPERATOR, signing.root)


def _part(bundle: dict[str, Any], name: str) -> Any:
    return bundle["verificationMaterial"][name]


PARTS = [
    ("tlogs", CertificateRefused),
    ("ctlogs", CertificateRefused),
    ("certificateAuthorities", CertificateRefused),
    ("timestampAuthorities", TimestampRefused),
]


@pytest.mark.parametrize(("part", "error"), PARTS)
def test_a_trusted_root_without_a_part_refuses(
    part: str, error: type[EvidenceError], bundle: bytes, signing: Signing
) -> None:
    document = json.loads(signing.instance.trusted_root.read_bytes())
    document[part] = []
    root = read_trusted_root(json.dumps(document).encode())
    with pytest.raises(error):
        verify_by_identity(bundle, ABOUT, OPERATOR, root)


@pytest.mark.parametrize(("part", "error"), PARTS)
def test_a_trusted_root_whose_time_is_over_refuses(
    part: str, error: type[EvidenceError], bundle: bytes, signing: Signing
) -> None:
    document = json.loads(signing.instance.trusted_root.read_bytes())
    for one in document[part]:
        place = one.get("publicKey", one)
        place["validFor"]["end"] = "2021-01-01T00:00:00Z"
    root = read_trusted_root(json.dumps(document).encode())
    with pytest.raises(error):
        verify_by_identity(bundle, ABOUT, OPERATOR, root)


def test_a_timestamp_authority_is_trusted_to_the_last_moment(bundle: bytes, signing: Signing) -> None:
    document = json.loads(signing.instance.trusted_root.read_bytes())
    stamped = verify_by_identity(bundle, ABOUT, OPERATOR, signing.root).stamped
    assert stamped is not None
    (authority,) = document["timestampAuthorities"]
    for start, end in ((stamped[0], stamped[0]), (stamped[0] - HOUR, stamped[0]), (stamped[0], stamped[0] + HOUR)):
        authority["validFor"] = {"start": start.isoformat(), "end": end.isoformat()}
        root = read_trusted_root(json.dumps(document).encode())
        assert verify_by_identity(bundle, ABOUT, OPERATOR, root).stamped == stamped
    for start, end in ((stamped[0] - HOUR, stamped[0] - SECOND), (stamped[0] + SECOND, stamped[0] + HOUR)):
        authority["validFor"] = {"start": start.isoformat(), "end": end.isoformat()}
        root = read_trusted_root(json.dumps(document).encode())
        with pytest.raises(TimestampRefused, match="is not trusted then"):
            verify_by_identity(bundle, ABOUT, OPERATOR, root)


def test_no_changed_byte_is_another_claim(bundle: bytes, signing: Signing) -> None:
    claimed = verify_by_identity(bundle, ABOUT, OPERATOR, signing.root)
    for place in range(len(bundle)):
        changed = bytearray(bundle)
        changed[place] ^= 1 << (place % 8)
        try:
            found = verify_by_identity(bytes(changed), ABOUT, OPERATOR, signing.root)
        except EvidenceError:
            continue
        assert found == claimed, f"byte {place}"


def _split(trust_config: Path, folder: Path) -> tuple[str, ...]:
    """Write trusted root and signing configuration to a file each; return the options that name them."""
    document, named = json.loads(trust_config.read_text()), []
    for option, field in (("--trusted-root", "trustedRoot"), ("--signing-config", "signingConfig")):
        path = folder / f"{field}.json"
        path.write_text(json.dumps(document[field]))
        named += [option, str(path)]
    return tuple(named)


def test_a_file_is_signed_and_verified_by_the_protocol_of_the_conformance_suite(
    signing: Signing, tradeplane: Command, tmp_path: Path, cosign: Cosign
) -> None:
    (tmp_path / "a.txt").write_bytes(b"what is signed")
    instance = _split(signing.instance.trust_config, tmp_path)
    token = signing.token().read_text().strip()
    asked = ("--identity-token", token, "--bundle", "a.sigstore.json", *instance)
    ended = tradeplane("sign-bundle", *asked, "a.txt")
    assert ended.code == 0, ended.err
    assert ended.out == f"a.txt is signed by {SUBJECT} (by {ISSUER}): a.sigstore.json\n"
    assert token not in ended.out
    who = ("--certificate-identity", SUBJECT, "--certificate-oidc-issuer", ISSUER, *instance[:2])
    assert tradeplane("verify-bundle", "--bundle", "a.sigstore.json", *who, "a.txt").code == 0
    bundle = ("--bundle", str(tmp_path / "a.sigstore.json"), "--use-signed-timestamps")
    done = cosign("verify-blob", *bundle, *who, str(tmp_path / "a.txt"))
    assert done.returncode == 0, done.stderr
    (tmp_path / "a.txt").write_bytes(b"what was changed")
    assert tradeplane("verify-bundle", "--bundle", "a.sigstore.json", *who, "a.txt").code == 1
    assert cosign("verify-blob", *bundle, *who, str(tmp_path / "a.txt")).returncode != 0


def test_a_token_that_the_authority_does_not_take_signs_no_file(
    signing: Signing, tradeplane: Command, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_bytes(b"what is signed")
    instance = _split(signing.instance.trust_config, tmp_path)
    head, claims, signature = signing.token().read_text().strip().split(".")
    forged = f"{head}.{claims}.{signature[:-8]}AAAAAAAA"
    ended = tradeplane("sign-bundle", "--identity-token", forged, "--bundle", "a.sigstore.json", *instance, "a.txt")
    assert ended.code == 1
    assert "did not sign" in ended.err
    assert forged not in ended.err
    assert not (tmp_path / "a.sigstore.json").exists()


def test_somebody_else_cannot_sign_as_the_operator(signing: Signing) -> None:
    """The authority gives a certificate for who the token is of; it is not handed on as another's."""
    signer = signing.signer(signing.token("somebody"))
    with pytest.raises(InvalidKey, match="not what an auditor would accept"):
        signer.signed_bundle(serialise(sample_runs.statement()))
    theirs = SUBJECT.replace("operator", "somebody")
    bundle = signing.signer(signing.token("somebody"), theirs).signed_bundle(serialise(sample_runs.statement()))
    with pytest.raises(PolicyRefused):
        verify_by_identity(bundle, ABOUT, OPERATOR, signing.root)


def test_a_token_for_another_audience_is_not_sent(signing: Signing) -> None:
    token = signing.token(audience="another")
    with pytest.raises(SignerUnavailable, match="another audience") as refused:
        signing.signer(token).signed_bundle(b"{}")
    assert token.read_text().strip() not in str(refused.value)


def test_a_token_that_the_authority_does_not_take_is_refused(signing: Signing) -> None:
    token = signing.token()
    whole = token.read_text().strip()
    head, claims, signature = whole.split(".")
    forged = signing.folder / "forged.token"
    forged.write_text(f"{head}.{claims}.{signature[:-8]}AAAAAAAA")
    with pytest.raises(InvalidKey, match="did not sign") as refused:
        signing.signer(forged).signed_bundle(serialise(sample_runs.statement()))
    assert claims not in str(refused.value)


@pytest.mark.parametrize("service", ["fulcio", "rekor", "timestamps"])
@pytest.mark.parametrize("silent", [False, True], ids=["not there", "silent"])
def test_a_service_that_does_not_answer_is_waited_for_within_limits(
    service: str, silent: bool, signing: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradeplane_evidence.keyless.signer.ANSWER_LIMIT_S", 1.0)
    monkeypatch.setattr("sigstore._internal.timestamp.CLIENT_TIMEOUT", 1)
    elsewhere = tmp_path / "trust_config.json"
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))
        if silent:
            listener.listen()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        text = signing.instance.trust_config.read_text()
        elsewhere.write_text(text.replace(getattr(signing.instance, service), address))
        with pytest.raises(SignerUnavailable, match=r"was not reached|did not sign"):
            signing.signer(signing.token(), trust=elsewhere).signed_bundle(serialise(sample_runs.statement()))


async def test_a_timestamp_authority_beside_is_refused(signing: Signing, olareg: str) -> None:
    signer: Any = signing.signer(signing.token())
    with pytest.raises(InvalidKey, match="authorities"):
        await push(olareg, "keyless/beside", signer, "http://127.0.0.1:9")
