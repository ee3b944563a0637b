"""What the operator judges by, entered as it changes: settings as they are resolved, and the keyrings they name."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml
from tradeplane_evidence.ledger.errors import LedgerUnavailable
from tradeplane_evidence.signing.keyring import MAX_KEYRING_BYTES
from tradeplane_operator.recording import judged_by as module
from tradeplane_operator.recording.judged_by import SETTINGS_FILE, JudgedBy, keyrings_of, resolved
from tradeplane_operator.settings import read_settings
from tradeplane_store.canonical import sha256_digest

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_evidence.ledger.events import ObjectReference


class Ledger:
    """What was registered, and the bytes of it."""

    def __init__(self) -> None:
        self.away = False
        self.registered: list[tuple[str, str, str]] = []
        self.kept: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        self.kept[sha256_digest(data)] = data
        return sha256_digest(data)

    def register(self, _engine: object, file: ObjectReference, digest: str, by: str) -> Any:
        if self.away:
            raise LedgerUnavailable("it is away")
        assert by == "tradeplane-recorder"
        self.registered.append((file.namespace, file.name, digest))
        return type("Version", (), {"number": len(self.registered)})


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    found = Ledger()
    monkeypatch.setattr(module, "register_file", found.register)
    return found


def _settings(folder: Path, **more: Any) -> Path:
    file = folder / "settings.yaml"
    trusted = {"keyring": str(folder / "trust.json")}
    evidence = {
        "registry": "r.example.com/runs",
        "signer": "file:/key.pem",
        "snapshotKeys": str(folder / "snapshots.json"),
    }
    said: dict[str, Any] = {
        "stores": {"default": {"url": "file:///store", "claim": "store"}},
        "images": {
            "default": f"r.example.com/x@sha256:{'0' * 64}",
            "attested": trusted,
            "registries": ["r.example.com/"],
        },
        "evidence": evidence,
    }
    file.write_text(yaml.safe_dump(said | more))
    return file


def _judged(ledger: Ledger, settings: Path) -> JudgedBy:
    return JudgedBy(cast("Any", None), cast("Any", ledger), settings)


def test_each_is_entered_once_and_again_when_it_changes(ledger: Ledger, tmp_path: Path) -> None:
    judged = _judged(ledger, _settings(tmp_path))
    (tmp_path / "trust.json").write_text("one")
    (tmp_path / "snapshots.json").write_text("two")
    for _ in range(2):
        judged.look()
    names = {name for _, name, _ in ledger.registered}
    assert names == {SETTINGS_FILE, "operator-image-keys", "operator-snapshot-keys"}
    assert {namespace for namespace, _, _ in ledger.registered} == {"tradeplane-system"}
    assert len(ledger.registered) == 3
    (tmp_path / "trust.json").write_text("three")
    judged.look()
    assert [(name, ledger.kept[digest]) for _, name, digest in ledger.registered[3:]] == [
        ("operator-image-keys", b"three")
    ]


def test_settings_are_entered_as_they_are_resolved(ledger: Ledger, tmp_path: Path) -> None:
    """A default that another version of the operator has is another version of what it judges by."""
    file = _settings(tmp_path)
    _judged(ledger, file).look()
    (entered,) = (ledger.kept[digest] for _, name, digest in ledger.registered if name == SETTINGS_FILE)
    assert json.loads(entered)["evidence"]["snapshotWaitSeconds"] == 120
    assert entered == resolved(read_settings(file))
    file.write_text(f"# only a comment more\n{file.read_text()}")
    before = len(ledger.registered)
    _judged(ledger, file).look()
    assert [digest for _, name, digest in ledger.registered[before:] if name == SETTINGS_FILE] == [
        sha256_digest(entered)
    ], "the ledger itself knows that it is the same"


@pytest.mark.parametrize("data", [None, b"x" * (MAX_KEYRING_BYTES + 1)])
def test_a_keyring_that_cannot_be_read_is_said_and_holds_up_no_other(
    ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture, data: bytes | None
) -> None:
    if data is not None:
        (tmp_path / "snapshots.json").write_bytes(data)
    (tmp_path / "trust.json").write_text("one")
    _judged(ledger, _settings(tmp_path)).look()
    assert {name for _, name, _ in ledger.registered} == {SETTINGS_FILE, "operator-image-keys"}
    assert f"the keyring {tmp_path / 'snapshots.json'} is not entered" in caplog.text


def test_settings_that_cannot_be_read_are_said_and_entered_once_they_can(
    ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    judged = _judged(ledger, tmp_path / "settings.yaml")
    judged.look()
    assert ledger.registered == []
    assert "the operator's settings are not entered" in caplog.text
    _settings(tmp_path)
    judged.look()
    assert [name for _, name, _ in ledger.registered] == [SETTINGS_FILE]


def test_what_a_ledger_did_not_take_is_entered_with_the_next_look(ledger: Ledger, tmp_path: Path) -> None:
    judged, ledger.away = _judged(ledger, _settings(tmp_path)), True
    with pytest.raises(LedgerUnavailable):
        judged.look()
    ledger.away = False
    judged.look()
    assert [name for _, name, _ in ledger.registered] == [SETTINGS_FILE]


def test_each_name_is_one_that_a_command_takes(tmp_path: Path) -> None:
    settings = read_settings(_settings(tmp_path, approvals={"keyring": "/etc/keys.json"}))
    names = [SETTINGS_FILE, *keyrings_of(settings)]
    assert len(names) == 4
    assert all(re.fullmatch(r"[a-z-]+", name) for name in names)


def test_an_operator_that_trusts_no_keyring_has_none(tmp_path: Path) -> None:
    file = _settings(tmp_path, evidence=None, images={"default": f"r.example.com/x@sha256:{'0' * 64}"})
    assert keyrings_of(read_settings(file)) == {}
