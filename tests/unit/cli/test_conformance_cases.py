"""``tradeplane verify-bundle`` on what sigstore-conformance verifies: its command line, its two answers, its cases.

The suite itself is in no registry of packages, and its bundles are of the public instance. So its cases are made here
by an instance of the tests' own, each by the suite's name for it, and put to the command in the order of options in
which the suite calls a client (``docs/cli_protocol.md``). Those of timestamp authorities and of Rekor v2 need servers,
and are in tests/integration/evidence/test_keyless_signing.py.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from tradeplane_evidence.statements.statement import serialise

from tests.unit.evidence import sample_runs
from tests.unit.evidence.private_sigstore import AT, ISSUER, SUBJECT, PrivateSigstore, encoded, pem, sign

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]
    Change = Callable[["Case"], object]

MESSAGE = b"what somebody signed"
SIGSTORE, STAGING = PrivateSigstore(), PrivateSigstore(seed=2)
RESULTS = sample_runs.artifact().digest
NO_CERTIFICATE_TIME = timedelta(minutes=10, seconds=1)


class Case:
    """A folder of the suite: a bundle, who is to have signed it, what is trusted, and the artifact."""

    def __init__(self) -> None:
        self.bundle: Any = SIGSTORE.message(MESSAGE)
        self.root: Any = SIGSTORE.trusted_root()
        self.identity, self.issuer, self.artifact = SUBJECT, ISSUER, "a.txt"

    @property
    def material(self) -> Any:
        return self.bundle["verificationMaterial"]

    @property
    def entry(self) -> Any:
        return self.material["tlogEntries"][0]

    @property
    def envelope(self) -> Any:
        return self.bundle["dsseEnvelope"]

    def states(self, payload: bytes | None = None) -> None:
        """Have the bundle be of a statement."""
        self.bundle = SIGSTORE.statement(serialise(sample_runs.statement()) if payload is None else payload)
        self.artifact = RESULTS

    def states_as_message(self) -> None:
        """Have the bundle be of a statement whose entry is of what was signed."""
        self.bundle = SIGSTORE.statement(serialise(sample_runs.statement()), logged_as_message=True)
        self.artifact = RESULTS

    def run(self, tradeplane: Command, folder: Path) -> Ended:
        """Call the command as the suite does."""
        (folder / "a.txt").write_bytes(MESSAGE)
        (folder / "bundle.sigstore.json").write_text(json.dumps(self.bundle))
        (folder / "trusted_root.json").write_text(json.dumps(self.root))
        return tradeplane(
            "verify-bundle",
            *("--bundle", "bundle.sigstore.json"),
            *("--certificate-identity", self.identity),
            *("--certificate-oidc-issuer", self.issuer),
            *("--trusted-root", "trusted_root.json"),
            self.artifact,
        )


def _chain(case: Case) -> None:
    """Write the certificate as bundles before v0.3 did: the first of a chain."""
    case.material["x509CertificateChain"] = {"certificates": [case.material.pop("certificate")]}


def _version(case: Case, version: str) -> None:
    case.bundle["mediaType"] = f"application/vnd.dev.sigstore.bundle+json;version={version}"
    if version < "0.3":
        _chain(case)


def _v02(case: Case) -> None:
    _version(case, "0.2")


def _by_digest(case: Case) -> None:
    case.artifact = f"sha256:{hashlib.sha256(MESSAGE).hexdigest()}"


def _duplicate_name(case: Case) -> None:
    """Put another authority of the same name before the one that gave the certificate."""
    namesake = PrivateSigstore()
    namesake.keys["authority"] = STAGING.key("authority")
    case.root["certificateAuthorities"].insert(0, namesake.trusted_root()["certificateAuthorities"][0])


def _log_ends_then(case: Case) -> None:
    case.root["tlogs"][0]["publicKey"]["validFor"]["end"] = AT.isoformat()


def _root_in_chain(case: Case, of: PrivateSigstore) -> None:
    """Bring the authority's own certificate, which old bundles do and which nobody has to believe."""
    case.bundle = of.message(MESSAGE)
    _v02(case)
    root = of.authority.public_bytes(Encoding.DER)
    case.material["x509CertificateChain"]["certificates"].append({"rawBytes": encoded(root)})


