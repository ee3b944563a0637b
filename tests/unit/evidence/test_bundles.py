"""A bundle says what was signed or is refused: no changed byte of it makes another claim."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_evidence.errors import EvidenceError, KeyRefused, Malformed, PolicyRefused, SignatureRefused
from tradeplane_evidence.signing.bundle import MAX_BUNDLE_BYTES, bundled, parse_bundle
from tradeplane_evidence.signing.dsse import pre_authentication_encoding
from tradeplane_evidence.statements.statement import MAX_SUBJECTS, PAYLOAD_TYPE, serialise
from tradeplane_evidence.verification.bundles import Claim, verify_bundle
from tradeplane_evidence.verification.policy import Policy
from tradeplane_store.canonical import canonical_json

from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_evidence.signing.file_signer import FileSigner

NOW = datetime(2026, 1, 6, tzinfo=UTC)
OTHER = "sha256:" + "00" * 32


@pytest.fixture(scope="module", params=[False, True], ids=["P-256", "Ed25519"])
def signer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FileSigner:
    return sample_runs.signer_in(tmp_path_factory.mktemp("keys"), edwards=request.param)


def _verify(data: bytes, *signers: FileSigner, policy: Policy | None = None, digest: str | None = None) -> Claim:
    about = digest or sample_runs.artifact().digest
    return verify_bundle(data, about, sample_runs.keyring(*signers), policy or Policy(), NOW)


def _resigned(signer: FileSigner, change: dict[str, Any], at: tuple[str, ...] = ()) -> bytes:
    """Return a bundle of a changed statement, signed by the same key: only a policy can refuse it."""
    statement = _statement(sample_runs.bundle(signer))
    place = statement
    for step in at:
        place = place[step]
    place.update(change)
    return _signed(signer, json.dumps(statement).encode())


def _signed(signer: FileSigner, payload: bytes) -> bytes:
    return bundled(payload, signer.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload)), signer.public_key.hint)


def _statement(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(json.loads(data)["dsseEnvelope"]["payload"]))
    return found


def test_the_claim_is_what_was_signed(signer: FileSigner) -> None:
    data = sample_runs.bundle(signer)
    claim = _verify(data, signer)
    assert claim.statement.plain() == _statement(data)
    assert claim.key.key == signer.public_key
    assert claim.provenance.run_details.builder.id == sample_runs.EXECUTION.builder
    assert claim.made == datetime(2026, 1, 5, 9, 0, 7, tzinfo=UTC)


def test_the_signed_bytes_are_those_that_are_kept(signer: FileSigner) -> None:
    bundle = parse_bundle(sample_runs.bundle(signer))
    payload = bundle.dsse_envelope.payload_bytes()
    assert payload == serialise(_verify(sample_runs.bundle(signer), signer).statement)
    kind = b"application/vnd.in-toto+json"
    assert bundle.signed_bytes() == b"DSSEv1 28 " + kind + b" " + str(len(payload)).encode() + b" " + payload


def test_signing_twice_is_one_bundle(signer: FileSigner) -> None:
    assert sample_runs.bundle(signer) == sample_runs.bundle(signer)


def test_no_key_id_is_written(signer: FileSigner) -> None:
    (signature,) = json.loads(sample_runs.bundle(signer))["dsseEnvelope"]["signatures"]
    assert set(signature) == {"sig"}


def test_no_changed_byte_is_another_claim(signer: FileSigner) -> None:
    """Each byte of the bundle in turn, one bit of it: it is refused, or says exactly the same."""
    data = sample_runs.bundle(signer)
    claimed = _verify(data, signer)
    refused = 0
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << (place % 8)
        try:
            found = _verify(bytes(changed), signer)
        except EvidenceError:
            refused += 1
        else:
            assert found == claimed, f"byte {place}"
    envelope = json.loads(data)["dsseEnvelope"]
    assert refused >= len(envelope["payload"]) + len(envelope["signatures"][0]["sig"])


@given(drawn=st.data())
def test_no_cut_or_doubled_piece_is_another_claim(signer: FileSigner, drawn: st.DataObject) -> None:
    whole = sample_runs.bundle(signer)
    claimed = _verify(whole, signer)
    start = drawn.draw(st.integers(0, len(whole) - 1))
    end = drawn.draw(st.integers(start + 1, len(whole)))
    times = drawn.draw(st.sampled_from([0, 2]))
    try:
        found = _verify(whole[:start] + whole[start:end] * times + whole[end:], signer)
    except EvidenceError:
        return
    assert found == claimed


@pytest.mark.parametrize(
    "at",
    [
        ("predicate", "buildDefinition", "externalParameters"),
        ("predicate", "buildDefinition", "internalParameters"),
        ("predicate", "runDetails", "builder"),
        ("predicate", "runDetails", "metadata"),
        (),
    ],
    ids=".".join,
)
def test_each_changed_field_of_the_statement_breaks_the_signature(signer: FileSigner, at: tuple[str, ...]) -> None:
    document = json.loads(sample_runs.bundle(signer))
    statement = _statement(sample_runs.bundle(signer))
    place = statement
    for step in at:
        place = place[step]
    for name in list(place):
        kept = place[name]
        place[name] = "changed"
        document["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
        with pytest.raises(SignatureRefused, match="not one of key"):
            _verify(json.dumps(document).encode(), signer)
        place[name] = kept


def test_a_statement_about_something_else_is_refused(signer: FileSigner) -> None:
    with pytest.raises(PolicyRefused, match=f"not about {OTHER}"):
        _verify(sample_runs.bundle(signer), signer, digest=OTHER)


def test_another_key_is_refused(signer: FileSigner, tmp_path: Path) -> None:
    other = sample_runs.signer_in(tmp_path, scalar=77)
    with pytest.raises(KeyRefused, match="none of the 1 keys given"):
        _verify(sample_runs.bundle(signer), other)


def test_a_hint_is_not_believed(signer: FileSigner, tmp_path: Path) -> None:
    other = sample_runs.signer_in(tmp_path, scalar=77)
    document = json.loads(sample_runs.bundle(other))
    document["verificationMaterial"]["publicKey"]["hint"] = signer.public_key.hint
    with pytest.raises(SignatureRefused):
        _verify(json.dumps(document).encode(), signer, other)
    document["verificationMaterial"]["publicKey"]["hint"] = ""
    assert _verify(json.dumps(document).encode(), signer, other).key.key == other.public_key


def test_another_builder_is_refused(signer: FileSigner) -> None:
    asked = Policy(builders=frozenset({"https://example.com/builder"}))
    with pytest.raises(PolicyRefused, match=r"the builder is .*operator-v1"):
        _verify(sample_runs.bundle(signer), signer, policy=asked)


def test_an_unknown_external_parameter_is_refused(signer: FileSigner) -> None:
    data = _resigned(signer, {"override": 1}, ("predicate", "buildDefinition", "externalParameters"))
    with pytest.raises(PolicyRefused, match="external parameter 'override'"):
        _verify(data, signer)


def test_another_build_type_is_refused(signer: FileSigner) -> None:
    data = _resigned(signer, {"buildType": "https://example.com/v1"}, ("predicate", "buildDefinition"))
    with pytest.raises(PolicyRefused, match=r"the build type is https://example\.com/v1"):
        _verify(data, signer)


def test_another_predicate_is_refused(signer: FileSigner) -> None:
    with pytest.raises(PolicyRefused, match=r"is a https://example.com/p"):
        _verify(_resigned(signer, {"predicateType": "https://example.com/p"}), signer)


@pytest.mark.parametrize(
    ("finished", "error", "words"),
    [
        ("2026-01-06T00:06:00Z", PolicyRefused, "yet to come"),
        ("yesterday", Malformed, "no time"),
        ("2026-01-05T09:00:07", Malformed, "no offset"),
    ],
)
def test_a_time_that_cannot_be_is_refused(
    signer: FileSigner, finished: str, error: type[EvidenceError], words: str
) -> None:
    data = _resigned(signer, {"finishedOn": finished}, ("predicate", "runDetails", "metadata"))
    with pytest.raises(error, match=words):
        _verify(data, signer)


def test_what_is_older_than_asked_is_refused(signer: FileSigner) -> None:
    data = sample_runs.bundle(signer)
    assert _verify(data, signer, policy=Policy(max_age=timedelta(days=1))).made is not None
    with pytest.raises(PolicyRefused, match="nothing older"):
        _verify(data, signer, policy=Policy(max_age=timedelta(hours=1)))
    with pytest.raises(PolicyRefused, match="does not say when"):
        _verify(
            _resigned(signer, {"metadata": {}}, ("predicate", "runDetails")),
            signer,
            policy=Policy(max_age=timedelta(days=1)),
        )


def _with(data: bytes, change: dict[str, Any]) -> bytes:
    document = json.loads(data)
    document["dsseEnvelope"].update(change)
    return json.dumps(document).encode()


def test_envelopes_of_another_form_are_refused(signer: FileSigner) -> None:
    data = sample_runs.bundle(signer)
    (signature,) = json.loads(data)["dsseEnvelope"]["signatures"]
    payload = json.loads(data)["dsseEnvelope"]["payload"]
    for change, words in (
        ({"signatures": [signature, signature]}, "signatures"),
        ({"signatures": []}, "signatures"),
        ({"payloadType": "text/plain"}, "payloadType"),
        ({"payload": payload + "\n"}, "not base64"),
        ({"payload": payload.rstrip("=") if "=" in payload else payload + "="}, "base64"),
        ({"signatures": [{"sig": "===="}]}, "base64"),
    ):
        with pytest.raises(Malformed, match=words):
            _verify(_with(data, change), signer)


def test_what_does_not_say_of_what_form_it_is_is_refused(signer: FileSigner) -> None:
    """What is left out is not filled in: other readers would take it for another form, or for none."""
    document = json.loads(sample_runs.bundle(signer))
    del document["mediaType"]
    with pytest.raises(Malformed, match="mediaType"):
        _verify(json.dumps(document).encode(), signer)
    statement = sample_runs.statement().plain()
    del statement["_type"]
    with pytest.raises(Malformed, match="_type"):
        _verify(_signed(signer, canonical_json(statement)), signer)


def test_a_certificate_in_the_place_of_a_key_is_refused(signer: FileSigner) -> None:
    document = json.loads(sample_runs.bundle(signer))
    document["verificationMaterial"] = {"certificate": {"rawBytes": "AAAA"}}
    with pytest.raises(Malformed, match="publicKey"):
        _verify(json.dumps(document).encode(), signer)


def test_more_subjects_than_cosign_takes_are_refused(signer: FileSigner) -> None:
    one = {"name": "file", "digest": {"sha256": "00" * 32}}
    subject = {"name": "run", "digest": {"sha256": sample_runs.artifact().digest.removeprefix("sha256:")}}
    most = [subject, *[one] * (MAX_SUBJECTS - 1)]
    assert _verify(_resigned(signer, {"subject": most}), signer).made is not None
    with pytest.raises(Malformed, match="subject"):
        _verify(_resigned(signer, {"subject": [*most, one]}), signer)


@pytest.mark.parametrize(
    "payload",
    [b'{"_type": "https://in-toto.io/Statement/v1", "_type": "x"}', b"[" * 3_000, b"\x00", b"{}", b"[]", b"null"],
)
def test_signed_bytes_that_are_no_statement_are_refused(signer: FileSigner, payload: bytes) -> None:
    with pytest.raises(Malformed):
        _verify(_signed(signer, payload), signer)


def test_a_bundle_over_the_limit_is_refused(signer: FileSigner) -> None:
    with pytest.raises(Malformed, match="at most"):
        _verify(sample_runs.bundle(signer) + b" " * MAX_BUNDLE_BYTES, signer)
