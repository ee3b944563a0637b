"""What is written of one run: under names of the export's own, and nothing that nobody trusted signed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tradeplane_evidence.export.examination import Asking, Examined
from tradeplane_evidence.export.folder import Folder
from tradeplane_evidence.export.recording import Pulled, RecordingRegistry
from tradeplane_evidence.export.records import of_whom, owner, signed_of
from tradeplane_evidence.export.run_files import write_run
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.signing.keyring import Keyring
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.verification.bundles import verify_bundle
from tradeplane_evidence.verification.checks import Check
from tradeplane_evidence.verification.images import image_policy
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.runs import Verification
from tradeplane_evidence.verification.signers import ChainSigners

from tests.unit.evidence import sample_exports, sample_runs

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_evidence.export.records import Record
    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.statements.run import Execution
    from tradeplane_evidence.verification.bundles import Claim

REFERENCE = Reference("registry.example.com", "runs/trading/sp500", digest=sample_runs.artifact().digest)


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    return sample_runs.signer_in(tmp_path)


def examined(signer: FileSigner, pulled: Pulled, *, claimed: bool, failed: str | None = None) -> Examined:
    """Return what was found of the sample run, with or without a claim, and with a check that failed or without."""
    found = Verification(REFERENCE, [Check("artifact", "there")])
    if claimed:
        ring = sample_runs.keyring(signer)
        found.claim = verify_bundle(pulled.bundle or b"", REFERENCE.digest or "", ring, Policy(), sample_exports.NOW)
        found.results = sample_runs.results()
    if failed is not None:
        found.checks.append(Check(failed, "not so", "PolicyRefused"))
    return Examined(REFERENCE, found, pulled)


def written(
    root: Path, one: Examined, policy: Policy | None = None, images: Policy | None = None
) -> tuple[Record, dict[str, bytes]]:
    folder = Folder(root / "export", 1_000_000)
    folder.root.mkdir()
    asking = Asking(ChainSigners.alike(Keyring(())), policy or Policy(), sample_exports.NOW, RecordingRegistry, images)
    record = write_run(one, asking, "tag v1", folder)
    return record, {path: (folder.root / path).read_bytes() for path in folder.files}


def test_names_of_a_registry_lead_nowhere(tmp_path: Path, signer: FileSigner) -> None:
    hostile = ["../../evil", "/etc/passwd", "..", ".hidden", "a/b", "a\\b", "a\nb", "x" * 300, "", "\u202efdp.exe"]
    pulled = Pulled(
        artifact=b"{}", bundle=sample_runs.bundle(signer), files=dict.fromkeys([*hostile, "well.arrow"], b"x")
    )
    record, files = written(tmp_path, examined(signer, pulled, claimed=True))
    place = record.folder
    assert {path for path in files if path.startswith(f"{place}/files/")} == {f"{place}/files/well.arrow"}
    assert set(record.left_out) == set(hostile)
    everywhere = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".pem"]
    assert all(path.is_relative_to(tmp_path / "export" / place) for path in everywhere)


def test_the_bundle_that_verified_is_told_from_others(tmp_path: Path, signer: FileSigner) -> None:
    own = sample_runs.bundle(signer)
    record, files = written(tmp_path, examined(signer, Pulled(b"{}", {}, own, [b"1", b"2"]), claimed=True))
    place = record.folder
    assert files[f"{place}/bundle.sigstore.json"] == own
    assert [files[f"{place}/not-verified/00{number}.sigstore.json"] for number in (1, 2)] == [b"1", b"2"]
    assert record.signed is not None
    assert [line.line.split()[:2] for line in record.commands] == [
        ["cosign", "verify-blob-attestation"],
        ["tradeplane", "verify-bundle"],
        ["tradeplane", "verify"],
    ]


def test_of_what_nobody_signed_nothing_is_said(tmp_path: Path, signer: FileSigner) -> None:
    """There is a bundle, and it may be genuine of another key: its statement is not shown as this run's."""
    pulled = Pulled(b"{}", {}, sample_runs.bundle(signer), [])
    record, files = written(tmp_path, examined(signer, pulled, claimed=False, failed="attestation"))
    assert (record.verified, record.signed, record.summary) == (False, None, None)
    assert sorted(path.removeprefix(f"{record.folder}/") for path in files) == [
        "artifact.json",
        "not-verified/001.sigstore.json",
    ]
    assert [line.line.split()[0] for line in record.commands] == ["tradeplane"]


