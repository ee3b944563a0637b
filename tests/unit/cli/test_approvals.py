"""``tradeplane approve`` and ``verify-approval``: what is signed is what the API server has, and nothing else is."""

from __future__ import annotations

import io
import json
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_api.approval import Approval
from tradeplane_api.strategy import StrategySpec
from tradeplane_cli.approvals import approval_name
from tradeplane_evidence.configurations.documents import Configuration, payload_of
from tradeplane_store.canonical import sha256_digest

from tests.unit.evidence import sample_approvals, sample_runs
from tests.unit.evidence.sample_approvals import OBJECT, USER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

KEY = "file:key.pem"
NAMED = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")


def stored(**changed: Any) -> dict[str, Any]:
    """Return a Strategy as the API server has it, with defaults."""
    spec = StrategySpec.model_validate(
        {"algorithm": {"name": "macd-momentum"}, "snapshotRef": {"name": "sp500"}, "capital": "1000000"}
    ).model_dump(mode="json", by_alias=True, exclude_none=True)
    metadata = {"name": OBJECT.name, "namespace": OBJECT.namespace, "uid": OBJECT.uid, "generation": 3}
    return {
        "apiVersion": OBJECT.api_version,
        "kind": "Strategy",
        "metadata": {**metadata, **changed.pop("metadata", {})},
        "spec": {**spec, **changed.pop("spec", {})},
        "status": {"observedGeneration": 3, "ofANewerVersion": True},
        **changed,
    }


@pytest.fixture(autouse=True)
def approvers(tradeplane: Command, tmp_path: Path) -> None:
    """Put a key, and a keyring in which it approves for one user, where the command is called."""
    del tradeplane  # whose folder it is
    sample_runs.key_file(tmp_path)
    signer = sample_runs.signer_in(tmp_path)
    keyring = {"schemaVersion": 1, "kind": "Keyring", "keys": [sample_approvals.entry(signer, USER)]}
    (tmp_path / "approvers.json").write_text(json.dumps(keyring))
    (tmp_path / "strategy.json").write_text(json.dumps(stored()))


def _approved(tradeplane: Command, *options: str) -> dict[str, Any]:
    ended = tradeplane("approve", "strategy.json", "--user", USER, "--signer", KEY, "-o", "json", *options)
    assert ended.code == 0, ended.err
    found: dict[str, Any] = json.loads(ended.out)
    return found


