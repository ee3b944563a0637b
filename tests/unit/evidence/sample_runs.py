"""A finished run made by hand, with files, and keys to sign it with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tradeplane_api.run import Part, ResultsManifest, RunSpecification, Summary
from tradeplane_api.simulation import Algorithm, Simulation
from tradeplane_api.snapshot_manifest import Holding, SnapshotInstrument, SnapshotManifest, SnapshotSource
from tradeplane_api.strategy import ImageManifest
from tradeplane_evidence.attestation import statement_of
from tradeplane_evidence.results_artifact import ResultsArtifact, results_artifact
from tradeplane_evidence.signing.file_signer import FileSigner, open_file_signer
from tradeplane_evidence.signing.keyring import Keyring, TrustedKey
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.snapshot_artifact import snapshot_artifact
from tradeplane_evidence.statements.run import AskingStrategy, Execution
from tradeplane_evidence.stored_runs import StoredRun
from tradeplane_store.canonical import canonical_json, document_digest, result_digest, run_digest, sha256_digest
from tradeplane_store.records import arrow_bytes, table_digest

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_evidence.signing.keys import PublicKey
    from tradeplane_evidence.statements.statement import Statement
    from tradeplane_store.objects import ObjectStore

RUN = "sp500-macd-1"
IMAGE = f"registry.example.com:5000/tradeplane/workloads@sha256:{'ab' * 32}"
EXECUTION = Execution(
    builder="https://tradeplane.dev/evidence/builders/operator-v1/backtest/file",
    invocation="4d1f8c9e-0000-4000-8000-000000000001",
    started="2026-01-05T09:00:00Z",
    finished="2026-01-05T09:00:07Z",
)
REPLAYER = "https://tradeplane.dev/evidence/builders/operator-v1/replay/file"
STRATEGY = AskingStrategy(
    namespace="research",
    name="sp500-macd",
    uid="0b7c1d2e-0000-4000-8000-000000000003",
    generation=1,
    configuration=f"sha256:{'c4' * 32}",
)
ATTESTED_IMAGE = replace(
    EXECUTION,
    strategy=STRATEGY,
    image_attestation=f"sha256:{'a0' * 32}",
    image_manifests=(
        ImageManifest(platform="linux/amd64", digest=f"sha256:{'cd' * 32}", attestation=f"sha256:{'a1' * 32}"),
        ImageManifest(platform="linux/arm64", digest=f"sha256:{'ef' * 32}", attestation=f"sha256:{'a2' * 32}"),
    ),
)
"""The same of an image that had to be attested, and of a Strategy."""


def snapshot() -> SnapshotManifest:
    """Return the manifest of the run's data."""
    return SnapshotManifest(
        instruments=(SnapshotInstrument(symbol="SP500", price_exponent=-2, quantity_exponent=0),),
        start="1999-01-04T21:00:00Z",
        end="2018-12-31T21:00:00Z",
        records=5_031,
        sources=(SnapshotSource(name="sp500.csv.gz", format="csv", digest=sha256_digest(b"prices")),),
        parts=(Part(name="bars-0", rows=5_031, digest=sha256_digest(b"records of bars")),),
    )


@cache
def tables() -> dict[str, pa.Table]:
    """Return the tables that it left, by their parts; they are smaller than those of a real run."""
    days = pa.array([10_595, 10_596, 10_597], pa.date32())
    return {
        "equity": pa.table({"date": days, "equity": pa.array([1_000_000, 999_000, 928_251], pa.int64())}),
        "trades": pa.table({"symbol": pa.array(["SP500"] * 3), "quantity": pa.array([1, -1, 2], pa.int64())}),
        "positions": pa.table({"date": days, "exposure": pa.array([0.5, None, float("nan")], pa.float64())}),
    }


def part_of(name: str, table: pa.Table) -> Part:
    """Return what a manifest says of a table."""
    digest, blocks = table_digest(table)
    return Part(name=name, rows=table.num_rows, digest=digest, blocks=blocks)


@cache
def table_file(name: str) -> bytes:
    """Return the file of one of its tables."""
    return bytes(arrow_bytes(tables()[name]))


def another_equity() -> bytes:
    """Return a file of equity that nothing is wrong with but that it is of a better run."""
    better = pa.array([1_000_000, 1_500_000, 9_282_510], pa.int64())
    return bytes(arrow_bytes(tables()["equity"].set_column(1, "equity", better)))