def test_a_run_whose_files_are_not_as_signed_has_no_figures(tmp_path: Path, signer: FileSigner) -> None:
    pulled = Pulled(b"{}", {}, sample_runs.bundle(signer), [])
    record, _ = written(tmp_path, examined(signer, pulled, claimed=True, failed="files"))
    assert (record.verified, record.summary) == (False, None)
    assert record.signed is not None
    assert record.signed.finished == sample_runs.EXECUTION.finished


def test_the_command_asks_for_the_policy_of_the_export(tmp_path: Path, signer: FileSigner) -> None:
    pulled = Pulled(b"{}", {}, sample_runs.bundle(signer), [])
    policy = Policy(builders=frozenset({"https://b.example/x y", "https://a.example"}), timestamped=True)
    record, _ = written(tmp_path, examined(signer, pulled, claimed=True), policy)
    assert record.commands[-1].line == (
        f"tradeplane verify {REFERENCE} --key keyring.json "
        "--builder https://a.example --builder 'https://b.example/x y' --require-timestamp --no-chain"
    )


def test_the_command_asks_of_images_what_the_export_asked(tmp_path: Path, signer: FileSigner) -> None:
    pulled = Pulled(b"{}", {}, sample_runs.bundle(signer), [])
    images = image_policy(frozenset({"https://ci.example/images"}))
    record, _ = written(tmp_path, examined(signer, pulled, claimed=True), images=images)
    assert record.commands[-1].line == (
        f"tradeplane verify {REFERENCE} --key keyring.json --image-builder https://ci.example/images"
    )


@pytest.mark.parametrize(
    ("repository", "named"),
    [("runs/trading/sp500", ("trading", "sp500")), ("trading/sp500", ("trading", "sp500")), ("sp500", ("", "sp500"))],
)
def test_namespace_and_strategy_are_the_end_of_the_repository(repository: str, named: tuple[str, str]) -> None:
    assert owner(repository) == named


def test_namespace_and_strategy_are_those_that_were_signed_where_any_were(signer: FileSigner) -> None:
    def claim(execution: Execution) -> Claim:
        bundle = sign_statement(sample_runs.statement(execution), signer)
        return verify_bundle(
            bundle, sample_runs.artifact().digest, sample_runs.keyring(signer), Policy(), sample_exports.NOW
        )

    asked, plain = claim(sample_runs.ATTESTED_IMAGE), claim(sample_runs.EXECUTION)
    assert of_whom(REFERENCE, None) == of_whom(REFERENCE, plain) == owner(REFERENCE.repository)
    assert of_whom(REFERENCE, asked) == ("research", "sp500-macd") != owner(REFERENCE.repository)
    bundle = sign_statement(sample_runs.statement(sample_runs.ATTESTED_IMAGE), signer)
    assert signed_of(asked, REFERENCE.digest or "", bundle).strategy == sample_runs.STRATEGY
    nameless = replace(sample_runs.EXECUTION, strategy=sample_runs.STRATEGY.model_copy(update={"name": ""}))
    assert of_whom(REFERENCE, claim(nameless)) == owner(REFERENCE.repository), "what is none is not taken"


def test_no_two_references_share_a_folder(tmp_path: Path, signer: FileSigner) -> None:
    pulled = Pulled(b"{}", {}, sample_runs.bundle(signer), [])
    folders = set()
    for number, repository in enumerate(("runs/a", "runs/b")):
        one = examined(signer, pulled, claimed=True)
        one.verification.reference = Reference("registry.example.com", repository, digest=REFERENCE.digest)
        (tmp_path / str(number)).mkdir()
        folders.add(written(tmp_path / str(number), one)[0].folder)
    assert len(folders) == 2
