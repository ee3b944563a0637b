"""Settings that cannot work are refused with their field named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_operator.__main__ import main
from tradeplane_operator.settings import SettingsError, read_settings

if TYPE_CHECKING:
    from pathlib import Path

GOOD: dict[str, Any] = {
    "stores": {"default": {"url": "file:///store", "claim": "tradeplane-store"}},
    "images": {"default": "registry.example/runner@sha256:" + "0" * 64},
}


def _written(folder: Path, document: object) -> Path:
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_two_things_are_enough(tmp_path: Path) -> None:
    assert read_settings(_written(tmp_path, GOOD)).limits.runs == 1_000


KEYLESS = "keyless:/trust.json?token-file=/token&identity=x"


@pytest.mark.parametrize("signer", ["file:/key.pem", "awskms:///alias/x", KEYLESS])
def test_who_signs_is_a_key_or_somebody(tmp_path: Path, signer: str) -> None:
    evidence = {"registry": "registry.example/runs", "signer": signer, "signaturesPerSecond": 1}
    found = read_settings(_written(tmp_path, GOOD | {"evidence": evidence})).evidence
    assert found is not None
    assert found.signer == signer


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"signer": "pkcs11:token=t;object=k?module-path=/m.so"}, r"evidence\.signer"),
        ({"signer": "keyless:trust.json?token-file=/token&identity=x"}, r"evidence\.signer"),
        ({"signer": KEYLESS, "timestampAuthority": "http://tsa.example"}, "leave out timestampAuthority"),
    ],
)
def test_a_signer_that_the_operator_does_not_take_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    evidence = {"registry": "registry.example/runs"} | change
    with pytest.raises(SettingsError, match=said):
        read_settings(_written(tmp_path, GOOD | {"evidence": evidence}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stores": {}}, "stores"),
        ({"stores": {"default": {"url": "file:///store"}}}, "claim"),
        ({"stores": {"default": {"url": "/store"}}}, "stores.default.url"),
        ({"images": {"default": "runner:latest"}}, "images.default"),
        ({"limits": {"runs": 0}}, "limits.runs"),
        ({"limit": {"runs": 1}}, "limit"),
        ({"lease": {"durationSeconds": 10}}, "lease.durationSeconds"),
        ({"logLevel": "LOUD"}, "logLevel"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        read_settings(_written(tmp_path, GOOD | change))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing\.yaml"):
        read_settings(tmp_path / "missing.yaml")


@pytest.mark.parametrize("text", ["[", "- a\n", ""])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"settings\.yaml"):
        read_settings(path)


def test_check_says_whether_settings_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--settings", str(_written(tmp_path, GOOD))]) == 0
    assert main(["--check", "--settings", str(_written(tmp_path, GOOD | {"images": {}}))]) == 2
    assert "images.default" in capsys.readouterr().err
