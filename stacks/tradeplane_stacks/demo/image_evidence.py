"""The demo's images, attested with the demo's key: what a pipeline that builds images does with a key of its own.

It is done through the command line, as anybody does it: this room writes what was built, and signs nothing.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tradeplane_stacks.demo.evidence import KEY, public_half
from tradeplane_stacks.demo.objects import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradeplane_stacks.demo.programs import Kubectl

_TRUSTED_KEYS, _KEYRING = "tradeplane-trusted-keys", "keyring.json"
_BUILDER = "https://tradeplane.dev/evidence/builders/images-local-v1"
"""What `tradeplane attest-image` says built them, where nothing else is said."""


def attest_images(
    references: Mapping[str, str],
    records: Path,
    pem: bytes,
    tradeplane: Callable[..., str],
    say: Callable[[str], None],
    *,
    plain_http: bool,
) -> bool:
    """Attest each image by the record beside its bills of materials; return whether all are. Again does nothing new.

    ``references``: by name of the image. An image whose sources nobody knows, as those of a copy without git, is left
    out, and that is said. Raises DemoError.
    """
    every = True
    with tempfile.TemporaryDirectory(prefix="tradeplane-demo-") as directory:
        key = Path(directory) / KEY
        key.touch(mode=0o600)
        key.write_bytes(pem)
        for name, reference in sorted(references.items()):
            record = records / f"{name}.build.json"
            if json.loads(record.read_text(encoding="utf-8"))["source"] is None:
                say(f"{name}: not attested, as {shown(record)} names no sources: it was no checkout of git")
                every = False
                continue
            say(f"tradeplane attest-image {reference} --record {shown(record)} --signer file:{KEY}")
            plain = ("--plain-http",) if plain_http else ()
            tradeplane("attest-image", reference, "--record", str(record), "--signer", f"file:{key}", *plain)
    return every


def image_trust(registry: str, *, plain_http: bool) -> dict[str, Any]:
    """Return what the operator's settings say of images that must be attested, for those of a registry."""
    return {
        "registries": [f"{registry}/tradeplane/"],
        "attested": {"keyring": f"/etc/tradeplane-trust/{_KEYRING}", "plainHttp": plain_http},
    }


def provide_keyring(kubectl: Kubectl, namespace: str, pem: bytes) -> None:
    """Make the ConfigMap of the keys that images are trusted by: the demo's own, for the builder of its images alone.

    Raises DemoError.
    """
    _, public = public_half(pem)
    keyring = {
        "schemaVersion": 1,
        "kind": "Keyring",
        "keys": [{"publicKey": public.decode(), "builders": [_BUILDER]}],
    }
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": _TRUSTED_KEYS, "namespace": namespace},
        "data": {_KEYRING: json.dumps(keyring, indent=2) + "\n"},
    }
    with tempfile.TemporaryDirectory(prefix="tradeplane-demo-") as directory:
        path = Path(directory) / "trusted-keys.yaml"
        path.write_text(yaml.safe_dump(manifest), encoding="utf-8")
        kubectl("apply", "--server-side", "--force-conflicts", "-f", path)
