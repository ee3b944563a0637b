"""The demo's market data, attested with the demo's key: what whoever imports data does with a key of their own.

A run that is made from them names that attestation, so that a verification goes on from its result to where its data
are from. It is done through the command line, as anybody does it: this room signs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_stacks.demo.evidence import KEY, public_half, signer_file

if TYPE_CHECKING:
    from collections.abc import Callable

_BUILDER = "https://tradeplane.dev/evidence/builders/local-v1"
"""What `tradeplane snapshot attest` says of who imported: somebody, on a machine of their own."""


def attest_data(
    snapshot: str,
    repository: str,
    store: str,
    pem: bytes,
    tradeplane: Callable[..., str],
    say: Callable[[str], None],
    *,
    plain_http: bool,
) -> None:
    """Attest a snapshot that was imported into a store, by its id. Again does nothing new. Raises DemoError."""
    plain = ("--plain-http",) if plain_http else ()
    say(f"tradeplane snapshot attest {snapshot} --store {store} --to {repository} --signer file:{KEY}")
    with signer_file(pem) as signer:
        tradeplane("snapshot", "attest", snapshot, "--store", store, "--to", repository, "--signer", signer, *plain)


def data_trust(pem: bytes) -> dict[str, Any]:
    """Return how the platform is configured to take a key's word for data that somebody imported, and nothing else."""
    _, public = public_half(pem)
    return {"keys": [{"public_key": public.decode(), "builders": [_BUILDER]}]}
