"""The demo's evidence: a signing key of the cluster's own, and a run verified with nothing but its public half.

The key is made here because there is nobody else; a deployment has one in KMS, or one that was made elsewhere. It is in
a Secret of the operator's namespace, and the cluster is the authority on it: another checkout finds the same.
"""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from tradeplane_stacks.components.platform_evidence import KEY_FILE
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.kept_secrets import apply_secret, read_secret
from tradeplane_stacks.demo.objects import GENERATED, shown
from tradeplane_stacks.demo.programs import beside_python
from tradeplane_stacks.demo.waiting import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tradeplane_stacks.demo.objects import Objects
    from tradeplane_stacks.demo.programs import Kubectl

SECRET, KEY = "tradeplane-signing-key", "key.pem"
SIGNING = GENERATED / "signing"
"""Folder of public keys, each under its own name: what an earlier key signed is verified by that one."""
PREDICATE = "https://slsa.dev/provenance/v1"


def evidence_configuration(registry: str) -> dict[str, Any]:
    """Return what the platform is configured by to attest runs, for a registry without TLS."""
    return {"registry": f"{registry}/runs", "plain_http": True, "signer": KEY_FILE}


def provide_key(kubectl: Kubectl, namespace: str, say: Callable[[str], None], secret: str = SECRET) -> bytes:
    """Return the key in a Secret, as PEM: made where there is none; its public half is in a file of its own.

    Where the operator was removed with its namespace the key went with it, and another is made. Raises DemoError.
    """
    found = read_secret(kubectl, namespace, secret)
    pem = _new_key() if found is None else found[KEY]
    fingerprint, public = public_half(pem)
    path = public_key_file(fingerprint)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(public)
    if found is None:
        say(f"making a signing key: Secret {namespace}/{secret}; its public half is {shown(path)}")
        apply_secret(kubectl, namespace, secret, {KEY: pem})
    return pem


def public_key_file(fingerprint: str) -> Path:
    """Return the file of the public key with a fingerprint, ``sha256:<hex>`` of its DER."""
    return SIGNING / f"key-{fingerprint.removeprefix('sha256:')[:12]}.pub"


def _new_key() -> bytes:
    material = ec.generate_private_key(ec.SECP256R1())
    return material.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@contextmanager
def signer_file(pem: bytes) -> Iterator[str]:
    """Give what `--signer` is called with for a key: a file that nobody else reads, and that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tradeplane-demo-") as directory:
        key = Path(directory) / KEY
        key.touch(mode=0o600)
        key.write_bytes(pem)
        yield f"file:{key}"


def public_half(pem: bytes) -> tuple[str, bytes]:
    """Return the fingerprint of a key's public half, and that as PEM."""
    public = load_pem_private_key(pem, None).public_key()
    der, text = (public.public_bytes(form, PublicFormat.SubjectPublicKeyInfo) for form in (Encoding.DER, Encoding.PEM))
    return f"sha256:{hashlib.sha256(der).hexdigest()}", text


@dataclass(frozen=True)
class Evidence:
    """Evidence of a run of the demo's namespace.

    ``verify`` calls the command as a person does; ``cosign`` calls cosign, and returns what it checked.
    """

    objects: Objects
    verify: Callable[..., str]
    cosign: Callable[[Sequence[str]], str]
    plain_http: bool

    def of(self, strategy: str, replay: str) -> str:
        """Wait until a Strategy's run is attested and what its replay found, verify it, and return what to show.

        Raises DemoError.
        """
        found = self.objects.until("strategy", strategy, attested)
        self.objects.until("replay", replay, attested)
        attestation = found["status"]["latest"]["attestation"]
        reference, path = attestation["reference"], public_key_file(attestation["key"])
        if not path.exists():
            raise DemoError(
                f"The run is attested by the key {attestation['key']}, and {shown(path)} is not there.",
                "It was made from another checkout: take the file from there, or begin anew with `make down`.",
            )
        key = shown(path)
        plain = ("--plain-http",) if self.plain_http else ()
        command = " ".join((shown(beside_python("tradeplane")), "verify", reference, "--key", key, *plain))
        self.objects.progress.say(command)
        told = self.verify("verify", reference, "--key", str(path), *plain)
        by_cosign = " ".join(("cosign", *_asked_of_cosign(key, reference)))
        self.objects.progress.say(by_cosign)
        checked = self.cosign(_asked_of_cosign(str(path), reference))
        return f"$ {command}\n{told.rstrip()}\n\n$ {by_cosign}\n{checked}\n\n"


def _asked_of_cosign(key: str, reference: str) -> tuple[str, ...]:
    return ("verify-attestation", "--key", key, "--insecure-ignore-tlog", "--type", PREDICATE, reference)


def attested(found: Mapping[str, Any]) -> Verdict:
    """Return whether what came of a Strategy or of a Replay is attested, by its condition."""
    conditions = {one["type"]: one for one in (found.get("status") or {}).get("conditions", [])}
    told = conditions.get("Attested", {})
    return Verdict(
        done=told.get("status") == "True",
        failed=False,
        text=f"{told.get('reason', 'Waiting')}: {told.get('message', 'nothing is said of its attestation yet')}",
    )
