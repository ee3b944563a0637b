"""``tradeplane snapshot attest``, and ``verify`` of what it pushed, as a person calls them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.signing.batches import Alone
from tradeplane_evidence.snapshot_attestation import attest_snapshot
from tradeplane_store import layout
from tradeplane_store.objects import open_store

from tests.ports import free_port
from tests.unit.cli.conftest import files, tradeplane
from tests.unit.evidence import sample_runs, sample_sessions, sample_snapshots

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_evidence.publishing import Attested
    from tradeplane_evidence.signing.file_signer import FileSigner

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

__all__ = ["files", "tradeplane"]
BARS = """Date,Open,High,Low,Close,Volume
2026-01-05,100.00,101.00,99.50,100.50,1000
2026-01-06,100.50,102.00,100.00,101.75,1200
2026-01-07,101.75,101.80,100.25,100.30,900
"""
PLACE = "https://data.example.com/bars.csv"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Give a signing key, its public part beside it as key.pub."""
    signer = sample_runs.signer_in(tmp_path)
    (tmp_path / "key.pub").write_text(signer.public_key.pem())
    return sample_runs.key_file(tmp_path)


@pytest.fixture
def snapshot(tradeplane: Command, store: str, tmp_path: Path) -> str:
    """Give the id of a snapshot that was imported into it."""
    (tmp_path / "bars.csv").write_text(BARS)
    asked = ("snapshot", "import", str(tmp_path / "bars.csv"), "--symbol", "X", "--store", store, "-o", "json")
    ended = tradeplane(*asked)
    assert ended.code == 0, ended.err
    return str(json.loads(ended.out)["spec"]["digest"])


def _target(host: str, key: Path) -> str:
    return f"{host}/data/{key.parent.name.replace('_', '-')}"


def test_what_was_imported_is_attested_and_verified_with_its_records(
    tradeplane: Command, registry_host: str, store: str, key: Path, snapshot: str
) -> None:
    target = _target(registry_host, key)
    asked = ("snapshot", "attest", snapshot, "--to", target, "--signer", f"file:{key}", "--store", store, "-o", "json")
    ended = tradeplane(*asked, "--source", f"bars.csv={PLACE}")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["snapshot"] == snapshot
    assert tradeplane(*asked, "--source", f"bars.csv={PLACE}").out == ended.out
    public = ("--key", str(key.with_name("key.pub")))
    verified = tradeplane("verify", told["reference"], *public, "--replay", "--store", store)
    assert verified.code == 0, verified.out + verified.err
    lines = verified.out.splitlines()
    checks = ("artifact", "signature", "policy", "snapshot", "sources", "time", "records")
    assert [line.split()[:2] for line in lines] == [["ok", name] for name in checks]
    assert "3 records of the store, each as it was attested" in lines[-1]
    by_tag = tradeplane("verify", f"{target}:{snapshot.removeprefix('sha256:')}", *public, "-o", "json")
    found = json.loads(by_tag.out)
    assert (found["verified"], found["reference"], found["snapshot"]) == (True, told["reference"], snapshot)
    (source,) = found["provenance"]["buildDefinition"]["resolvedDependencies"]
    assert (source["name"], source["uri"]) == ("source/bars.csv", PLACE)


def test_a_byte_of_the_store_that_was_changed_since_ends_with_10_and_is_not_attested(
    tradeplane: Command, olareg: str, store: str, key: Path, snapshot: str
) -> None:
    asked = ("snapshot", "attest", snapshot, "--to", _target(olareg, key), "--signer", f"file:{key}", "--store", store)
    told = json.loads(tradeplane(*asked, "-o", "json").out)
    place = layout.snapshot_part(snapshot, "bars-0")
    data = bytearray(open_store(store).get(place))
    data[len(data) // 2] ^= 1
    open_store(store).put(place, bytes(data))
    public = ("--key", str(key.with_name("key.pub")))
    verified = tradeplane("verify", told["reference"], *public, "--replay", "--store", store)
    assert verified.code == 10, verified.out
    assert "FAIL records" in verified.out
    again = tradeplane(*asked)
    assert again.code == 3
    assert "is not whole" in again.err


def test_another_key_another_builder_and_a_run_that_is_asked_for_end_with_3(
    tradeplane: Command, olareg: str, store: str, key: Path, snapshot: str
) -> None:
    asked = ("snapshot", "attest", snapshot, "--to", _target(olareg, key), "--signer", f"file:{key}", "--store", store)
    told = json.loads(tradeplane(*asked, "-o", "json").out)
    other = key.with_name("other.pub")
    other.write_text(sample_runs.signer_in(key.parent, scalar=4).public_key.pem())
    ended = tradeplane("verify", told["reference"], "--key", str(other), "-o", "json")
    assert (ended.code, json.loads(ended.out)["checks"][-1]["error"]) == (3, "KeyRefused")
    public = ("--key", str(key.with_name("key.pub")))
    ended = tradeplane("verify", told["reference"], *public, "--builder", "https://example.com/other")
    assert (ended.code, "FAIL attestation" in ended.out) == (3, True)
    summary = ("--summary", str(key.with_name("s.json")), "--signer", f"file:{key}")
    ended = tradeplane("verify", told["reference"], *public, *summary)
    assert ended.code != 0
    assert "is no run, and a summary is of a run" in ended.err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--source", "bars.csv"), "is not NAME=URI"),
        (("--source", "bars.csv=x"), "is not NAME=URI"),
        (("--source", f"bars.csv={PLACE}", "--source", f"bars.csv={PLACE}2"), "names bars.csv twice"),
        (("--source", f"other.csv={PLACE}"), "has no source 'other.csv'"),
    ],
)
def test_places_that_are_none_are_refused(
    tradeplane: Command, olareg: str, store: str, key: Path, snapshot: str, more: tuple[str, ...], words: str
) -> None:
    asked = ("snapshot", "attest", snapshot, "--to", _target(olareg, key), "--signer", f"file:{key}", "--store", store)
    ended = tradeplane(*asked, *more)
    assert ended.code != 0
    assert words in ended.err


