"""A real timestamp authority, one at a time on the machine: each takes port 2112 for its metrics, and no other.

Those of these tests wait for their turn by a lock; one of another checkout, which has a lock of its own, is waited for
by that port.
"""

from __future__ import annotations

import fcntl
import json
import socket
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.referrers import list_referrers
from tradeplane_evidence.signing.keyring import Keyring, read_keyring
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.runs import Verification, verify_run
from tradeplane_stacks.local.binaries import TIMESTAMPS

from tests.integration.evidence.conftest import program, push, served
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradeplane_evidence.publishing import Attested
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.signing.signer import Signer

_TURN_WITHIN_S = 300
_METRICS = 2112


@contextmanager
def timestamp_authority(folder: Path, host: str = "") -> Iterator[str]:
    """Run an authority with a key and a chain of its own, at a port that may be named; give its address."""
    host = host or f"127.0.0.1:{free_port()}"
    port = host.rpartition(":")[2]
    command = [str(program(TIMESTAMPS)), "serve", "--host", "127.0.0.1", "--port", port]
    command += ["--timestamp-signer", "memory", "--disable-ntp-monitoring"]
    with _turn(), served(command, host, folder / "timestamps.log", path="/ping"):
        yield f"http://{host}"


def timestamps_at(address: str) -> str:
    """Return the URL at which an authority is asked."""
    return f"{address}/api/v1/timestamp"


def chain_of(address: str) -> bytes:
    """Return the certificates of an authority, PEM."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{timestamps_at(address)}/certchain", timeout=10) as answer:
        found: bytes = answer.read()
    return found


def keyring_with(signer: Signer, *chains: bytes, **entry: Any) -> Keyring:
    """Return a keyring of one key, and of authorities by their chains."""
    authorities = [{"certificateChain": one.decode()} for one in chains]
    keys = [{"publicKey": signer.public_key.pem(), **entry}]
    return read_keyring(json.dumps({"keys": keys, "timestampAuthorities": authorities}).encode())


async def verify_stamped(reference: Reference, keyring: Keyring) -> Verification:
    """Verify a run, whose signature must have a trusted timestamp."""
    async with Registry(reference.host, plain_http=True) as registry:
        return await verify_run(registry, reference, keyring, Policy(timestamped=True), datetime.now(UTC))


async def push_stamped_twice(host: str, repository: str, signer: Signer, address: str) -> Attested:
    """Push the sample run twice with a timestamp; return the attestation, which must be one."""
    first, second = [await push(host, repository, signer, timestamps_at(address)) for _ in range(2)]
    async with Registry(host, plain_http=True) as registry:
        listed = await list_referrers(registry, repository, first.reference.digest or "")
    assert (second, [one.digest for one in listed]) == (first, [first.attestation])
    return first


async def check_stamped_once(host: str, repository: str, signer: Signer, folder: Path) -> None:
    """Check that a run is signed and stamped once, and passes by the authority's chain and by nothing less."""
    with timestamp_authority(folder) as address:
        chain = chain_of(address)
        attested = await push_stamped_twice(host, repository, signer, address)
    found = await verify_stamped(attested.reference, keyring_with(signer, chain))
    assert found.passed, found.checks
    assert found.claim is not None
    assert found.claim.stamped is not None
    without = await verify_stamped(attested.reference, keyring_with(signer))
    assert (without.checks[-1].name, without.checks[-1].error) == ("attestation", "PolicyRefused")


@contextmanager
def _turn() -> Iterator[None]:
    """Wait until nobody else runs one."""
    deadline = time.monotonic() + _TURN_WITHIN_S
    with Path(tempfile.gettempdir(), "tradeplane-timestamp-authority.lock").open("w") as lock:
        while not (_locked(lock) and _is_free(_METRICS)):
            if time.monotonic() > deadline:
                raise AssertionError(f"another program has listened at port {_METRICS} for minutes")
            time.sleep(0.1)
        yield


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(port: int) -> bool:
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        with socket.create_server(("", port), family=family, dualstack_ipv6=both):
            return True
    except OSError:
        return False
