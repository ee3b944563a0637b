"""Configurations of a platform that are right, for tests that change one thing in them, and what is made of them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from pulumi.runtime import rpc
from tradeplane_stacks.components.platform_config import PlatformConfig
from tradeplane_stacks.components.platform_manifests import kustomizations
from tradeplane_stacks.kustomize import render

from tests.unit.stacks.components.mutants import RENDERINGS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Json = dict[str, Any]
DIGEST = "sha256:" + "1" * 64
OPERATOR = f"registry.example/tradeplane/operator@{DIGEST}"
WORKLOADS = f"registry.example/tradeplane/workloads@{DIGEST}"
ROLE = "arn:aws:iam::111122223333:role/tradeplane"
LOCAL: Json = {
    "images": {"operator": OPERATOR, "workloads": WORKLOADS},
    "store": {"kind": "volume"},
    "evidence": {
        "registry": "localhost:5000/runs",
        "plain_http": True,
        "signer": "file:/etc/tradeplane-signing/key.pem",
    },
    "namespaces": [{"name": "research", "tenant": "research"}],
}
CLOUD: Json = {
    "images": {"operator": OPERATOR, "workloads": WORKLOADS},
    "store": {"kind": "s3", "url": "s3://tradeplane-results/runs", "region": "eu-west-1"},
    "evidence": {
        "registry": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/runs",
        "signer": "awskms:///alias/tradeplane-prod-signing-key",
        "required": True,
    },
    "operator_role": f"{ROLE}-operator",
    "namespaces": [
        {"name": "desk", "tenant": "desk", "quota": "large", "brokers": True, "runner_role": f"{ROLE}-desk"},
        {"name": "lab", "tenant": "lab"},
    ],
}


KEYLESS = (
    "keyless:/etc/tradeplane-sigstore/trust-config.json?token-file=/var/run/secrets/sigstore/token"
    "&identity=https://kubernetes.io/namespaces/tradeplane-system/serviceaccounts/tradeplane-operator"
)
TRUST_CONFIG: Json = {"mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json", "signingConfig": {}}
DATABASE = "postgresql://tradeplane:of-a-test@db.internal/audit?sslmode=verify-full"


def private_key(kind: str = "P-256") -> str:
    """Return a new private key, in PEM."""
    made: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    if kind == "RSA":
        made = rsa.generate_private_key(65537, 2048)
    elif kind == "Ed25519":
        made = ed25519.Ed25519PrivateKey.generate()
    else:
        made = ec.generate_private_key(ec.SECP256R1() if kind == "P-256" else ec.SECP384R1())
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_key(kind: str = "P-256") -> str:
    """Return a new public key, in PEM."""
    made = load_pem_private_key(private_key(kind).encode(), None).public_key()
    return made.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def certificate() -> str:
    """Return a new certificate, in PEM, that its own key signed."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def changed(config: Mapping[str, Any], path: str, value: Any) -> Json:
    """Return a configuration with one field changed, as ``evidence.signer``."""
    first, _, rest = path.partition(".")
    return {**config, first: changed(config[first], rest, value) if rest else value}


def rendered(config: Mapping[str, Any]) -> list[Json]:
    """Return the objects that kustomize makes of a configuration."""
    return rendered_once(kustomizations(PlatformConfig.read(config)))


def rendered_once(files: Mapping[str, str]) -> list[Json]:
    """Render files as they are rendered; the same files are not given to kubectl twice, which takes a second."""
    return deepcopy(_rendered(tuple(sorted(files.items()))))


@cache
def _rendered(files: tuple[tuple[str, str], ...]) -> list[Json]:
    folder = os.environ.get(RENDERINGS)
    if folder is None:
        return render(dict(files))
    kept = Path(folder) / hashlib.sha256(json.dumps(files).encode()).hexdigest()
    if not kept.exists():
        kept.write_text(json.dumps(render(dict(files))), encoding="utf-8")
    found: list[Json] = json.loads(kept.read_text(encoding="utf-8"))
    return found


def one(objects: Sequence[Json], kind: str, name: str, namespace: str | None = None) -> Json:
    """Return the one object of a kind and a name."""
    (found,) = (
        this
        for this in objects
        if this["kind"] == kind
        and this["metadata"]["name"] == name
        and (namespace is None or this["metadata"]["namespace"] == namespace)
    )
    return found


def names(objects: Sequence[Json], kind: str, namespace: str | None = None) -> set[str]:
    """Return the names of the objects of a kind."""
    return {
        this["metadata"]["name"]
        for this in objects
        if this["kind"] == kind and (namespace is None or this["metadata"]["namespace"] == namespace)
    }


def secret_files(secret: Json) -> dict[str, str]:
    """Return the files of a Secret that Pulumi was asked for, which it is to know as secret."""
    assert rpc.is_rpc_secret(secret["data"])
    return {name: base64.b64decode(text).decode() for name, text in rpc.unwrap_rpc_secret(secret["data"]).items()}
