"""A Sigstore of the tests' own, without servers: an authority, its log, and a transparency log of any time.

Real ones are asked in tests/integration; what they cannot do is sign at another time, or badly. Sources: RFC 5280 and
RFC 6962, section 3.2 (certificates and their timestamps), rekor's ``pkg/types``, the signed-note format of checkpoints.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from tradeplane_evidence.keyless.identities import Identity
from tradeplane_evidence.keyless.trusted_identity import TrustedIdentity
from tradeplane_evidence.keyless.trusted_root import read_trusted_root
from tradeplane_evidence.signing.dsse import pre_authentication_encoding
from tradeplane_evidence.statements.statement import PAYLOAD_TYPE

SUBJECT = "https://kubernetes.io/namespaces/tradeplane-system/serviceaccounts/operator"
ISSUER = "https://issuer.example.com"
AT = datetime(2026, 1, 5, 9, 0, 7, tzinfo=UTC)
_ISSUER_OID = ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_TIMESTAMPS_OID = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")


def encoded(data: bytes) -> str:
    """Return base64."""
    return base64.b64encode(data).decode()


def sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """Return the signature of bytes, the same each time."""
    return key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def der(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return a public key as DER."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def pem(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return a public key as PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True)
class PrivateSigstore:
    """One instance; another ``seed`` is another one, with keys of its own."""

    seed: int = 1
    start: datetime = AT - timedelta(days=365)
    keys: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)

    def key(self, name: str) -> ec.EllipticCurvePrivateKey:
        """Return one of its keys."""
        number = int.from_bytes(hashlib.sha256(f"{name} {self.seed}".encode()).digest()[:16], "big") + 1
        return self.keys.setdefault(name, ec.derive_private_key(number, ec.SECP256R1()))

    @cached_property
    def authority(self) -> x509.Certificate:
        """Its root certificate."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority {self.seed}")])
        key = self.key("authority")
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(self.start)
            .not_valid_after(self.start + timedelta(days=3_650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(identifier, critical=False)
        )
        return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)

    def certificate(
        self, subject: str = SUBJECT, issuer: str = ISSUER, at: datetime = AT, minutes: int = 10, *, logged: bool = True
    ) -> x509.Certificate:
        """Return a certificate for who signs, valid for some minutes from then, with the promise of the log."""
        authority, signer = self.key("authority"), self.key("signer").public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.authority.subject)
            .public_key(signer)
            .serial_number(77)
            .not_valid_before(at - timedelta(seconds=7))
            .not_valid_after(at + timedelta(minutes=minutes))
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(signer), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(subject)]), critical=True)
            .add_extension(x509.UnrecognizedExtension(_ISSUER_OID, issuer.encode()), critical=False)
        )
        before = builder.sign(authority, hashes.SHA256(), ecdsa_deterministic=True)
        if not logged:
            return before
        promise = x509.UnrecognizedExtension(_TIMESTAMPS_OID, self._promise(before, at))
        return builder.add_extension(promise, critical=False).sign(authority, hashes.SHA256(), ecdsa_deterministic=True)

    def _promise(self, before: x509.Certificate, at: datetime) -> bytes:
        """Return the log's signed certificate timestamp, as the extension holds it (RFC 6962, section 3.3)."""
        log, moment = self.key("certificate log"), int(at.timestamp() * 1000)
        issuer = hashlib.sha256(der(self.key("authority").public_key())).digest()
        body = before.tbs_certificate_bytes
        entry = struct.pack("!BBQH", 0, 0, moment, 1) + issuer + len(body).to_bytes(3, "big") + body + b"\0\0"
        signature = sign(log, entry)
        one = b"\0" + hashlib.sha256(der(log.public_key())).digest() + struct.pack("!QH", moment, 0)
        one += struct.pack("!BBH", 4, 3, len(signature)) + signature
        listed = struct.pack("!HH", len(one) + 2, len(one)) + one
        return b"\x04" + (b"\x81" if len(listed) > 127 else b"") + bytes([len(listed)]) + listed

    def entry(self, body: dict[str, Any], at: datetime = AT, *, promise: bool = True) -> dict[str, Any]:
        """Return the log's entry of a body: the second of two, with its proof, and when it was taken in."""
        log = self.key("transparency log")
        name = hashlib.sha256(der(log.public_key())).digest()
        data = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        first = hashlib.sha256(b"\0somebody else's").digest()
        root = hashlib.sha256(b"\1" + first + hashlib.sha256(b"\0" + data).digest()).digest()
        note = f"log.example.com - {self.seed}\n2\n{encoded(root)}\n"
        checkpoint = f"{note}\n\u2014 log.example.com {encoded(name[:4] + sign(log, note.encode()))}\n"
        found: dict[str, Any] = {
            "logIndex": "1",
            "logId": {"keyId": encoded(name)},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "inclusionProof": {
                "logIndex": "1",
                "rootHash": encoded(root),
                "treeSize": "2",
                "hashes": [encoded(first)],
                "checkpoint": {"envelope": checkpoint},
            },
            "canonicalizedBody": encoded(data),
        }
        if promise:
            moment = int(at.timestamp())
            said = {"body": encoded(data), "integratedTime": moment, "logID": name.hex(), "logIndex": 1}
            said_bytes = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
            found["integratedTime"] = str(moment)
            found["inclusionPromise"] = {"signedEntryTimestamp": encoded(sign(log, said_bytes))}
        return found

    def message(self, data: bytes, at: datetime = AT, certificate: x509.Certificate | None = None) -> dict[str, Any]:
        """Return the bundle of a message."""
        certificate = certificate or self.certificate(at=at)
        signature = sign(self.key("signer"), data)
        digest = hashlib.sha256(data)
        body = hashedrekord(digest.hexdigest(), signature, certificate.public_bytes(Encoding.PEM))
        return {
            **self._around(certificate, body, at),
            "messageSignature": {
                "messageDigest": {"algorithm": "SHA2_256", "digest": encoded(digest.digest())},
                "signature": encoded(signature),
            },
        }

    def statement(
        self,
        payload: bytes,
        at: datetime = AT,
        certificate: x509.Certificate | None = None,
        *,
        logged_as_message: bool = False,
    ) -> dict[str, Any]:
        """Return the bundle of a statement.

        ``logged_as_message``: whether its entry is of what was signed, and not of an envelope.
        """
        certificate = certificate or self.certificate(at=at)
        signed = pre_authentication_encoding(PAYLOAD_TYPE, payload)
        signature, verifier = sign(self.key("signer"), signed), certificate.public_bytes(Encoding.PEM)
        body = dsse(payload, signature, verifier)
        if logged_as_message:
            body = hashedrekord(hashlib.sha256(signed).hexdigest(), signature, verifier)
        return {**self._around(certificate, body, at), "dsseEnvelope": envelope(payload, signature)}

    def _around(self, certificate: x509.Certificate, body: dict[str, Any], at: datetime) -> dict[str, Any]:
        return {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": encoded(certificate.public_bytes(Encoding.DER))},
                "tlogEntries": [self.entry(body, at)],
            },
        }

    def trusted_root(self) -> dict[str, Any]:
        """Return what it publishes of itself."""
        start = self.start.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [self._log("transparency log", start)],
            "certificateAuthorities": [
                {
                    "subject": {"organization": "example", "commonName": "authority"},
                    "uri": "https://authority.example.com",
                    "certChain": {"certificates": [{"rawBytes": encoded(self.authority.public_bytes(Encoding.DER))}]},
                    "validFor": {"start": start},
                }
            ],
            "ctlogs": [self._log("certificate log", start)],
        }

    def _log(self, name: str, start: str) -> dict[str, Any]:
        key = der(self.key(name).public_key())
        return {
            "baseUrl": f"https://{name.replace(' ', '-')}.example.com",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": encoded(key),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": {"start": start},
            },
            "logId": {"keyId": encoded(hashlib.sha256(key).digest())},
        }


