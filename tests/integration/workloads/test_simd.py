"""The SIMD path is the one TRADEPLANE_SIMD asks for, or nothing is computed; a result says which, in no digest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import tradeplane_native
from tradeplane_store.objects import open_store
from tradeplane_workloads.market.snapshots import write_snapshot
from tradeplane_workloads.runner.execution import run

from tests.unit.workloads.sample_bars import SOURCE, series
from tests.unit.workloads.sample_results import specification

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_api.run import RunSpecification

FOREIGN = "neon" if os.uname().machine == "x86_64" else "avx2"
TELL = "import tradeplane_native; print(tradeplane_native.simd_path())"


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own: a path is chosen once in each."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={**{name: value for name, value in os.environ.items() if name != "TRADEPLANE_SIMD"}, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("path", tradeplane_native.simd_paths())
def test_a_path_that_is_there_is_taken(path: str) -> None:
    assert python("-c", TELL, TRADEPLANE_SIMD=path).stdout == f"{path}\n"


@pytest.mark.parametrize("word", [None, "", "auto"])
def test_the_widest_is_taken_where_none_is_asked_for(word: str | None) -> None:
    environment = {} if word is None else {"TRADEPLANE_SIMD": word}
    assert python("-c", TELL, **environment).stdout == f"{tradeplane_native.simd_paths()[-1]}\n"


@pytest.mark.parametrize(
    ("word", "wrong"), [(FOREIGN, "this processor does not have"), ("fast", "no path"), ("AVX2", "no path")]
)
def test_a_path_that_is_not_there_is_refused_with_those_that_are(word: str, wrong: str) -> None:
    ended = python("-m", "tradeplane_cli", "version", "-v", TRADEPLANE_SIMD=word)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f'error: TRADEPLANE_SIMD is "{word}": {wrong}')
    assert ", ".join(("auto", *tradeplane_native.simd_paths())) in ended.stderr
    assert not ended.stdout


def test_version_tells_the_path_and_those_there_are() -> None:
    told = json.loads(python("-m", "tradeplane_cli", "version", "-v", "-o", "json", TRADEPLANE_SIMD="scalar").stdout)
    assert (told["simd"], told["simdPaths"]) == ("scalar", tradeplane_native.simd_paths())
    table = python("-m", "tradeplane_cli", "version", "-v", TRADEPLANE_SIMD="scalar").stdout
    assert ["simd:", "scalar"] in [line.split() for line in table.splitlines()]


@pytest.fixture
def asked(tmp_path: Path) -> RunSpecification:
    """Ask for a run on a snapshot in ``tmp_path/store``."""
    store = open_store((tmp_path / "store").as_uri(), create=True)
    closes = [10_000 + 37 * (day * day % 101) for day in range(120)]
    snapshot = write_snapshot(store, [series("A", closes)], [SOURCE])
    return specification(snapshot.id, algorithm="zscore-reversion")


def test_a_result_says_its_path_and_has_the_digest_of_the_others(asked: RunSpecification, tmp_path: Path) -> None:
    url = (tmp_path / "store").as_uri()
    found = {}
    for path in tradeplane_native.simd_paths():
        named = asked.model_copy(update={"run": path}).model_dump_json(by_alias=True)
        environment = {
            "TRADEPLANE_SIMD": path,
            "TRADEPLANE_RUN": named,
            "TRADEPLANE_STORE_URL": url,
            "TRADEPLANE_TERMINATION_LOG": str(tmp_path / "termination"),
        }
        assert python("-m", "tradeplane_workloads.runner", **environment).returncode == 0
        manifest = json.loads((tmp_path / "store/results" / path / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["environment"]["simd"] == path
        found[path] = manifest["resultDigest"]
    here = run(asked.model_copy(update={"run": "here"}), open_store(url)).manifest
    assert set(found.values()) == {here.result_digest}


def test_a_run_with_a_path_that_is_not_there_is_refused_for_good(asked: RunSpecification, tmp_path: Path) -> None:
    environment = {
        "TRADEPLANE_SIMD": FOREIGN,
        "TRADEPLANE_RUN": asked.model_dump_json(by_alias=True),
        "TRADEPLANE_STORE_URL": (tmp_path / "store").as_uri(),
        "TRADEPLANE_TERMINATION_LOG": str(tmp_path / "termination"),
    }
    assert python("-m", "tradeplane_workloads.runner", **environment).returncode == 2
    message = json.loads((tmp_path / "termination").read_text(encoding="utf-8"))
    assert f'TRADEPLANE_SIMD is "{FOREIGN}"' in message["message"]
    assert not (tmp_path / "store/results/r1/manifest.json").exists()
