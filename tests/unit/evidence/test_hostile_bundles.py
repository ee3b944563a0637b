"""Whatever stands in a bundle, it is refused as evidence is, or says the same: no other error comes out."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_evidence.errors import EvidenceError
from tradeplane_evidence.keyless.identities import LOG, Identity
from tradeplane_evidence.keyless.trusted_root import read_trusted_root
from tradeplane_evidence.verification.artifact_verification import ArtifactClaim, verify_by_identity, verify_by_key
from tradeplane_evidence.verification.artifacts import Artifact

from tests.unit.evidence.key_bundles import ABOUT, KEY, MESSAGE, PAYLOAD, SIGNER, SIGSTORE, message_bundle, trusted
from tests.unit.evidence.private_sigstore import AT, ISSUER, SUBJECT, hashedrekord, pem, sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
MESSAGE_DIGEST = Artifact("the message", {"sha256": hashlib.sha256(MESSAGE).digest()})

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "0", "-1", str(2**63), str(2**64 - 1), str(2**64), "9" * 5_000, "AAAA", "====", "\u0000"]),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where something stands in plain JSON values."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*path, step)
        yield from _places(inner, (*path, step))


Case = tuple[dict[str, Any], "Callable[[bytes], ArtifactClaim]"]


def _by_somebody(bundle: dict[str, Any], about: Artifact) -> Case:
    identity, root = Identity(SUBJECT, ISSUER), trusted()
    return bundle, lambda data: verify_by_identity(data, about, identity, root)


def _by_a_key() -> Case:
    signature, root = sign(SIGNER, MESSAGE), trusted()
    body = hashedrekord(hashlib.sha256(MESSAGE).hexdigest(), signature, pem(SIGNER.public_key()))
    bundle = message_bundle(signature, MESSAGE, SIGSTORE.entry(body))
    return bundle, lambda data: verify_by_key(data, MESSAGE_DIGEST, KEY, root)


BUNDLES = {
    "a message by somebody": _by_somebody(SIGSTORE.message(MESSAGE), MESSAGE_DIGEST),
    "a statement by somebody": _by_somebody(SIGSTORE.statement(PAYLOAD), ABOUT),
    "a message by a key": _by_a_key(),
}


@pytest.mark.parametrize("kind", list(BUNDLES))
@given(drawn=st.data())
def test_an_odd_value_anywhere_is_refused_as_evidence_is(kind: str, drawn: st.DataObject) -> None:
    whole, verify = BUNDLES[kind]
    claimed = verify(json.dumps(whole).encode())
    document = copy.deepcopy(whole)
    path = drawn.draw(st.sampled_from(list(_places(document))))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = drawn.draw(ODD)
    try:
        found = verify(json.dumps(document).encode())
    except EvidenceError:
        return
    assert found.signer == claimed.signer
    assert found.stamped in {claimed.stamped, None}


@given(drawn=st.data())
def test_an_odd_value_anywhere_in_a_trusted_root_is_refused_as_evidence_is(drawn: st.DataObject) -> None:
    data = json.dumps(SIGSTORE.message(MESSAGE)).encode()
    document = SIGSTORE.trusted_root()
    path = drawn.draw(st.sampled_from(list(_places(document))))
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = drawn.draw(ODD)
    try:
        root = read_trusted_root(json.dumps(document).encode())
        found = verify_by_identity(data, MESSAGE_DIGEST, Identity(SUBJECT, ISSUER), root)
    except EvidenceError:
        return
    assert found.stamped == (AT, LOG)


@pytest.mark.parametrize("seconds", [2**40, 2**63, 2**64 - 1])
@pytest.mark.parametrize("kind", list(BUNDLES))
def test_a_time_that_no_calendar_has_is_refused(kind: str, seconds: int) -> None:
    whole, verify = BUNDLES[kind]
    document = copy.deepcopy(whole)
    document["verificationMaterial"]["tlogEntries"][0]["integratedTime"] = str(seconds)
    with pytest.raises(EvidenceError):
        verify(json.dumps(document).encode())