@dataclass(frozen=True)
class SomebodyThere:
    """Somebody who signs keylessly at an instance of the tests' own, always at ``AT``: the same bundle each time."""

    instance: PrivateSigstore
    name: str = SUBJECT
    deterministic: bool = True

    def trusted(self) -> TrustedIdentity:
        """Return who relies on them."""
        root = read_trusted_root(json.dumps(self.instance.trusted_root()).encode())
        return TrustedIdentity(Identity(self.name, self.issuer()), root)

    def issuer(self) -> str:
        """Return who vouches for them."""
        return ISSUER

    def signed_bundle(self, payload: bytes) -> bytes:
        """Return the bundle of a statement."""
        return json.dumps(self.instance.statement(payload, certificate=self._certificate())).encode()

    def message_bundle(self, data: bytes) -> bytes:
        """Return the bundle of a message."""
        return json.dumps(self.instance.message(data, certificate=self._certificate())).encode()

    def payload_of(self, bundle: bytes) -> bytes:
        """Return the payload of a bundle of theirs."""
        return self.trusted().verify(bundle)[0]

    def _certificate(self) -> x509.Certificate:
        return self.instance.certificate(subject=self.name)


def envelope(payload: bytes, signature: bytes) -> dict[str, Any]:
    """Return the envelope of a statement."""
    return {
        "payload": encoded(payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"sig": encoded(signature)}],
    }


def hashedrekord(digest: str, signature: bytes, verifier: bytes) -> dict[str, Any]:
    """Return the body of an entry of a message, ``verifier`` as PEM."""
    return {
        "apiVersion": "0.0.1",
        "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": digest}},
            "signature": {"content": encoded(signature), "publicKey": {"content": encoded(verifier)}},
        },
    }


def dsse(payload: bytes, signature: bytes, verifier: bytes) -> dict[str, Any]:
    """Return the body of an entry of a statement."""
    return {
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {
            "envelopeHash": {"algorithm": "sha256", "value": "00" * 32},
            "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
            "signatures": [{"signature": encoded(signature), "verifier": encoded(verifier)}],
        },
    }


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
