"""``tradeplane verify`` of a run that somebody attested without a key, on a registry of this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.manifests import MANIFEST_TYPE, described
from tradeplane_evidence.registry.referrers import push_referrer
from tradeplane_evidence.signed_referrers import bundle_artifact
from tradeplane_evidence.statements.statement import serialise
from tradeplane_evidence.verification.artifacts import artifact_of

from tests.integration.evidence.conftest import push_results
from tests.unit.cli.conftest import tradeplane
from tests.unit.evidence import sample_runs
from tests.unit.evidence.private_sigstore import ISSUER, SUBJECT, PrivateSigstore
from tests.unit.evidence.test_identities import changed_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

__all__ = ["tradeplane"]

SIGSTORE = PrivateSigstore()
WHO = ("--certificate-identity", SUBJECT, "--certificate-oidc-issuer", ISSUER)


@pytest.fixture
async def reference(olareg: str, tmp_path: Path) -> str:
    """Push the sample run with a keyless attestation; put the trusted root beside."""
    return await push_keyless(olareg, f"keyless/{tmp_path.name.replace('_', '-').lower()}", tmp_path)


async def push_keyless(host: str, repository: str, folder: Path) -> str:
    """Push it to a registry; put the trusted root into a folder, and one of another instance."""
    (folder / "root.json").write_text(json.dumps(SIGSTORE.trusted_root()))
    (folder / "other.json").write_text(json.dumps(PrivateSigstore(seed=2).trusted_root()))
    bundle = json.dumps(SIGSTORE.statement(serialise(sample_runs.statement()))).encode()
    async with Registry(host, plain_http=True) as registry:
        pushed = await push_results(registry, repository, sample_runs.stored())
        await registry.push_blob(repository, bundle)
        subject = described(sample_runs.artifact().manifest, MANIFEST_TYPE)
        await push_referrer(registry, repository, bundle_artifact(bundle, subject))
    return str(pushed)


def test_a_run_is_verified_line_by_line(tradeplane: Command, reference: str) -> None:
    ended = tradeplane("verify", reference, *WHO, "--trusted-root", "root.json", "--require-timestamp")
    assert ended.code == 0, ended.out + ended.err
    lines = ended.out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", name]
        for name in ("artifact", "signature", "policy", "files", "result", "inputs", "snapshots", "chain", "time")
    ]
    assert f"by {SUBJECT} (by {ISSUER})" in lines[1]
    assert lines[-1].endswith("2026-01-05T09:00:07Z by the transparency log")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((*WHO[:3], "https://example.com", "--trusted-root", "root.json"), "PolicyRefused"),
        (("--certificate-identity", "x", *WHO[2:], "--trusted-root", "root.json"), "PolicyRefused"),
        ((*WHO, "--trusted-root", "other.json"), "CertificateRefused"),
        ((*WHO, "--trusted-root", "root.json", "--builder", "https://example.com/builder"), "PolicyRefused"),
        ((*WHO, "--trusted-root", "root.json", "--max-age-days", "0"), "PolicyRefused"),
    ],
)
def test_what_is_not_as_asked_ends_with_3(
    tradeplane: Command, reference: str, arguments: tuple[str, ...], error: str
) -> None:
    ended = tradeplane("verify", reference, *arguments, "-o", "json")
    assert ended.code == 3
    assert json.loads(ended.out)["checks"][-1]["error"] == error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "who is to have signed"),
        (WHO[:2], "who is to have signed"),
        ((*WHO[:2], "--key", "key.pub"), "who is to have signed"),
        (("--key", "key.pub", "--trusted-root", "root.json"), "a key alone is given"),
        ((*WHO, "--trust", "trust.json"), "--trust says who is relied on, and --certificate-identity says it too"),
        (("--key", "key.pub", "--trust", "trust.json"), "--trust says who is relied on, and --key says it too"),
        (("--trusted-root", "root.json", "--trust", "trust.json"), "and --trusted-root says it too"),
        (("--trust", "nowhere.json"), "nowhere.json cannot be read"),
        ((*WHO, "--trusted-root", "nowhere.json"), "cannot be read"),
    ],
)
def test_what_is_asked_wrongly_ends_with_2(tradeplane: Command, arguments: tuple[str, ...], words: str) -> None:
    ended = tradeplane("verify", f"localhost:1/runs/x@sha256:{'00' * 32}", *arguments)
    assert ended.code == 2
    assert words in ended.err


def test_no_changed_byte_is_another_claim(tmp_path: Path) -> None:
    """Each byte of a bundle by somebody, one bit of it: it is refused, or says exactly the same."""
    (tmp_path / "artifact").write_bytes(b"what somebody signed")
    artifact = artifact_of(str(tmp_path / "artifact"))
    assert changed_bytes(SIGSTORE.message(b"what somebody signed"), artifact, SIGSTORE, step=1) > 0.98
