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
    """Attest a snapshot that was imported into a store, by its id, and push its records. Again does nothing new.

    The registry is one of this machine, which nobody else reads: nothing is passed on. Raises DemoError.
    """
    plain = ("--plain-http",) if plain_http else ()
    arguments = ("snapshot", "attest", snapshot, "--store", store, "--to", repository, "--with-records")
    say(f"tradeplane {' '.join(arguments)} --signer file:{KEY}")
    with signer_file(pem) as signer:
        tradeplane(*arguments, "--signer", signer, *plain)


def data_trust(pem: bytes) -> dict[str, Any]:
    """Return how the platform is configured to take a key's word for data that somebody imported, and nothing else."""
    _, public = public_half(pem)
    return {"keys": [{"public_key": public.decode(), "builders": [_BUILDER]}]}
