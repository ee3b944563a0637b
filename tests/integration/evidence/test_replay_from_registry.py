"""A run that is run again by who has the registry and a public key alone, on data that are pulled from there."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.manifests import EMPTY, MANIFEST_TYPE, artifact, described
from tradeplane_evidence.registry.references import parse_reference
from tradeplane_evidence.registry.referrers import list_referrers, push_referrer
from tradeplane_evidence.results_artifact import ARROW_TYPE
from tradeplane_evidence.snapshot_records import RECORDS_TYPE
from tradeplane_store import layout
from tradeplane_store.objects import open_store
from tradeplane_workloads.runner import execution
from tradeplane_workloads.runner.execution import compute

from tests.integration.cli.test_replay_elsewhere import STAND_IN
from tests.unit.cli.conftest import files, tradeplane
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

__all__ = ["files", "tradeplane"]
IMAGE = f"registry.example.com/tradeplane/workloads@sha256:{'1a' * 32}"


@dataclass(frozen=True)
class Attested:
    """A run on attested data, where both are, and how the run is verified."""

    run: str
    snapshot: str
    key: Path
    command: Command
    store: str

    @property
    def id(self) -> str:
        """The snapshot's id, by the tag that it has."""
        return f"sha256:{json.loads(self.verify(self.snapshot, '-o', 'json').out)['snapshot'].removeprefix('sha256:')}"

    def verify(self, reference: str, *more: str) -> Ended:
        """Verify something by the public key."""
        return self.command("verify", reference, "--key", str(self.key.with_name("key.pub")), *more)