def results(run: str = RUN, image: str | None = IMAGE, machine: str = "x86_64") -> ResultsManifest:
    """Return the manifest of its results, made on a processor."""
    specification = RunSpecification(
        run=run,
        snapshots=(document_digest(snapshot()),),
        image=image,
        simulation=Simulation(algorithm=Algorithm(name="macd-momentum"), capital="1000000"),
    )
    summary = Summary(
        start="1999-01-04T21:00:00Z",
        end="2018-12-31T21:00:00Z",
        bars=5_031,
        trades=420,
        final_equity="928251.770000000",
        total_return="-0.071748229",
        annual_return=None,
        volatility=None,
        sharpe=None,
        sortino=None,
        calmar=None,
        max_drawdown="0.3",
        max_drawdown_start=None,
        max_drawdown_end=None,
        turnover=None,
        exposure="0.4945",
        hit_rate=None,
    )
    parts = tuple(part_of(name, table) for name, table in tables().items())
    return ResultsManifest(
        specification=specification,
        run_digest=run_digest(specification),
        result_digest=result_digest(parts, summary),
        parts=parts,
        summary=summary,
        environment={"architecture": machine, "simd": "avx2", "python": "3.11.2"},
    )


def files(run: str = RUN, image: str | None = IMAGE) -> dict[str, bytes]:
    """Return its files."""
    manifest = results(run, image)
    held = {f"{part.name}.arrow": table_file(part.name) for part in manifest.parts}
    return {"manifest.json": canonical_json(manifest), "summary.json": canonical_json(manifest.summary), **held}


def stored(run: str = RUN, image: str | None = IMAGE) -> StoredRun:
    """Return it as it was read from a store."""
    data = canonical_json(snapshot())
    identity, artifact = sha256_digest(data), sha256_digest(snapshot_artifact(data, Holding.BARS))
    return StoredRun(results(run, image), files(run, image), {identity: snapshot()}, artifacts={identity: artifact})


def with_equity(run: StoredRun, equity: pa.Table) -> StoredRun:
    """Return a run that left another table of equity."""
    parts = (part_of("equity", equity), *run.results.parts[1:])
    changes = {"parts": parts, "result_digest": result_digest(parts, run.results.summary)}
    manifest = run.results.model_copy(update=changes)
    held = {"manifest.json": canonical_json(manifest), "equity.arrow": arrow_bytes(equity).to_pybytes()}
    return replace(run, results=manifest, files={**run.files, **held})


def equity_of(number: int, size: int) -> pa.Table:
    """Return a table of equity of about so many bytes, another for each number."""
    return pa.table({"equity": pa.array(range(number, number + size // 8), pa.int64())})


def store_it(store: ObjectStore, run: str = RUN) -> None:
    """Put it and its data into a store."""
    store_run(store, stored(run))


def store_run(store: ObjectStore, run: StoredRun) -> None:
    """Put a run and its data into a store."""
    for name, data in run.files.items():
        store.put(f"results/{run.results.specification.run}/{name}", data)
    identity = document_digest(snapshot()).removeprefix("sha256:")
    store.put(f"snapshots/{identity}/manifest.json", canonical_json(snapshot()))


@cache
def artifact() -> ResultsArtifact:
    """Return the artifact of its files."""
    return results_artifact(results(), files())


def private_pem(material: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    """Return a private key as PEM (PKCS #8)."""
    return material.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def key_file(folder: Path, name: str = "key.pem", *, scalar: int = 0xC0FFEE, edwards: bool = False) -> Path:
    """Write a signing key, the same for the same number."""
    material: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = (
        ed25519.Ed25519PrivateKey.from_private_bytes(scalar.to_bytes(32, "big"))
        if edwards
        else ec.derive_private_key(scalar, ec.SECP256R1())
    )
    path = folder / name
    path.write_bytes(private_pem(material))
    path.chmod(0o600)
    return path


def signer_in(folder: Path, *, scalar: int = 0xC0FFEE, edwards: bool = False) -> FileSigner:
    """Return a signer of a key in a folder."""
    return open_file_signer(str(key_file(folder, f"{scalar}-{edwards}.pem", scalar=scalar, edwards=edwards)), None)


@dataclass
class WaveringSigner:
    """A signer that gives another signature each time, as KMS and modules do, and keeps what it signed."""

    public_key: PublicKey
    material: ec.EllipticCurvePrivateKey
    signed: list[bytes] = field(default_factory=list)
    deterministic: bool = False

    def sign(self, data: bytes) -> bytes:
        self.signed.append(data)
        return self.material.sign(data, ec.ECDSA(hashes.SHA256()))


def wavering_signer(folder: Path, scalar: int = 0xC0FFEE) -> WaveringSigner:
    """Return such a signer."""
    return WaveringSigner(signer_in(folder, scalar=scalar).public_key, ec.derive_private_key(scalar, ec.SECP256R1()))


def statement(execution: Execution = EXECUTION) -> Statement:
    """Return what is stated of the run."""
    return statement_of(stored(), artifact(), execution)


def statement_of_run(run: StoredRun) -> Statement:
    """Return what is stated of another run."""
    return statement_of(run, results_artifact(run.results, run.files), EXECUTION)


def bundle(signer: FileSigner) -> bytes:
    """Return the signed bundle of the run."""
    return sign_statement(statement(), signer)


def keyring(*signers: FileSigner | WaveringSigner) -> Keyring:
    """Return a keyring of the public keys of signers."""
    return Keyring(tuple(TrustedKey(signer.public_key) for signer in signers))
