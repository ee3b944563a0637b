"""A keyless signer is opened by files alone, and says what is wrong with them; a token is in none of its words."""

from __future__ import annotations

import base64
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.errors import InvalidKey, SignerUnavailable
from tradeplane_evidence.keyless.signer import KeylessSigner
from tradeplane_evidence.signing.opening import open_signer, open_statement_signer
from tradeplane_evidence.signing.signer import BundleSigner, name_of

from tests.unit.evidence import sample_runs
from tests.unit.evidence.private_sigstore import SUBJECT, PrivateSigstore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SERVICE = {"majorApiVersion": 1, "operator": "tests", "validFor": {"start": "2020-01-01T00:00:00Z"}}


def _trust_config() -> dict[str, Any]:
    """Return a configuration of services that nobody runs: nothing listens at port 9."""
    service = {"url": "http://127.0.0.1:9", **SERVICE}
    return {
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": PrivateSigstore().trusted_root(),
        "signingConfig": {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [service],
            "rekorTlogUrls": [{**service, "majorApiVersion": 2}],
            "tsaUrls": [service],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaConfig": {"selector": "ANY"},
        },
    }


def _token(**changes: Any) -> str:
    """Return a token that nobody signed; who it is sent to would see that."""
    now = int(time.time())
    claims = {"iss": "https://issuer.example.com", "sub": "operator", "aud": "sigstore", "iat": now, "exp": now + 600}
    parts = ({"alg": "RS256", "typ": "JWT"}, {**claims, **changes})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


@pytest.fixture
def uri(tmp_path: Path) -> str:
    """Give the URI of a signer whose files are there."""
    (tmp_path / "trust.json").write_text(json.dumps(_trust_config()))
    (tmp_path / "token").write_text(_token())
    return f"keyless:{tmp_path}/trust.json?token-file={tmp_path}/token&identity={SUBJECT}"


def _open(uri: str) -> KeylessSigner:
    found = open_statement_signer(uri)
    assert isinstance(found, KeylessSigner)
    return found


def test_a_uri_names_who_signs(uri: str, tmp_path: Path) -> None:
    signer = _open(uri)
    assert isinstance(signer, BundleSigner)
    assert (name_of(signer), signer.deterministic) == (SUBJECT, False)
    assert signer.issuer() == "https://issuer.example.com"
    key = open_statement_signer(f"file:{sample_runs.key_file(tmp_path)}")
    assert not isinstance(key, BundleSigner)
    assert name_of(key) == key.public_key.fingerprint


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("keyless:", "names no keyless signer"),
        ("keyless:/trust.json", "names no keyless signer"),
        ("keyless:/trust.json?token-file=/token", "names no keyless signer"),
        ("keyless:/trust.json?identity=x", "names no keyless signer"),
        ("keyless:/trust.json?token-file=/a&token-file=/b&identity=x", "names no keyless signer"),
        ("keyless://host/trust.json?token-file=/token&identity=x", "names no keyless signer"),
        ("keyless:/trust.json?token=eyJh&identity=x", "does not belong into a URI"),
        ("keyless:/no/such/file?token-file=/token&identity=x", "cannot be read"),
    ],
)
def test_other_uris_are_refused(uri: str, words: str) -> None:
    with pytest.raises(InvalidKey, match=words) as refused:
        open_statement_signer(uri)
    assert "eyJh" not in str(refused.value)


def test_it_is_no_key(uri: str) -> None:
    with pytest.raises(InvalidKey, match="names no signer"):
        open_signer(uri)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: one.pop("trustedRoot"), "no ClientTrustConfig"),
        (lambda one: one.pop("signingConfig"), "no ClientTrustConfig"),
        (lambda one: one["signingConfig"].update(caUrls=[]), "No valid Fulcio"),
        (lambda one: one["signingConfig"].update(rekorTlogUrls=[]), "No valid Rekor"),
        (lambda one: one["signingConfig"].update(mediaType="application/json"), "says of no instance"),
        (lambda one: one["trustedRoot"].update(mediaType="application/json"), "mediaType"),
    ],
)
def test_a_trust_configuration_of_another_form_is_refused(
    change: Callable[[Any], Any], words: str, uri: str, tmp_path: Path
) -> None:
    document = _trust_config()
    change(document)
    (tmp_path / "trust.json").write_text(json.dumps(document))
    with pytest.raises(InvalidKey, match=words):
        _open(uri)


@pytest.mark.parametrize("text", ["", "[]", "no JSON", '{"trustedRoot": {}, "trustedRoot": {}}', " " * 3_000_000])
def test_what_is_no_trust_configuration_is_refused(text: str, uri: str, tmp_path: Path) -> None:
    (tmp_path / "trust.json").write_text(text)
    with pytest.raises(InvalidKey, match="the trust configuration"):
        _open(uri)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "no token",
        "\N{SNOWMAN}",
        _token(exp=int(time.time()) - 60),
        _token(nbf=int(time.time()) + 600),
        _token(aud="another"),
        _token(iss=None),
    ],
    ids=["empty", "none", "no ASCII", "over", "not yet", "another audience", "no issuer"],
)
def test_a_token_that_cannot_be_used_is_not_told(token: str, uri: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(token)
    with pytest.raises(SignerUnavailable, match="cannot be used now") as refused:
        _open(uri).signed_bundle(b"{}")
    assert not token or token not in str(refused.value)
    with pytest.raises(SignerUnavailable, match="cannot be used now"):
        _open(uri).issuer()


def test_a_large_token_is_not_read(uri: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x" * 20_000)
    with pytest.raises(InvalidKey, match="more than 16,384 bytes"):
        _open(uri).signed_bundle(b"{}")


@pytest.mark.parametrize("module", ["sigstore.models", "sigstore_models.trustroot.v1"])
def test_without_its_library_it_says_what_to_install(uri: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InvalidKey, match=r"install tradeplane-evidence\[keyless\]"):
        _open(uri)


def test_services_that_are_not_there_are_said(uri: str, tmp_path: Path) -> None:
    token = (tmp_path / "token").read_text()
    for sign in (_open(uri).signed_bundle, _open(uri).message_bundle):
        with pytest.raises(SignerUnavailable, match="was not reached") as refused:
            sign(b"{}")
        assert token not in str(refused.value)
