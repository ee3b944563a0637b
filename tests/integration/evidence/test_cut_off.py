"""What an auditor verifies needs no network but a registry: cosign and we verify it where there is only loopback."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from tests.integration.evidence.conftest import listing_referrers, push
from tests.integration.evidence.cut_off import cut_off
from tests.integration.evidence.test_keyless_command import WHO, push_keyless
from tests.ports import free_port
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tradeplane_evidence.signing.file_signer import FileSigner

    from tests.integration.evidence.conftest import Cosign
    from tests.integration.evidence.cut_off import CutOff

PREDICATE = "https://slsa.dev/provenance/v1"
OFFLINE = ("--use-signing-config=false", "--tlog-upload=false", "--yes")
REFUSED = 3
"""Exit code of ``tradeplane verify`` where something is not as it should be."""
UNREACHED = 4
"""The same, where who has to be asked cannot be."""
ASKS = """
import errno, socket, sys
host, port = sys.argv[1:]
try:
    socket.create_connection((host, int(port)), timeout=5).close()
except socket.gaierror:
    print("no such name")
except OSError as error:
    print(errno.errorcode[error.errno])
else:
    print("reached")
"""


@dataclass(frozen=True)
class Audited:
    """A namespace with an attested run in the registry that it has, and what cosign signed; keys beside them."""

    network: CutOff
    run: str
    keyless: str
    folder: Path


@pytest.fixture(scope="module")
def audited(signer: FileSigner, cosign: Cosign, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    """Sign all of it with a network, and give it to a namespace without one."""
    folder = tmp_path_factory.mktemp("audited")
    host = f"127.0.0.1:{free_port()}"
    kept = folder / "registry"
    with listing_referrers(host, folder / "before.log", "--store-type", "dir", "--dir", str(kept)):
        attested = asyncio.run(push(host, "runs/audited", signer))
        keyless = asyncio.run(push_keyless(host, "runs/keyless", folder))
    other = folder / "other"
    other.mkdir()
    (folder / "key.pub").write_text(signer.public_key.pem())
    (folder / "other.pub").write_text(sample_runs.signer_in(other, scalar=99).public_key.pem())
    _have_cosign_sign(cosign, folder)
    with cut_off(host, kept, folder / "registry.log") as network:
        yield Audited(network, str(attested.reference), keyless, folder)


def _have_cosign_sign(cosign: Cosign, folder: Path) -> None:
    (folder / "file").write_bytes(b"what cosign signs")
    (folder / "predicate.json").write_text("{}")
    key = ("--key", folder / "theirs.key", *OFFLINE)
    attests = ("attest-blob", *key, "--predicate", folder / "predicate.json", "--type", "https://example.com/p")
    for command in (
        ("generate-key-pair", "--output-key-prefix", folder / "theirs"),
        ("sign-blob", *key, "--bundle", folder / "message", folder / "file"),
        (*attests, "--bundle", folder / "statement", folder / "file"),
    ):
        done = cosign(*command)
        assert done.returncode == 0, done.stderr


def test_the_network_is_really_away_there(audited: Audited, olareg: str) -> None:
    """A server of this machine that anybody else here reaches, an address of anywhere else, and a name."""
    network, (host, _, port) = audited.network, olareg.partition(":")
    assert network.interfaces() == {"lo"}

    def asks(host: str, port: str) -> str:
        done = network.run(sys.executable, "-c", ASKS, host, port, home=audited.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert asks(host, port) == "ECONNREFUSED"
    assert asks("192.0.2.1", "443") == "ENETUNREACH"
    assert asks("registry.example.com", "443") == "no such name"
    assert asks(host, audited.run.partition("/")[0].partition(":")[2]) == "reached"


def test_cosign_verifies_a_run_there_and_refuses_another_key(audited: Audited, cosign: Cosign) -> None:
    inside = replace(cosign, entered=audited.network.entered)
    asked = ("verify-attestation", "--insecure-ignore-tlog", "--type", PREDICATE, audited.run)
    done = inside(*asked, "--key", audited.folder / "key.pub")
    assert done.returncode == 0, done.stderr
    refused = inside(*asked, "--key", audited.folder / "other.pub")
    assert refused.returncode != 0
    assert "signature" in refused.stderr


def test_we_verify_a_run_there_and_refuse_another_key(audited: Audited) -> None:
    def verify(key: str) -> subprocess.CompletedProcess[str]:
        asked = ("verify", audited.run, "--key", audited.folder / key)
        return audited.network.tradeplane(*asked, home=audited.folder)

    done = verify("key.pub")
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("ok ") for line in done.stdout.splitlines())
    refused = verify("other.pub")
    assert refused.returncode == REFUSED
    assert "FAIL" in refused.stdout


def test_we_verify_a_run_without_a_key_there_by_a_trusted_root_alone(audited: Audited) -> None:
    def verify(*root: str) -> subprocess.CompletedProcess[str]:
        return audited.network.tradeplane("verify", audited.keyless, *WHO, *root, home=audited.folder)

    done = verify("--trusted-root", "root.json", "--require-timestamp")
    assert done.returncode == 0, done.stdout + done.stderr
    refused = verify("--trusted-root", "other.json")
    assert refused.returncode == REFUSED
    assert "FAIL" in refused.stdout
    unreached = verify()  # which would ask Sigstore's own instance for what to trust
    assert unreached.returncode == UNREACHED, unreached.stdout + unreached.stderr


@pytest.mark.parametrize("bundle", ["message", "statement"])
def test_we_verify_what_cosign_signed_there_and_refuse_another_key(audited: Audited, bundle: str) -> None:
    def verify(key: str) -> subprocess.CompletedProcess[str]:
        asked = ("verify-bundle", "--bundle", bundle, "--key", key, "file")
        return audited.network.tradeplane(*asked, home=audited.folder)

    done = verify("theirs.pub")
    assert done.returncode == 0, done.stderr
    assert verify("other.pub").returncode == 1