PASSES: dict[str, Change] = {
    "happy-path": lambda case: None,
    "happy-path by digest": _by_digest,
    "happy-path-v0.3 as it was first written": lambda case: _version(case, "0.3"),
    "happy-path-v0.2": _v02,
    "happy-path-v0.1": lambda case: _version(case, "0.1"),
    "root in the chain of v0.2": lambda case: _root_in_chain(case, SIGSTORE),
    "dsse-happy-path": Case.states,
    "dsse-with-hashedrekord-happy-path": Case.states_as_message,
    "sct-duplicate-intermediate-name": _duplicate_name,
    "trust-root-tlog-validity-end-inclusive": _log_ends_then,
}


def _signature(case: Case) -> None:
    signed = case.bundle["messageSignature"]
    signed["signature"] = encoded(sign(SIGSTORE.key("signer"), MESSAGE + b"!"))


def _digest(case: Case) -> None:
    case.bundle["messageSignature"]["messageDigest"]["digest"] = encoded(hashlib.sha256(b"another").digest())


def _certificate(case: Case, **of: Any) -> None:
    at = of.pop("signed", AT)
    case.bundle = SIGSTORE.message(MESSAGE, at=at, certificate=SIGSTORE.certificate(**of))


def _swapped(case: Case) -> None:
    """Bring the entry of something else, with a good proof (CVE-2022-36056)."""
    other = SIGSTORE.message(b"another message")
    case.material["tlogEntries"] = other["verificationMaterial"]["tlogEntries"]


def _unproved(case: Case, version: str) -> None:
    _version(case, version)
    del case.entry["inclusionProof"]


def _uncheckpointed(case: Case) -> None:
    case.entry["inclusionProof"]["checkpoint"]["envelope"] = ""