def _verified(tradeplane: Command, tmp_path: Path, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    (tmp_path / "approval.json").write_text(json.dumps(document))
    ended = tradeplane("verify-approval", "approval.json", "--keyring", "approvers.json", "-o", "json")
    return ended.code, json.loads(ended.out)


def test_what_is_printed_is_an_approval_that_is_verified(tradeplane: Command, tmp_path: Path) -> None:
    ended = tradeplane("approve", "strategy.json", "--user", USER, "--signer", KEY)
    document = yaml.safe_load(ended.out)
    spec = Approval.model_validate(document).spec
    entered = payload_of(Configuration(api_version=OBJECT.api_version, kind="Strategy", spec=stored()["spec"]))
    assert (spec.strategy_ref.name, spec.user, spec.configuration) == (OBJECT.name, USER, sha256_digest(entered))
    assert document["metadata"]["namespace"] == "trading"
    (tmp_path / "approval.yaml").write_text(ended.out)
    looked = tradeplane("verify-approval", "approval.yaml", "--keyring", "approvers.json")
    assert looked.code == 0, looked.out
    assert [line.split()[:2] for line in looked.out.splitlines()] == [
        ["ok", "signature"],
        ["ok", "object"],
        ["ok", "time"],
    ]


def test_who_approves_is_told_what(tradeplane: Command) -> None:
    ended = tradeplane("approve", "strategy.json", "--user", USER, "--signer", KEY)
    digest = yaml.safe_load(ended.out)["spec"]["configuration"]
    for told in (digest, "trading/sp500-macd", OBJECT.uid, "Backtest", "macd-momentum", USER, "capital: '1000000'"):
        assert told in ended.err


def test_what_a_terminal_would_act_on_is_written_out(tradeplane: Command, tmp_path: Path) -> None:
    (tmp_path / "strategy.json").write_text(json.dumps(stored(metadata={"uid": "4d1f\x1b[2K"})))
    ended = tradeplane("approve", "strategy.json", "--user", USER, "--signer", KEY)
    assert ended.code == 0
    assert "\x1b" not in ended.err + ended.out


def test_it_is_read_from_standard_input(tradeplane: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.TextIOWrapper(io.BytesIO(json.dumps(stored()).encode()))
    monkeypatch.setattr(sys, "stdin", text)
    ended = tradeplane("approve", "-", "--user", USER, "--signer", KEY, "-o", "json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["spec"]["strategyRef"] == {"name": OBJECT.name}


def test_status_labels_and_generation_change_nothing_of_what_is_approved(tradeplane: Command, tmp_path: Path) -> None:
    before = _approved(tradeplane)["spec"]["configuration"]
    (tmp_path / "strategy.json").write_text(json.dumps(stored(status={}, metadata={"generation": 9, "labels": {}})))
    assert _approved(tradeplane)["spec"]["configuration"] == before
    (tmp_path / "strategy.json").write_text(json.dumps(stored(spec={"capital": "1000001"})))
    assert _approved(tradeplane)["spec"]["configuration"] != before


def test_until_when_and_why_are_signed(tradeplane: Command, tmp_path: Path) -> None:
    document = _approved(tradeplane, "--not-after", "2999-12-31T23:59:59+01:00", "--comment", "CHG-1234")
    code, found = _verified(tradeplane, tmp_path, document)
    assert code == 0
    assert found["statement"]["notAfter"] == "2999-12-31T22:59:59Z"
    assert found["statement"]["comment"] == "CHG-1234"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (stored(metadata={"uid": ""}), "metadata.uid"),
        (stored(metadata={"generation": 0}), "metadata.generation"),
        (stored(metadata={"namespace": ""}), "metadata.namespace"),
        (stored(kind="Snapshot"), "holds no Strategy"),
        (stored(apiVersion="example.com/v1"), "holds no Strategy"),
        (stored(spec={"ofANewerVersion": True}), "ofANewerVersion"),
        ({"apiVersion": "v1", "kind": "List", "items": [stored(), stored()]}, "2 objects"),
        ({"apiVersion": "v1", "kind": "List", "items": []}, "no object"),
        (stored(spec={"algorithm": {"name": "x", "parameters": {"p": "x" * 1_048_576}}}), "larger than"),
    ],
)
def test_what_is_not_one_strategy_of_an_api_server_is_not_approved(
    tradeplane: Command, tmp_path: Path, document: dict[str, Any], words: str
) -> None:
    (tmp_path / "strategy.json").write_text(json.dumps(document))
    ended = tradeplane("approve", "strategy.json", "--user", USER, "--signer", KEY)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--user", ""), "--user"),
        (("--user", "alice\x1b[2K"), "--user"),
        (("--user", "x" * 254), "--user"),
        (("--not-after", "tomorrow"), "is no time"),
        (("--not-after", "2999-12-31T23:59:59"), "has no offset"),
        (("--not-after", "2020-01-01T00:00:00Z"), "is over"),
        (("--comment", "x" * 1_025), "comment"),
        (("--signer", "keyless:trust.json"), "names no signer"),
        (("--signer", "file:missing.pem"), "missing.pem"),
    ],
)
def test_what_cannot_be_signed_is_told(tradeplane: Command, options: tuple[str, str], words: str) -> None:
    ended = tradeplane("approve", "strategy.json", "--user", USER, "--signer", KEY, *options)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err


def _with(document: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {**document, "spec": {**document["spec"], **spec}}


@pytest.mark.parametrize(
    ("spec", "metadata", "check", "error"),
    [
        ({"user": "bob@example.com"}, {}, "object", "WrongUser"),
        ({"configuration": "sha256:" + "22" * 32}, {}, "object", "NotOfThisObject"),
        ({"strategyRef": {"name": "other"}}, {}, "object", "NotOfThisObject"),
        ({}, {"namespace": "other"}, "object", "NotOfThisObject"),
        ({"bundle": "{}"}, {}, "signature", "Malformed"),
    ],
)
def test_an_approval_that_says_something_else_is_refused(
    tradeplane: Command, tmp_path: Path, spec: dict[str, Any], metadata: dict[str, Any], check: str, error: str
) -> None:
    document = _with(_approved(tradeplane), **spec)
    document["metadata"] |= metadata
    code, found = _verified(tradeplane, tmp_path, document)
    assert (code, found["verified"]) == (3, False)
    assert (found["checks"][-1]["name"], found["checks"][-1]["error"]) == (check, error)


def test_an_approval_whose_time_is_over_is_refused(tradeplane: Command, tmp_path: Path) -> None:
    bundle = sample_approvals.bundle(sample_runs.signer_in(tmp_path))
    document = _with(_approved(tradeplane), configuration=sample_approvals.CONFIGURATION, bundle=bundle.decode())
    code, found = _verified(tradeplane, tmp_path, document)
    assert code == 3
    assert found["checks"][-1]["error"] == "Expired"


def test_names_are_labels_and_tell_approvals_apart() -> None:
    digests = ("sha256:" + "11" * 32, "sha256:" + "22" * 32)
    objects = [OBJECT, *(OBJECT.model_copy(update=one) for one in ({"uid": "other"}, {"name": "a." * 120 + "b"}))]
    names = {
        (one.uid, one.name, user, digest): approval_name(one, user, digest)
        for one in objects
        for user in (USER, "bob@example.com")
        for digest in digests
    }
    assert len(set(names.values())) == len(names)
    assert all(NAMED.match(name) for name in names.values())
    assert approval_name(OBJECT, USER, digests[0]) == approval_name(OBJECT, USER, digests[0])
