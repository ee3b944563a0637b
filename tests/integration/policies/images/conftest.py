"""Images in a local registry, attested in all the ways that a policy has to tell apart, and who decides about them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.signing.dsse import enveloped, pre_authentication_encoding
from tradeplane_evidence.statements.image import image_statement
from tradeplane_evidence.statements.statement import PAYLOAD_TYPE
from tradeplane_stacks.local.binaries import COSIGN, POLICY_TESTER
from tradeplane_store.canonical import canonical_json

from tests.integration.evidence.conftest import Cosign, listing_referrers, program, push_image
from tests.ports import free_port
from tests.unit.evidence import sample_images, sample_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tradeplane_evidence.signing.file_signer import FileSigner

Json = dict[str, Any]
POLICY = Path(__file__).parents[4] / "policies" / "images" / "sigstore" / "cluster-image-policy.yaml"
BUILDER = "https://builders.example/release"
_DECIDES_WITHIN_S = 60


@dataclass(frozen=True)
class Decision:
    """What policy-controller's tester said of an image."""

    allowed: bool
    told: str


@dataclass(frozen=True)
class Images:
    """Images of a local registry by how they are attested, and the policy as it is for that registry and key."""

    host: str
    cosign: Cosign
    signer: FileSigner
    stranger: FileSigner
    folder: Path

    def policy(self) -> Json:
        """Return the policy that is shipped, for this registry.

        The tester reads no Secrets: the key stands in the policy itself, as a Secret's would be put there.
        """
        policy: Json = yaml.safe_load(POLICY.read_text(encoding="utf-8"))
        (pattern,), (authority,) = policy["spec"]["images"], policy["spec"]["authorities"]
        pattern["glob"] = pattern["glob"].replace("registry.example", self.host)
        authority["key"] = {"data": self.signer.public_key.pem()}
        return policy

    def decide(self, image: str, policy: Json | None = None) -> Decision:
        """Ask the tester; it ends with 0 or 1, and whatever else is a fault of the test."""
        file = self.folder / "policy.yaml"
        file.write_text(yaml.safe_dump(policy or self.policy()), encoding="utf-8")
        environment = {
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "HTTPS_PROXY": "http://127.0.0.1:9",  # nothing listens there: it asks nobody beside the registry
            "NO_PROXY": "127.0.0.1",
        }
        done = subprocess.run(
            [program(POLICY_TESTER), "-policy", file, "-image", image, "-log-level", "error"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_DECIDES_WITHIN_S,
            env=environment,
        )
        assert "CIP is invalid" not in done.stderr, done.stderr
        assert done.returncode in (0, 1), done.stderr
        refused = json.loads(done.stdout)["errors"] if done.returncode else []
        return Decision(done.returncode == 0, " ".join(refused))

    def push(self, repository: str, *envelopes: Json) -> str:
        """Push the sample image, hang envelopes on it in cosign's older form, and return it by digest."""
        return asyncio.run(self._push(repository, envelopes))

    def signed(self, change: Callable[[Json], None] = lambda _: None, signer: FileSigner | None = None) -> Json:
        """Return the envelope of the image's provenance, changed before it was signed."""
        execution = replace(sample_images.EXECUTION, builder=BUILDER)
        statement = image_statement(sample_images.evidence(execution=execution)).plain()
        change(statement)
        payload = canonical_json(statement)
        signature = (signer or self.signer).sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
        envelope: Json = enveloped(payload, signature).plain()
        return envelope

    def with_bundles_alone(self, repository: str) -> str:
        """Push the sample image attested as `tradeplane attest-image` does, and no otherwise."""
        place, _ = asyncio.run(push_image(self.host, repository, self.signer))
        return str(place)

    def hang(self, image: str, envelopes: Path) -> None:
        """Hang envelopes on an image as docs/policies/images.md says."""
        done = self.cosign("attach", "attestation", "--attestation", envelopes, image)
        assert done.returncode == 0, done.stderr

    async def _push(self, repository: str, envelopes: tuple[Json, ...]) -> str:
        image = sample_images.image()
        async with Registry(self.host, plain_http=True) as registry:
            await image.push(registry, repository)
        place = str(Reference(self.host, repository, digest=image.digest))
        if envelopes:
            file = self.folder / "envelopes.jsonl"
            file.write_text("\n".join(map(json.dumps, envelopes)), encoding="utf-8")
            self.hang(place, file)
        return place


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    """Give a registry, keys, cosign and the tester."""
    folder = tmp_path_factory.mktemp("images")
    own, other = sample_runs.signer_in(folder), sample_runs.signer_in(folder, scalar=99)
    host = f"127.0.0.1:{free_port()}"
    with listing_referrers(host, folder / "log", "--store-type", "mem"):
        yield Images(host, Cosign(program(COSIGN), folder), own, other, folder)