def _attested(
    tradeplane: Command, host: str, files: tuple[str, str], tmp_path: Path, *more: str, attested_data: bool = True
) -> Attested:
    """Run a strategy, attest its data and then it; ``more``: options of what attests the data."""
    signer = sample_runs.signer_in(tmp_path)
    (tmp_path / "key.pub").write_text(signer.public_key.pem())
    key = sample_runs.key_file(tmp_path)
    told = json.loads(tradeplane("run", "-f", files[0], "-f", files[1], "-o", "json").out)
    name = f"{host}/again/{tmp_path.name.replace('_', '-')}"
    signed = ("--signer", f"file:{key}", "-o", "json")
    (snapshot,) = told["snapshots"]
    reference = ""
    if attested_data:
        data = tradeplane("snapshot", "attest", snapshot, "--to", f"{name}/snapshots", *signed, *more)
        assert data.code == 0, data.err
        assert ("records" in json.loads(data.out)) == bool(more)
        reference = json.loads(data.out)["reference"]
    run = tradeplane("attest", told["run"], "--to", f"{name}/run", "--snapshots", f"{name}/snapshots", *signed)
    assert run.code == 0, run.err
    return Attested(json.loads(run.out)["reference"], reference, key, tradeplane, told["store"])


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Give what makes this the machine of somebody who has no data; it returns where they would lie."""

    def go() -> Path:
        monkeypatch.delenv("TRADEPLANE_STORE_URL")
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "auditor"))
        return tmp_path / "auditor" / "tradeplane" / "store"

    return go


def _last(ended: Ended) -> list[str]:
    return ended.out.splitlines()[-1].split()


def test_with_the_registry_and_a_key_alone_it_comes_to_the_same(
    tradeplane: Command,
    registry_host: str,
    files: tuple[str, str],
    tmp_path: Path,
    elsewhere: Callable[[], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attested = _attested(tradeplane, registry_host, files, tmp_path, "--with-records")
    own = elsewhere()
    pulled = tmp_path / "temporary"
    pulled.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(pulled))
    ended = attested.verify(attested.run, "--replay")
    assert ended.code == 0, ended.out + ended.err
    assert _last(ended)[:2] == ["ok", "replay"]
    assert "again, from the data of the registry" in ended.out
    read = attested.verify(attested.snapshot, "--replay")
    assert read.code == 0, read.out + read.err
    assert "400 records of the registry" in read.out
    assert (list(pulled.iterdir()), list(own.rglob("*"))) == ([], []), "nothing of it is left"


def test_the_same_records_are_the_same_artifact_and_leave_the_attested_one_as_it_was(
    tradeplane: Command, olareg: str, files: tuple[str, str], tmp_path: Path
) -> None:
    attested = _attested(tradeplane, olareg, files, tmp_path)
    place = parse_reference(attested.snapshot)
    asked = ("--to", f"{place.host}/{place.repository}", "--signer", f"file:{attested.key}", "-o", "json")
    first, second = (tradeplane("snapshot", "attest", attested.id, *asked, "--with-records").out for _ in range(2))
    assert first == second
    assert json.loads(first)["reference"] == attested.snapshot

    async def hung() -> list[str | None]:
        async with Registry(olareg, plain_http=True) as registry:
            return [one.artifact_type for one in await list_referrers(registry, place.repository, place.digest or "")]

    assert asyncio.run(hung()).count(RECORDS_TYPE) == 1


@pytest.mark.parametrize(
    ("attested_data", "words"),
    [(True, "without its records: whoever attested it left them"), (False, "no attestation of snapshot sha256:")],
)
def test_what_the_registry_does_not_have_is_said_with_what_to_give(
    tradeplane: Command,
    olareg: str,
    files: tuple[str, str],
    tmp_path: Path,
    elsewhere: Callable[[], Path],
    *,
    attested_data: bool,
    words: str,
) -> None:
    attested = _attested(tradeplane, olareg, files, tmp_path, attested_data=attested_data)
    elsewhere()
    ended = attested.verify(attested.run, "--replay")
    assert (ended.code, words in ended.err, "--store" in ended.err) == (3, True, True), ended.err
    given = attested.verify(attested.run, "--replay", "--store", attested.store)
    assert (given.code, _last(given)[:2]) == (0, ["ok", "replay"]), given.err


def test_no_more_is_pulled_than_is_asked_for(
    tradeplane: Command,
    olareg: str,
    files: tuple[str, str],
    tmp_path: Path,
    elsewhere: Callable[[], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attested = _attested(tradeplane, olareg, files, tmp_path, "--with-records")
    elsewhere()
    monkeypatch.setattr("tradeplane_cli.commands.evidence.MIB", 1)
    ended = attested.verify(attested.run, "--replay", "--pull-mib", "9")
    assert (ended.code, "9 more are pulled at most (--pull-mib)" in ended.err) == (3, True), ended.err


async def _hang(host: str, snapshot: str, data: bytes, *titles: str, size: int | None = None) -> None:
    """Have somebody who may push there say that some bytes are the records of a snapshot, and how many there are."""
    place = parse_reference(snapshot)
    async with Registry(host, plain_http=True) as registry:
        manifest, _ = await registry.manifest(place)
        for blob in (EMPTY, data):
            await registry.push_blob(place.repository, blob)
        said = {} if size is None else {"size": size}
        layers = tuple(described(data, ARROW_TYPE, title).model_copy(update=said) for title in titles)
        other = artifact(RECORDS_TYPE, layers, subject=described(manifest, MANIFEST_TYPE))
        await push_referrer(registry, place.repository, other)


def test_records_of_somebody_else_are_not_taken_and_hide_none_that_are_there(
    tradeplane: Command, olareg: str, files: tuple[str, str], tmp_path: Path, elsewhere: Callable[[], Path]
) -> None:
    attested = _attested(tradeplane, olareg, files, tmp_path)
    place = layout.snapshot_part(attested.id, "bars-0")
    data = bytearray(open_store(attested.store).get(place))
    data[len(data) // 2] ^= 1
    for titles in (
        ("bars-0.arrow",),
        ("../../bars-0.arrow",),
        ("manifest.json",),
        ("bars-0.arrow", "bars-1.arrow"),
        (),
    ):
        asyncio.run(_hang(olareg, attested.snapshot, bytes(data), *titles))
    asyncio.run(_hang(olareg, attested.snapshot, b"no table", "bars-0.arrow"))
    asyncio.run(_hang(olareg, attested.snapshot, b"more than it says", "bars-0.arrow", size=1))
    snapshot = attested.id
    reference = parse_reference(attested.snapshot)
    asked = ("--to", f"{olareg}/{reference.repository}", "--signer", f"file:{attested.key}")
    back = os.environ["TRADEPLANE_STORE_URL"]
    elsewhere()
    refused = attested.verify(attested.run, "--replay")
    assert (refused.code, f"is not the records of snapshot {snapshot}" in refused.err) == (3, True), refused.err
    pushed = tradeplane("snapshot", "attest", snapshot, *asked, "--with-records", "--store", back)
    assert pushed.code == 0, pushed.err
    ended = attested.verify(attested.run, "--replay")
    assert ended.code == 0, ended.out + ended.err


def test_another_engine_is_said_and_what_differs_by_it_is_told_with_the_way_out(
    tradeplane: Command, olareg: str, files: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attested = _attested(tradeplane, olareg, files, tmp_path)
    here = execution.machine_environment() | {"tradeplane-native": "9.9.9"}
    monkeypatch.setattr(execution, "machine_environment", lambda: here)
    same = attested.verify(attested.run, "--replay")
    assert (same.code, "by version 9.9.9 of the engine where the run had" in same.out) == (0, True), same.err

    def broken(*asked: Any) -> Any:
        result: Any = compute(*asked)
        return replace(result, summary=result.summary.model_copy(update={"trades": result.summary.trades + 1}))

    monkeypatch.setattr(execution, "compute", broken)
    other = attested.verify(attested.run, "--replay")
    assert (other.code, "by version 9.9.9 of the engine" in other.out) == (10, True), other.err


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a stand-in for docker on the path, which runs this Python for the image's; return what it is called with."""
    program, seen = tmp_path / "bin" / "docker", tmp_path / "seen.json"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable, seen=str(seen), here="\0", there="\0"))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return seen


