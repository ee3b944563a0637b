"""Registries of other people, and cosign, as they are published: built once, kept in the cache."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tradeplane_evidence.attestation import attest_run
from tradeplane_evidence.image_attestation import attest_image
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.manifests import EMPTY, MANIFEST_TYPE, described
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.registry.referrers import push_referrer
from tradeplane_evidence.results_artifact import results_artifact
from tradeplane_evidence.signed_referrers import bundle_artifact
from tradeplane_evidence.signing.batches import Alone
from tradeplane_evidence.statements.provenance import PREDICATE_TYPE
from tradeplane_stacks.local.binaries import COSIGN, DISTRIBUTION, REGISTRY, Binaries, Program

from tests.ports import free_port
from tests.unit.evidence import sample_images, sample_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tradeplane_api.image_build import ImageBuild
    from tradeplane_evidence.publishing import Attested
    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.signing.signer import BundleSigner, Signer
    from tradeplane_evidence.stored_runs import StoredRun

_STARTED_WITHIN_S = 30
_COSIGN_LIMIT_S = 60


def program(wanted: Program) -> Path:
    """Return where a program lies, which is built where it is not."""
    return Binaries.of_user().build((wanted,), print)[wanted]


@contextmanager
def served(
    command: Sequence[str], host: str, log: Path, path: str = "/v2/", environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run a server until it answers at a path; end it afterwards."""
    with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file, env=environment) as process:
        try:
            _await(f"{host}{path}", process, log)
            yield host
        finally:
            process.terminate()
            process.wait(timeout=_STARTED_WITHIN_S)


def _await(place: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _STARTED_WITHIN_S
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            with opener.open(f"http://{place}", timeout=5):
                return
        except urllib.error.HTTPError:
            return  # it answers: who asks is for the test to say
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server at {place} does not answer: {log.read_text()[-2000:]}") from None
            time.sleep(0.05)


@contextmanager
def listing_referrers(host: str, log: Path, *kept: str) -> Iterator[str]:
    """Run olareg's registry, which lists referrers (OCI 1.1); ``kept`` says where it keeps what it is given."""
    port = host.rpartition(":")[2]
    command = [str(program(REGISTRY)), "serve", "--addr", "127.0.0.1", "--port", port, *kept]
    with served(command, host, log) as found:
        yield found


async def push(host: str, repository: str, signer: Signer, authority: str | None = None) -> Attested:
    """Push the sample run, attested."""
    reference = Reference(host, repository)
    async with Registry(host, plain_http=True) as registry:
        return await attest_run(
            sample_runs.stored(), registry, reference, Alone(signer, authority), sample_runs.EXECUTION
        )


async def push_results(registry: Registry, repository: str, run: StoredRun) -> Reference:
    """Push the results of a run and no attestation of them."""
    found = results_artifact(run.results, run.files)
    for data in (EMPTY, *run.files.values()):
        await registry.push_blob(repository, data)
    await registry.push_manifest(repository, found.digest, found.manifest, MANIFEST_TYPE)
    return Reference(registry.host, repository, digest=found.digest)


async def hang_junk(place: Reference, times: int) -> None:
    """Hang so many on an artifact of a registry that call themselves bundles, as whoever may write there can."""
    async with Registry(place.host, plain_http=True) as registry:
        manifest, _ = await registry.manifest(place)
        for number in range(times):
            junk = f"junk {number}".encode()
            await registry.push_blob(place.repository, junk)
            await push_referrer(
                registry, place.repository, bundle_artifact(junk, described(manifest, MANIFEST_TYPE), PREDICATE_TYPE)
            )


async def push_image(
    host: str, repository: str, signer: Signer | BundleSigner, build: ImageBuild | None = None
) -> tuple[Reference, str]:
    """Push the sample image, attested; return it by digest, and the digest of the attestation of its provenance."""
    image = sample_images.image()
    place = Reference(host, repository, digest=image.digest)
    async with Registry(host, plain_http=True) as registry:
        await image.push(registry, repository)
        built, sboms = build or sample_images.build(), sample_images.sboms().values()
        found = await attest_image(registry, place, built, sboms, signer, sample_images.EXECUTION)
    return place, found.provenance.attestations[image.digest]


@contextmanager
def distribution(folder: Path, *authorization: str) -> Iterator[str]:
    """Run distribution's registry, which lists no referrers; lines of its configuration may ask who one is."""
    host = f"127.0.0.1:{free_port()}"
    lines = (
        "version: 0.1",
        f"http: {{addr: '{host}'}}",
        f"storage: {{filesystem: {{rootdirectory: {folder / 'blobs'}}}, delete: {{enabled: true}}}}",
        *authorization,
    )
    configuration = folder / "registry.yaml"
    configuration.write_text("\n".join(lines))
    with served([str(program(DISTRIBUTION)), "serve", str(configuration)], host, folder / "registry.log") as found:
        yield found


@pytest.fixture(scope="session")
def olareg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a registry that lists referrers (OCI 1.1)."""
    folder = tmp_path_factory.mktemp("olareg")
    with listing_referrers(f"127.0.0.1:{free_port()}", folder / "log", "--store-type", "mem") as host:
        yield host


@pytest.fixture(scope="session")
def without_referrers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a registry that does not."""
    with distribution(tmp_path_factory.mktemp("distribution")) as host:
        yield host


@pytest.fixture(params=["olareg", "without_referrers"])
def registry_host(request: pytest.FixtureRequest) -> str:
    """Give each of them in turn."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Give the URL of an empty store."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder.as_uri()


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> FileSigner:
    """Give who signs."""
    return sample_runs.signer_in(tmp_path_factory.mktemp("keys"))


@dataclass(frozen=True)
class Cosign:
    """The program as it is published, in a home of its own, with no proxy to ask others by.

    ``entered``: what is put before its command line, so that it runs in a namespace.
    """

    path: Path
    home: Path
    entered: tuple[str, ...] = ()

    def __call__(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run it; how it ended is for the test to say."""
        environment = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "COSIGN_PASSWORD": "",
            "HTTPS_PROXY": "http://127.0.0.1:9",  # nothing listens there: it asks nobody beside the registry
            "NO_PROXY": "127.0.0.1",
        }
        return subprocess.run(
            [*self.entered, str(self.path), *map(str, arguments)],
            capture_output=True,
            check=False,
            text=True,
            env=environment,
            timeout=_COSIGN_LIMIT_S,
            cwd=self.home,
        )


@pytest.fixture(scope="session")
def cosign(tmp_path_factory: pytest.TempPathFactory) -> Cosign:
    """Give cosign."""
    return Cosign(program(COSIGN), tmp_path_factory.mktemp("cosign"))