def _checkpoint_of_another_log(case: Case) -> None:
    other = STAGING.message(MESSAGE)["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
    case.entry["inclusionProof"]["checkpoint"] = other["checkpoint"]


def _unpromised(case: Case) -> None:
    _version(case, "0.1")
    del case.entry["inclusionPromise"]


def _later(case: Case) -> None:
    case.entry["integratedTime"] = str(int(AT.timestamp()) + 1)


def _managed_key(case: Case) -> None:
    del case.material["certificate"]
    case.material["publicKey"] = {"hint": ""}


def _trusting(case: Case, part: str) -> None:
    case.root[part] = STAGING.trusted_root()[part]


def _stated(case: Case, change: Change) -> None:
    case.states()
    change(case)


def _logged_as_message(case: Case, change: Change) -> None:
    case.states_as_message()
    change(case)


def _entry_of(case: Case, other: dict[str, Any]) -> None:
    case.material["tlogEntries"] = other["verificationMaterial"]["tlogEntries"]


def _untyped(case: Case) -> None:
    plain = sample_runs.statement().plain()
    del plain["_type"]
    case.states(json.dumps(plain).encode())


def _of_unknown_type(case: Case) -> None:
    plain = sample_runs.statement().plain() | {"_type": "https://in-toto.io/Statement/v9"}
    case.states(json.dumps(plain).encode())


def _another_envelope(case: Case) -> None:
    case.states(serialise(sample_runs.statement()) + b" ")
    other = case.material["tlogEntries"]
    case.states()
    case.material["tlogEntries"] = other


FAILS: dict[str, tuple[Change, str]] = {
    "invalid-signature": (_signature, "signature"),
    "message-digest-mismatch": (_digest, "another message"),
    "artifact that was changed": (lambda case: setattr(case, "artifact", "trusted_root.json"), "another message"),
    "wrong identity": (
        lambda case: setattr(case, "identity", "https://example.com/somebody-else"),
        "SANs do not match",
    ),
    "wrong issuer": (lambda case: setattr(case, "issuer", "https://example.com"), "does not match"),
    "certificate expired when it was signed": (
        lambda case: _certificate(case, signed=AT + NO_CERTIFICATE_TIME),
        "certificate",
    ),
    "certificate not yet valid when it was signed": (
        lambda case: _certificate(case, signed=AT - timedelta(seconds=8)),
        "certificate",
    ),
    "missing-sct": (lambda case: _certificate(case, logged=False), "SCT"),
    "bundle of the staging instance": (lambda case: setattr(case, "bundle", STAGING.message(MESSAGE)), "certificate"),
    "wrong-fulcio": (lambda case: _trusting(case, "certificateAuthorities"), "certificate"),
    "wrong-ct-log-key": (lambda case: _trusting(case, "ctlogs"), "certificate"),
    "wrong-rekor-key": (lambda case: _trusting(case, "tlogs"), "log"),
    "cve-2022-36056-swapped-tlog-entry": (_swapped, "inconsistent"),
    "missing tlog entry": (lambda case: case.material.update(tlogEntries=[]), "log entry"),
    "missing-inclusion-proof v0.1": (
        lambda case: _unproved(case, "0.1"),
        "inclusion",
    ),
    "missing-inclusion-proof v0.3": (lambda case: case.entry.pop("inclusionProof"), "inclusion"),
    "missing-inclusion-proof v0.2": (lambda case: _unproved(case, "0.2"), "inclusion"),
    "invalid-inclusion-proof": (lambda case: case.entry["inclusionProof"].update(hashes=[]), "log entry"),
    "no checkpoint": (_uncheckpointed, "log entry"),
    "checkpoint-wrong-keyid": (_checkpoint_of_another_log, "log entry"),
    "missing inclusion promise v0.1": (_unpromised, "promise"),
    "invalid-set": (_later, "SET"),
    "root of another instance in the chain": (lambda case: _root_in_chain(case, STAGING), "certificate"),
    "unknown media type": (lambda case: case.bundle.update(mediaType="application/json"), "mediaType"),
    "managed-key and no --key": (_managed_key, "--key"),
    "trust-root-tlog-missing-validity-start": (
        lambda case: case.root["tlogs"][0]["publicKey"]["validFor"].pop("start"),
        "start",
    ),
    "dsse-mismatch-envelope": (_another_envelope, "does not match"),
    "dsse-mismatch-sig": (
        lambda case: _stated(
            case, lambda one: one.envelope["signatures"][0].update(sig=encoded(sign(SIGSTORE.key("signer"), b"else")))
        ),
        "signature",
    ),
    "dsse-with-hashedrekord-invalid-sig": (
        lambda case: _logged_as_message(
            case, lambda one: one.envelope["signatures"][0].update(sig=encoded(sign(SIGSTORE.key("signer"), b"else")))
        ),
        "signature",
    ),
    "dsse-with-hashedrekord-mismatch-envelope": (
        lambda case: _logged_as_message(
            case,
            lambda one: _entry_of(
                one, SIGSTORE.statement(serialise(sample_runs.statement()) + b" ", logged_as_message=True)
            ),
        ),
        "inconsistent",
    ),
    "dsse-with-hashedrekord-mismatch-sig": (
        lambda case: _logged_as_message(case, lambda one: _entry_of(one, SIGSTORE.message(MESSAGE))),
        "inconsistent",
    ),
    "dsse with two signatures": (
        lambda case: _stated(case, lambda one: one.envelope.update(signatures=one.envelope["signatures"] * 2)),
        "signatures",
    ),
    "dsse about something else": (
        lambda case: _stated(case, lambda one: setattr(one, "artifact", f"sha256:{'00' * 32}")),
        "is not about",
    ),
    "dsse-statement-missing-type": (_untyped, "_type"),
    "dsse-statement-unknown-type": (_of_unknown_type, "_type"),
}


@pytest.mark.parametrize("name", PASSES)
def test_what_is_good_is_verified(tradeplane: Command, tmp_path: Path, name: str) -> None:
    case = Case()
    PASSES[name](case)
    ended = case.run(tradeplane, tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert f"signed by {SUBJECT} (by {ISSUER})" in ended.out


@pytest.mark.parametrize("name", FAILS)
def test_what_is_not_is_refused_for_what_is_wrong_with_it(tradeplane: Command, tmp_path: Path, name: str) -> None:
    case, (change, words) = Case(), FAILS[name]
    change(case)
    ended = case.run(tradeplane, tmp_path)
    assert (ended.code, ended.out) == (1, "")
    assert words in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("key", "code"), [(SIGSTORE.key("signer"), 0), (STAGING.key("signer"), 1)], ids=["managed-key", "wrong key_fail"]
)
def test_a_managed_key_verifies_what_it_signed(tradeplane: Command, tmp_path: Path, key: Any, code: int) -> None:
    """The suite gives the key in the place of an identity, where a case has a ``key.pub``."""
    case = Case()
    _managed_key(case)
    del case.material["tlogEntries"]
    (tmp_path / "a.txt").write_bytes(MESSAGE)
    (tmp_path / "key.pub").write_bytes(pem(key.public_key()))
    (tmp_path / "bundle.sigstore.json").write_text(json.dumps(case.bundle))
    ended = tradeplane("verify-bundle", "--bundle", "bundle.sigstore.json", "--key", "key.pub", "a.txt")
    assert ended.code == code, ended.err
