"""The demo's images, attested with the demo's key: what a pipeline that builds images does with a key of its own.

It is done through the command line, as anybody does it: this room writes what was built, and signs nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tradeplane_stacks.demo.evidence import KEY, public_half, signer_file
from tradeplane_stacks.demo.objects import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

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
    plain = ("--plain-http",) if plain_http else ()
    with signer_file(pem) as signer:
        for name, reference in sorted(references.items()):
            record = records / f"{name}.build.json"
            if json.loads(record.read_text(encoding="utf-8"))["source"] is None:
                say(f"{name}: not attested, as {shown(record)} names no sources: it was no checkout of git")
                every = False
                continue
            say(f"tradeplane attest-image {reference} --record {shown(record)} --signer file:{KEY}")
            tradeplane("attest-image", reference, "--record", str(record), "--signer", signer, *plain)
    return every


def image_trust(pem: bytes, *, plain_http: bool) -> dict[str, Any]:
    """Return how the platform is configured to run no images but those that a key attests, of the demo's builder."""
    _, public = public_half(pem)
    return {"keys": [{"public_key": public.decode(), "builders": [_BUILDER]}], "plain_http": plain_http}
