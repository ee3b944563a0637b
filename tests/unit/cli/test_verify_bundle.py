"""``tradeplane verify-bundle`` as the conformance suite calls it: its options, its two exit codes, one sentence."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from tests.unit.evidence.private_sigstore import ISSUER, SUBJECT, PrivateSigstore, encoded, pem, sign

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

MESSAGE = b"what somebody signed"
SIGSTORE = PrivateSigstore()
WHO = ("--certificate-identity", SUBJECT, "--certificate-oidc-issuer", ISSUER)


@pytest.fixture
def signed(tradeplane: Command, tmp_path: Path) -> None:
    """Put a file beside what was made of it: a bundle by somebody, one by a key, the key and the trusted root."""
    del tradeplane  # whose folder it is
    (tmp_path / "a.txt").write_bytes(MESSAGE)
    bundle = SIGSTORE.message(MESSAGE)
    (tmp_path / "somebody.json").write_text(json.dumps(bundle))
    bundle["verificationMaterial"] = {"publicKey": {"hint": ""}}
    bundle["messageSignature"]["signature"] = encoded(sign(SIGSTORE.key("signer"), MESSAGE))
    (tmp_path / "key.json").write_text(json.dumps(bundle))
    (tmp_path / "key.pub").write_bytes(pem(SIGSTORE.key("signer").public_key()))
    (tmp_path / "root.json").write_text(json.dumps(SIGSTORE.trusted_root()))


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize("artifact", ["a.txt", f"sha256:{hashlib.sha256(MESSAGE).hexdigest()}"])
def test_a_bundle_by_somebody_is_verified(tradeplane: Command, artifact: str) -> None:
    ended = tradeplane("verify-bundle", "--bundle", "somebody.json", *WHO, "--trusted-root", "root.json", artifact)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        f"{artifact} is signed by {SUBJECT} (by {ISSUER}) at 2026-01-05T09:00:07Z, "
        "by the word of the transparency log\n"
    )


@pytest.mark.usefixtures("signed")
def test_a_bundle_by_a_key_is_verified(tradeplane: Command) -> None:
    ended = tradeplane("verify-bundle", "--bundle", "key.json", "--key", "key.pub", "a.txt")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("a.txt is signed by ECDSA-P256 key sha256:")


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--bundle", "somebody.json", *WHO, "--trusted-root", "root.json", "root.json"), "of another message"),
        (("--bundle", "somebody.json", *WHO[:3], "https://x", "--trusted-root", "root.json", "a.txt"), "asked for is"),
        (("--bundle", "somebody.json", "--key", "key.pub", "a.txt"), "has a certificate"),
        (("--bundle", "key.json", *WHO, "--trusted-root", "root.json", "a.txt"), "names a key"),
        (("--bundle", "key.json", "--key", "key.pub", *WHO, "a.txt"), "a key and an identity are given"),
        (("--bundle", "key.json", "--key", "key.pub", *WHO[:2], "a.txt"), "a key and an identity are given"),
        (("--bundle", "key.json", "a.txt"), "who is to have signed"),
        (("--bundle", "somebody.json", *WHO[:2], "--trusted-root", "root.json", "a.txt"), "who is to have signed"),
        (("--bundle", "nowhere.json", "--key", "key.pub", "a.txt"), "the bundle nowhere.json cannot be read"),
        (("--bundle", "key.json", "--key", "nowhere.pub", "a.txt"), "the key nowhere.pub cannot be read"),
        (("--bundle", "key.json", "--key", "a.txt", "a.txt"), "is no public key"),
        (("--bundle", "key.json", "--key", "key.pub", "nowhere"), "the artifact nowhere cannot be read"),
        (("--bundle", "a.txt", "--key", "key.pub", "a.txt"), "is not JSON"),
        (("--bundle", "key.json", "--key", "key.pub", "--trusted-root", "a.txt", "a.txt"), "is not JSON"),
        (("--bundle", "key.json", "--key", "key.pub", "--trusted-root", "root.json", "a.txt"), "0 log entries"),
    ],
)
def test_what_is_not_verified_ends_with_1_and_says_why(
    tradeplane: Command, arguments: tuple[str, ...], words: str
) -> None:
    ended = tradeplane("verify-bundle", *arguments)
    assert (ended.code, ended.out) == (1, "")
    assert words in ended.err
    assert ended.err.startswith("error: ")


@pytest.mark.usefixtures("signed")
def test_what_failed_is_traced_where_it_is_asked_for(tradeplane: Command) -> None:
    ended = tradeplane("verify-bundle", "--debug", "--bundle", "key.json", "--key", "key.pub", "nowhere")
    assert ended.code == 1
    assert "Traceback" in ended.err
    assert ended.err.splitlines()[-1].startswith("error: the artifact nowhere")


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize("staging", [(), ("--staging",)])
def test_without_a_trusted_root_and_without_a_network_it_says_so(
    tradeplane: Command, staging: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ended = tradeplane("verify-bundle", *staging, "--bundle", "somebody.json", *WHO, "a.txt")
    assert ended.code == 1
    assert "cannot be fetched" in ended.err
    assert "--trusted-root" in ended.err
