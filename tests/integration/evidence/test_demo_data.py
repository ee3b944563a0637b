"""The demo attests its market data with its key, by the command, and leaves the key nowhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.demo.data_evidence import attest_data, data_trust
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.scenario import tradeplane

from tests.integration.evidence.watched_keys import WatchedKeys
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from pathlib import Path

BARS = "Date,Open,High,Low,Close,Volume\n2026-01-05,100.00,101.00,99.50,100.50,1000\n"


@pytest.fixture
def snapshot(store: str, tmp_path: Path) -> str:
    """Give the id of a snapshot that was imported into it."""
    file = tmp_path / "bars.csv"
    file.write_text(BARS)
    done = tradeplane("snapshot", "import", str(file), "--symbol", "X", "--store", store, "-o", "json")
    return str(json.loads(done)["spec"]["digest"])


def test_data_are_attested_as_an_import_with_the_key_of_the_cluster_and_their_records_beside(
    olareg: str, store: str, snapshot: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = sample_runs.key_file(tmp_path).read_bytes()
    told: list[str] = []
    command = WatchedKeys()
    repository = f"{olareg}/runs/research/snapshots"
    for _ in range(2):
        attest_data(snapshot, repository, store, pem, command, told.append, plain_http=True)
    assert (len(command.keys), command.left) == (2, [])
    assert all(snapshot in one and repository in one for one in told)
    assert str(command.keys[0]) not in "".join(told)
    public = tmp_path / "key.pub"
    (trusted,) = data_trust(pem)["keys"]
    public.write_text(trusted["public_key"])
    tag = f"{repository}:{snapshot.removeprefix('sha256:')}"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nobodys"))
    verified = json.loads(tradeplane("verify", tag, "--key", str(public), "--replay", "--plain-http", "-o", "json"))
    assert verified["checks"][-1]["message"].startswith("1 records of the registry")
    assert (verified["verified"], verified["snapshot"]) == (True, snapshot)
    assert [verified["provenance"]["runDetails"]["builder"]["id"]] == trusted["builders"]


def test_what_is_not_in_the_store_is_an_error_of_the_demo(olareg: str, store: str, tmp_path: Path) -> None:
    pem = sample_runs.key_file(tmp_path).read_bytes()
    nobodys = "sha256:" + "ab" * 32
    with pytest.raises(DemoError, match=nobodys):
        attest_data(nobodys, f"{olareg}/runs/x/snapshots", store, pem, tradeplane, list[str]().append, plain_http=True)
