"""Keyrings of a platform are such as the operator reads, and wrong keys and rules are told by their fields."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tradeplane_evidence.signing.keyring import read_keyring
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.platform_trust import Approvals, ImageTrust, keyring

from tests.unit.stacks.components.platforms import private_key, public_key

KEY = public_key()
BUILDER = "https://builds.example/release"
RULE: dict[str, Any] = {"modes": ["Paper"], "approvers": 2}


@pytest.mark.parametrize("kind", ["P-256", "Ed25519"])
def test_a_keyring_of_builders_is_read_as_it_was_meant(kind: str) -> None:
    times = {"not_before": "2026-01-01T00:00:00Z", "not_after": "2026-12-31T23:59:59Z"}
    given = [
        {"public_key": public_key(kind), "builders": [BUILDER], **times},
        {"public_key": KEY, "revoked_from": "2026-06-01T00:00:00Z"},
    ]
    keys = ImageTrust.read({"keys": given}).keys
    assert keys is not None
    first, second = read_keyring(keyring(keys).encode()).keys
    assert first.builders == frozenset({BUILDER})
    assert first.not_before is not None
    assert first.not_after is not None
    assert (first.not_before.isoformat(), first.not_after.year) == ("2026-01-01T00:00:00+00:00", 2026)
    assert first.revoked_from is None
    assert second.builders is None
    assert second.revoked_from is not None
    assert not second.approves_alone


def test_a_keyring_of_approvers_signs_for_nothing_else() -> None:
    keys = Approvals.read({"rules": [RULE], "keys": [{"public_key": KEY, "users": ["alice@example.com"]}]}).keys
    assert keys is not None
    (found,) = read_keyring(keyring(keys).encode()).keys
    assert found.users == frozenset({"alice@example.com"})
    assert found.approves_alone


def test_a_keyring_says_nothing_of_what_was_not_given() -> None:
    keys = ImageTrust.read({"keys": [{"public_key": KEY}]}).keys
    assert keys is not None
    assert json.loads(keyring(keys)) == {"schemaVersion": 1, "kind": "Keyring", "keys": [{"publicKey": KEY}]}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"keys": []}, "keys"),
        ({"keys": [{"public_key": private_key()}]}, r"keys\.0\.public_key: .*is no public key in PEM"),
        ({"keys": [{"public_key": "ssh-ed25519 AAAA"}]}, r"keys\.0\.public_key: .*is no public key in PEM"),
        ({"keys": [{"public_key": public_key("RSA")}]}, r"keys\.0\.public_key: .*P-256, or of Ed25519"),
        ({"keys": [{"public_key": public_key("P-384")}]}, r"keys\.0\.public_key: .*P-256, or of Ed25519"),
        ({"keys": [{"public_key": KEY, "builders": []}]}, r"keys\.0\.builders"),
        ({"keys": [{"public_key": KEY, "builders": ["release"]}]}, r"keys\.0\.builders\.0"),
        ({"keys": [{"public_key": KEY, "users": ["alice"]}]}, r"keys\.0\.users: Extra inputs"),
        ({"keys": [{"public_key": KEY, "not_after": "2026-12-31"}]}, r"keys\.0\.not_after"),
        ({"keys": [{"public_key": KEY, "revoked_from": "2026-12-31T00:00:00+01:00"}]}, r"keys\.0\.revoked_from"),
        ({"valid_seconds": 0}, "valid_seconds"),
        ({"builders": ["release"]}, r"builders\.0"),
    ],
)
def test_wrong_trust_in_images_is_refused(given: dict[str, Any], message: str) -> None:
    assert not ImageTrust.read({}).plain_http
    with pytest.raises(InvalidConfiguration, match=message):
        ImageTrust.read(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rules": []}, "rules"),
        ({"rules": [{"modes": []}]}, r"rules\.0\.modes"),
        ({"rules": [{"modes": ["Dream"]}]}, r"rules\.0\.modes\.0"),
        ({"rules": [{**RULE, "approvers": 0}]}, r"rules\.0\.approvers"),
        ({"rules": [{**RULE, "approvers": 17}]}, r"rules\.0\.approvers"),
        ({"rules": [{**RULE, "namespaces": ["Desk"]}]}, r"rules\.0\.namespaces\.0"),
        ({"rules": [RULE], "keys": []}, "keys"),
        ({"rules": [RULE], "keys": [{"public_key": KEY}]}, r"keys\.0\.users: Field required"),
        ({"rules": [RULE], "keys": [{"public_key": KEY, "users": []}]}, r"keys\.0\.users"),
        ({"rules": [RULE], "keys": [{"public_key": KEY, "users": ["a\nb"]}]}, r"keys\.0\.users\.0"),
    ],
)
def test_wrong_approvals_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        Approvals.read(given)