def test_by_the_image_that_the_statement_names_it_comes_to_the_same(
    tradeplane: Command,
    olareg: str,
    files: tuple[str, str],
    tmp_path: Path,
    elsewhere: Callable[[], Path],
    engine: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _made_by(IMAGE, monkeypatch)
    attested = _attested(tradeplane, olareg, files, tmp_path, "--with-records")
    for _ in range(2):  # from this machine's store, and from the registry
        ended = attested.verify(attested.run, "--replay", "--in-image")
        assert (ended.code, _last(ended)[:2]) == (0, ["ok", "replay"]), ended.out + ended.err
        assert f"in {IMAGE}" in ended.out
        assert IMAGE in json.loads(engine.read_text())
        engine.unlink()
        if "TRADEPLANE_STORE_URL" in os.environ:
            elsewhere()


def _made_by(image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have runs of the command say that an image made them, as those of a cluster do."""
    made = execution.run

    def run(asked: Any, *arguments: Any, **options: Any) -> Any:
        return made(asked.model_copy(update={"image": image}), *arguments, **options)

    monkeypatch.setattr(execution, "run", run)


def test_where_no_image_made_it_or_nothing_is_run_again_there_is_none_to_run_it_by(
    tradeplane: Command, olareg: str, files: tuple[str, str], tmp_path: Path
) -> None:
    attested = _attested(tradeplane, olareg, files, tmp_path)
    ended = attested.verify(attested.run, "--replay", "--in-image")
    assert (ended.code, "no image made run" in ended.err) == (2, True), ended.err
    ended = attested.verify(attested.run, "--in-image")
    assert (ended.code, "give --replay as well" in ended.err) == (2, True), ended.err
    ended = attested.verify(attested.snapshot, "--replay", "--in-image")
    assert (ended.code, "is a snapshot, and --in-image is for runs" in ended.err) == (2, True), ended.err
