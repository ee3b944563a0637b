"""``tradeplane sign-bundle`` before anything is asked: what it refuses, and that no token is told.

With an instance of Sigstore it is in tests/integration/evidence/test_keyless_signing.py.
"""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.evidence.private_sigstore import ISSUER, SUBJECT, PrivateSigstore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

INSTANCE = ("--trusted-root", "root.json", "--signing-config", "config.json")


def _token(audience: str = "sigstore", seconds: int = 600) -> str:
    """Return a token of the right form, which nobody signed."""

    def part(values: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(values).encode()).rstrip(b"=").decode()

    now = int(time.time())
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": audience, "iat": now - 1, "nbf": now - 1, "exp": now + seconds}
    return f"{part({'alg': 'ES256'})}.{part(claims)}.AAAA"


@pytest.fixture(autouse=True)
def _folder(tradeplane: Command, tmp_path: Path) -> None:
    """Put a file and an instance whose services nobody serves into the folder of the command."""
    del tradeplane
    service = {"majorApiVersion": 1, "validFor": {"start": "2020-01-01T00:00:00Z"}, "operator": "tests"}
    config = {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": [{**service, "url": "http://127.0.0.1:9"}],
        "rekorTlogUrls": [{**service, "majorApiVersion": 2, "url": "http://127.0.0.1:9"}],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaUrls": [{**service, "url": "http://127.0.0.1:9"}],
        "tsaConfig": {"selector": "ANY"},
    }
    (tmp_path / "a.txt").write_bytes(b"what is signed")
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "root.json").write_text(json.dumps(PrivateSigstore().trusted_root()))


@pytest.mark.parametrize(
    ("token", "arguments", "words"),
    [
        (_token(), (*INSTANCE[:2], "a.txt"), "half of an instance"),
        (_token(), (*INSTANCE[2:], "a.txt"), "half of an instance"),
        (_token(), (*INSTANCE, "nowhere"), "the artifact nowhere cannot be read"),
        (_token(), (*INSTANCE, f"sha256:{'00' * 32}"), "name the file"),
        (_token(), (*INSTANCE[:3], "nowhere.json", "a.txt"), "signing configuration nowhere.json cannot be read"),
        (_token(), (*INSTANCE[:3], "root.json", "a.txt"), "says of no instance"),
        (_token(), (*INSTANCE[:3], "a.txt", "a.txt"), "not JSON"),
        (_token(), ("--trusted-root", "a.txt", *INSTANCE[2:], "a.txt"), "is not JSON"),
        ("no-token", (*INSTANCE, "a.txt"), "cannot be used now"),
        (_token(audience="another"), (*INSTANCE, "a.txt"), "cannot be used now"),
        (_token(seconds=-600), (*INSTANCE, "a.txt"), "cannot be used now"),
        (_token(), (*INSTANCE, "a.txt"), "the instance of Sigstore"),
    ],
)
def test_what_cannot_be_signed_is_said_without_the_token(
    tradeplane: Command, tmp_path: Path, token: str, arguments: tuple[str, ...], words: str
) -> None:
    ended = tradeplane("sign-bundle", "--identity-token", token, "--bundle", "a.sigstore.json", *arguments)
    assert (ended.code, ended.out) == (1, "")
    assert words in ended.err
    assert token not in ended.err
    assert not (tmp_path / "a.sigstore.json").exists()