def test_what_cannot_be_attested_is_said(
    tradeplane: Command, olareg: str, store: str, key: Path, snapshot: str
) -> None:
    common = ("--signer", f"file:{key}", "--store", store)
    tagged = tradeplane("snapshot", "attest", snapshot, "--to", f"{olareg}/data:latest", *common)
    assert (tagged.code != 0, "has a tag, and a snapshot's is its id" in tagged.err) == (True, True)
    absent = tradeplane("snapshot", "attest", f"sha256:{'0' * 64}", "--to", f"{olareg}/data", *common)
    assert (absent.code, "restore the snapshot from a copy" in absent.err) == (3, True)
    session = sample_sessions.stored()
    open_store(store).put(layout.snapshot_manifest(session.snapshot), session.manifest)
    ended = tradeplane("snapshot", "attest", session.snapshot, "--to", f"{olareg}/data", *common)
    assert (ended.code, "holds a session" in ended.err) == (3, True)
    down = tradeplane("snapshot", "attest", snapshot, "--to", f"127.0.0.1:{free_port()}/data", *common)
    assert (down.code, "cannot be reached" in down.err) == (4, True)


def _attest_data(host: str, repository: str, signer: FileSigner) -> Attested:
    async def push() -> Attested:
        async with Registry(host, plain_http=True) as registry:
            place, stored = Reference(host, repository), sample_snapshots.stored()
            return await attest_snapshot(stored, sample_snapshots.IMPORTED, registry, place, Alone(signer))

    return asyncio.run(push())


def test_a_run_names_its_data_where_it_is_told_and_the_chain_is_followed(
    tradeplane: Command, registry_host: str, store: str, key: Path
) -> None:
    sample_runs.store_it(open_store(store))
    importer = sample_runs.signer_in(key.parent, scalar=0xDA7A)
    key.with_name("importer.pub").write_text(importer.public_key.pem())
    target = _target(registry_host, key)
    data = _attest_data(registry_host, f"{target.partition('/')[2]}/snapshots", importer)
    asked = ("attest", sample_runs.RUN, "--signer", f"file:{key}", "--store", store, "-o", "json")
    at, by = ("--snapshots", f"{target}/snapshots"), ("--snapshot-key", str(key.with_name("importer.pub")))
    runs = {
        "untold": tradeplane(*asked, "--to", f"{target}/untold"),
        "stranger": tradeplane(*asked, "--to", f"{target}/stranger", *at),
        "told": tradeplane(*asked, "--to", f"{target}/told", *at, *by),
    }
    assert [ended.code for ended in runs.values()] == [0, 0, 0], [ended.err for ended in runs.values()]
    keys = ("--key", str(key.with_name("key.pub")), "--key", str(key.with_name("importer.pub")))
    said = {}
    for name, ended in runs.items():
        verified = tradeplane("verify", json.loads(ended.out)["reference"], *keys, "-o", "json")
        assert verified.code == 0, verified.out
        said[name] = next(one["message"] for one in json.loads(verified.out)["checks"] if one["name"] == "snapshots")
    assert said["untold"] == said["stranger"] == "ends at the data: no attestation of a snapshot is stated"
    assert said["told"].startswith(f"{sample_snapshots.stored().snapshot} attested by ECDSA")
    reference = json.loads(runs["told"].out)["reference"]
    one = tradeplane("verify", reference, *keys[:2])
    assert one.code == 3
    assert one.out.splitlines()[-1].startswith("FAIL snapshots")
    other = tradeplane("verify", reference, *keys, "--snapshot-builder", "https://example.com/other")
    assert other.code == 3
    assert tradeplane("verify", reference, *keys[:2], "--no-chain").code == 0
    summary = key.with_name("summary.json")
    summed = tradeplane("verify", reference, *keys, "--summary", str(summary), "--signer", f"file:{key}")
    assert summed.code == 0
    assert data.attestation in json.dumps(json.loads(tradeplane("verify", reference, *keys, "-o", "json").out))


def test_keys_of_snapshots_without_a_place_are_refused(tradeplane: Command, store: str, key: Path) -> None:
    asked = ("attest", sample_runs.RUN, "--to", "localhost:1/x", "--signer", f"file:{key}", "--store", store)
    ended = tradeplane(*asked, "--snapshot-key", str(key.with_name("key.pub")))
    assert ended.code != 0
    assert "give --snapshots REPOSITORY" in ended.err
