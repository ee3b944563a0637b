"""The demo's images, attested with the demo's key: what a pipeline that builds images does with a key of its own.

It is done through the command line, as anybody does it: this room writes what was built, and signs nothing.
"""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tradeplane_stacks.demo.evidence import KEY, SECRET
from tradeplane_stacks.demo.objects import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradeplane_stacks.demo.programs import Kubectl


def attest_images(
    references: Mapping[str, str],
    records: Path,
    pem: bytes,
    tradeplane: Callable[..., str],
    say: Callable[[str], None],
    *,
    plain_http: bool,
) -> None:
    """Attest each image by the record beside its bills of materials. Once more does nothing new.

    ``references``: by name of the image. An image whose sources nobody knows, as those of a copy without git, is left
    out, and that is said. Raises DemoError.
    """
    with tempfile.TemporaryDirectory(prefix="tradeplane-demo-") as directory:
        key = Path(directory) / KEY
        key.touch(mode=0o600)
        key.write_bytes(pem)
        for name, reference in sorted(references.items()):
            record = records / f"{name}.build.json"
            if json.loads(record.read_text(encoding="utf-8"))["source"] is None:
                say(f"{name}: not attested, as {shown(record)} names no sources: it was no checkout of git")
                continue
            say(f"tradeplane attest-image {reference} --record {shown(record)} --signer file:{KEY}")
            plain = ("--plain-http",) if plain_http else ()
            tradeplane("attest-image", reference, "--record", str(record), "--signer", f"file:{key}", *plain)


def signing_key(kubectl: Kubectl, namespace: str) -> bytes:
    """Return the demo's signing key, which is in the cluster. Raises DemoError."""
    secret = yaml.safe_load(kubectl("get", "secret", SECRET, "-n", namespace, "-o", "yaml"))
    return base64.b64decode(secret["data"][KEY])
