"""``tradeplane attest`` and ``tradeplane verify`` as a person calls them, on a registry of this machine."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_store.objects import open_store
from tradeplane_workloads.runner import execution
from tradeplane_workloads.runner.execution import compute

from tests.ports import free_port
from tests.unit.cli.conftest import files, tradeplane
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

__all__ = ["files", "tradeplane"]


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Give the URL of a store with a finished run."""
    folder = tmp_path / "runs"
    folder.mkdir()
    sample_runs.store_it(open_store(folder.as_uri()))
    return folder.as_uri()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Give a signing key, its public part beside it as key.pub."""
    signer = sample_runs.signer_in(tmp_path)
    (tmp_path / "key.pub").write_text(signer.public_key.pem())
    return sample_runs.key_file(tmp_path)


@pytest.fixture
def reference(tradeplane: Command, olareg: str, store: str, key: Path) -> str:
    """Give the reference of the run, attested."""
    target = f"{olareg}/command/{key.parent.name.replace('_', '-')}"
    ended = tradeplane(
        "attest", sample_runs.RUN, "--to", target, "--signer", f"file:{key}", "--store", store, "-o", "json"
    )
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["reference"] == f"{target}@{sample_runs.artifact().digest}"
    assert told["run"] == sample_runs.RUN
    return str(told["reference"])


@pytest.mark.parametrize("file", ["equity.arrow", "summary.json"])
def test_files_that_the_manifest_does_not_have_are_not_attested(
    tradeplane: Command, store: str, key: Path, file: str
) -> None:
    """Nothing is asked of the registry, where nobody answers."""
    open_store(store).put(f"results/{sample_runs.RUN}/{file}", sample_runs.another_equity())
    target = f"127.0.0.1:{free_port()}/runs/x"
    ended = tradeplane("attest", sample_runs.RUN, "--to", target, "--signer", f"file:{key}", "--store", store)
    assert ended.code == 3
    assert f"file {file}" in ended.err
    assert "that the run left" in ended.err.replace("\n", " ")


def test_what_was_attested_is_verified_line_by_line(tradeplane: Command, reference: str, key: Path) -> None:
    ended = tradeplane("verify", reference, "--key", str(key.with_name("key.pub")))
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", name]
        for name in ("artifact", "signature", "policy", "files", "result", "inputs", "snapshots", "chain", "time")
    ]
    assert "signer's own word" in lines[-1] or "not stated" in lines[-1]


def test_a_program_reads_checks_and_statement(tradeplane: Command, reference: str, key: Path) -> None:
    ended = tradeplane("verify", reference, "--key", str(key.with_name("key.pub")), "-o", "json")
    told = json.loads(ended.out)
    assert told["verified"] is True
    assert all(check["passed"] for check in told["checks"])
    stated = told["statement"]["predicate"]["buildDefinition"]["externalParameters"]["specification"]
    assert stated["run"] == sample_runs.RUN


def test_another_key_and_another_builder_end_with_3(
    tradeplane: Command, reference: str, key: Path, tmp_path: Path
) -> None:
    (tmp_path / "other.pub").write_text(sample_runs.signer_in(tmp_path, scalar=4).public_key.pem())
    ended = tradeplane("verify", reference, "--key", str(tmp_path / "other.pub"), "-o", "json")
    assert ended.code == 3
    told = json.loads(ended.out)
    assert (told["verified"], told["statement"]) == (False, None)
    assert told["checks"][-1]["error"] == "KeyRefused"

    own = str(key.with_name("key.pub"))
    ended = tradeplane("verify", reference, "--key", own, "--builder", "https://example.com/builder")
    assert ended.code == 3
    assert ended.out.splitlines()[-1].startswith("FAIL attestation")
    assert "https://example.com/builder" in ended.out.splitlines()[-1]


def test_a_run_that_is_not_whole_is_not_attested(tradeplane: Command, olareg: str, store: str, key: Path) -> None:
    asked = ("--to", f"{olareg}/command/x", "--signer", f"file:{key}", "--store", store)
    ended = tradeplane("attest", "no-such-run", *asked)
    assert (ended.code, "run no-such-run" in ended.err) == (3, True)
    open_store(store).delete(f"results/{sample_runs.RUN}/equity.arrow")
    ended = tradeplane("attest", sample_runs.RUN, *asked)
    assert ended.code == 3
    assert "what is attested must be whole" in ended.err


def test_a_registry_that_is_not_there_ends_with_4(tradeplane: Command, key: Path) -> None:
    reference = f"127.0.0.1:{free_port()}/runs/x@sha256:{'00' * 32}"
    ended = tradeplane("verify", reference, "--key", str(key.with_name("key.pub")))
    assert ended.code == 4
    assert "cannot be reached" in ended.err


@pytest.mark.parametrize(
    ("reference", "name", "words"),
    [
        ("runs/sp500", "key.pub", "names nothing in a registry"),
        ("localhost:1/runs/sp500", "nowhere.pub", "cannot be read: No such file"),
        ("localhost:1/runs/sp500", "key.pem", "is a private key"),
    ],
)
def test_what_is_written_wrongly_ends_with_2(
    tradeplane: Command, key: Path, reference: str, name: str, words: str
) -> None:
    ended = tradeplane("verify", reference, "--key", str(key.with_name(name)))
    assert ended.code == 2
    assert words in ended.err


def test_a_target_with_a_digest_is_refused(tradeplane: Command, store: str, key: Path) -> None:
    target = f"localhost:1/runs/x@sha256:{'00' * 32}"
    ended = tradeplane("attest", sample_runs.RUN, "--to", target, "--signer", f"file:{key}", "--store", store)
    assert ended.code == 2
    assert "leave out what comes after @" in ended.err


@pytest.fixture
def traded(tradeplane: Command, olareg: str, key: Path, files: tuple[str, str]) -> str:
    """Run a strategy on bars, attest it, and give its reference; its data are in the command's own store."""
    told = json.loads(tradeplane("run", "-f", files[0], "-f", files[1], "-o", "json").out)
    target = f"{olareg}/traded/{key.parent.name.replace('_', '-')}"
    ended = tradeplane("attest", told["run"], "--to", target, "--signer", f"file:{key}", "-o", "json")
    assert ended.code == 0, ended.err
    return str(json.loads(ended.out)["reference"])


def test_run_again_it_comes_to_the_same(tradeplane: Command, traded: str, key: Path) -> None:
    ended = tradeplane("verify", traded, "--key", str(key.with_name("key.pub")), "--replay")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[-1].split()[:2] == ["ok", "replay"]


def test_run_again_to_something_else_ends_with_10(
    tradeplane: Command, traded: str, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine is broken in between: what was signed is genuine, and this machine does not come to it."""

    def broken(*asked: Any) -> Any:
        result: Any = compute(*asked)
        return replace(result, summary=result.summary.model_copy(update={"trades": result.summary.trades + 1}))

    monkeypatch.setattr(execution, "compute", broken)
    ended = tradeplane("verify", traded, "--key", str(key.with_name("key.pub")), "--replay", "-o", "json")
    assert ended.code == 10, ended.err
    told = json.loads(ended.out)
    assert told["checks"][-1]["error"] == "Diverged"
    assert all(check["passed"] for check in told["checks"][:-1])


def test_run_again_without_the_data_says_what_is_missing(
    tradeplane: Command, traded: str, key: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    elsewhere = (tmp_path / "empty").as_uri()
    ended = tradeplane("verify", traded, "--key", str(key.with_name("key.pub")), "--replay", "--store", elsewhere)
    assert ended.code == 3
    assert "snapshot sha256:" in ended.err
