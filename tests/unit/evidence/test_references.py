"""What names something in a registry, and what does not."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from tradeplane_evidence.errors import InvalidReference, RegistryRefused
from tradeplane_evidence.registry.credentials import Credentials, credentials_for
from tradeplane_evidence.registry.references import parse_reference

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    "text",
    [
        "registry.example.com/runs/sp500-macd",
        "registry.example.com:5000/runs/sp500-macd:v1.0_2",
        f"localhost/runs@{DIGEST}",
        f"127.0.0.1:5000/a/b__c/d-e.f:tag@{DIGEST}",
        f"[::1]:5000/runs@{DIGEST}",
    ],
)
def test_a_reference_is_read_and_told_alike(text: str) -> None:
    assert str(parse_reference(text)) == text


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        ("localhost:5000/x", True),
        ("127.0.0.2/x", True),
        ("[::1]:5000/x", True),
        ("10.0.0.1:5000/x", False),
        ("localhost.example.com/x", False),
        ("127.0.0.1.example.com/x", False),
    ],
)
def test_this_machine_alone_is_spoken_to_without_tls(text: str, loopback: bool) -> None:
    assert parse_reference(text).is_loopback is loopback


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "host of a registry"),
        ("sp500-macd", "host of a registry"),
        ("runs/sp500-macd", "host of a registry"),
        ("http://registry.example.com/runs", "host of a registry|repository"),
        ("registry.example.com", "host of a registry"),
        ("user@registry.example.com/runs", "host of a registry"),
        ("registry.example.com/", "repository"),
        ("registry.example.com/Runs", "repository"),
        ("registry.example.com/runs/../x", "repository"),
        ("registry.example.com/runs//x", "repository"),
        ("registry.example.com/runs?x=1", "repository"),
        ("registry.example.com/runs:", "tag"),
        ("registry.example.com/runs:a b", "tag"),
        ("registry.example.com/runs@", "digest"),
        ("registry.example.com/runs@sha256:ABC", "digest"),
        ("registry.example.com/runs@sha512:" + "00" * 64, "digest"),
        ("registry.example.com/" + "r" * 600, "host of a registry"),
    ],
)
def test_what_names_nothing_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidReference, match=words):
        parse_reference(text)


def _configured(folder: Path, configuration: object) -> Path:
    (folder / "config.json").write_text(json.dumps(configuration))
    return folder


def test_credentials_are_those_of_docker(tmp_path: Path) -> None:
    entry = base64.b64encode(b"user:pass:word").decode()
    folder = _configured(tmp_path, {"auths": {"r.example.com": {"auth": entry}, "other.example.com": {}}})
    assert credentials_for("r.example.com", folder) == Credentials("user", "pass:word")
    assert credentials_for("other.example.com", folder) is None
    assert credentials_for("unknown.example.com", folder) is None
    assert credentials_for("r.example.com", tmp_path / "nowhere") is None


def test_a_credential_helper_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = tmp_path / "docker-credential-ours"
    helper.write_text('#!/bin/sh\nread host\n[ "$host" = r.example.com ] || exit 1\n'
                      'echo \'{"Username": "AWS", "Secret": "s3cret"}\'\n')  # fmt: skip
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    folder = _configured(tmp_path, {"credHelpers": {"r.example.com": "ours", "x.example.com": "ours"}})
    assert credentials_for("r.example.com", folder) == Credentials("AWS", "s3cret")
    with pytest.raises(RegistryRefused, match=r"docker-credential-ours has no credentials for x\.example\.com"):
        credentials_for("x.example.com", folder)


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ({"auths": {"r.example.com": {"auth": "%%%"}}}, "is not base64; log in again"),
        ({"auths": {"r.example.com": {"auth": "dXNlcg=="}}}, "has no password"),
        ({"credHelpers": {"r.example.com": "../../evil"}}, "names no credential helper"),
        ({"credsStore": "that-is-not-there"}, "failed"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_said(tmp_path: Path, configuration: object, words: str) -> None:
    with pytest.raises(RegistryRefused, match=words):
        credentials_for("r.example.com", _configured(tmp_path, configuration))


def test_a_password_is_not_shown() -> None:
    assert "hunter2" not in repr(Credentials("user", "hunter2"))
