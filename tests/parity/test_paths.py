"""Every case has the same bits on every path that this machine can run, and the bits that docs/parity.md has."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tradeplane_workloads.strategies.registry import ON_BARS

from tests.extra.test_processor_levels import C_LIBRARY_DIGEST, NUMPY_FEATURES
from tests.parity.__main__ import PAGE
from tests.parity.paths import HERE, OLDER_C_LIBRARY, OLDER_NUMPY, PATHS, NativePath, PythonPath, runnable
from tests.parity.report import DIGITS, documented
from tests.parity.suite import ON_TAPES

if TYPE_CHECKING:
    from tests.parity.report import Report

RUNNABLE = {path.name: path for path in runnable()}
NATIVE = [path for path in RUNNABLE.values() if isinstance(path, NativePath)]
INDICATORS = {"sma", "ema", "rsi", "macd", "bollinger", "zscore", "atr"}
SIMULATIONS = {"fixed-fraction", "volatility-target", "kelly"}
TAPES = {"tape.import.columns", "tape.import.findings", "tape.encode.planes", "tape.encode.origins", "tape.decode"}
EVENT_RUNS = {f"events.{name}" for name in ("averse", "power", "logarithm", "drawn", "exact", "pairs")}


@pytest.mark.parametrize("name", RUNNABLE)
def test_every_case_has_the_same_bits(report: Report, name: str) -> None:
    different = [case for case in report.cases if not report.compared(case).get(name, True)]
    assert different == []
    assert report.outcomes[name].digests


def test_the_digests_are_those_on_record(report: Report) -> None:
    """A change is a change of results: explain it in the commit, and run `make parity`."""
    today = {case: digest[:DIGITS] for case, digest in report.cases.items()}
    assert today == documented(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", NATIVE, ids=lambda path: path.name)
def test_native_paths_have_every_indicator_simulation_and_strategy(report: Report, path: NativePath) -> None:
    cases = set(report.outcomes[path.name].digests)
    assert {"normal", "figures", "bootstrap", "book.best", "book.levels", *INDICATORS, *TAPES} <= cases
    parts = ("equity", "fills", "figures")
    assert {f"{name}.{part}" for name in SIMULATIONS for part in parts} <= cases
    assert {f"golden.{name}.{part}" for name in ON_BARS for part in ("decisions", *parts)} <= cases
    assert {case.removesuffix(".count") for case in cases} >= EVENT_RUNS
    assert cases == set(report.outcomes[NATIVE[0].name].digests)


def test_python_computes_what_the_core_alone_does(report: Report) -> None:
    python = report.outcomes["Python"].digests
    core = report.outcomes[NATIVE[0].name].digests
    shared = {case for case in python if case in core}
    assert shared == {case for case in core if case.startswith("golden.")}
    results = {f"golden.{name}.result" for name in ON_BARS} | {f"tapes.{name}.result" for name in ON_TAPES}
    assert results | {"tape.package.snapshot", "tape.package.columns"} == python.keys() - shared


def test_simulations_trade(report: Report) -> None:
    """A simulation that hardly trades would show nothing."""
    counts = {case: int(text) for case, text in report.cases.items() if case.endswith(".count")}
    assert len([case for case in counts if case.endswith(".fills.count")]) == len(SIMULATIONS)
    assert len([case for case in counts if case.startswith("events.")]) == len(EVENT_RUNS)
    assert all(count > 1000 for count in counts.values()), counts


def test_digests_differ_from_case_to_case(report: Report) -> None:
    digests = [digest for case, digest in report.cases.items() if len(digest) == 64]
    # The same digest twice would be one thing under two names.
    assert len(set(digests)) == len(digests)


def test_a_path_that_the_processor_lacks_is_refused_by_the_example() -> None:
    program = next(path for path in NATIVE if path.architecture == HERE).program()
    foreign = "neon" if HERE == "amd64" else "avx2"
    ended = subprocess.run(
        [program],
        env={**os.environ, "TRADEPLANE_SIMD": foreign},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert f'TRADEPLANE_SIMD is "{foreign}": this processor does not have that path' in ended.stderr


def python(script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script with the environment of a path."""
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


@pytest.mark.parametrize("name", [name for name in ("older NumPy", "older glibc") if name in RUNNABLE])
def test_an_older_processor_is_what_the_libraries_see(name: str) -> None:
    """Without this, equal digests on those paths would show nothing."""
    if name == "older glibc":
        assert python(C_LIBRARY_DIGEST, {}).stdout != python(C_LIBRARY_DIGEST, OLDER_C_LIBRARY).stdout
        return
    assert python(NUMPY_FEATURES, {}).stdout.split()
    assert not python(NUMPY_FEATURES, OLDER_NUMPY).stdout.split()
    core = python("import numpy", {**OLDER_NUMPY, "OPENBLAS_VERBOSE": "2"})
    assert "nehalem" in (core.stdout + core.stderr).lower()


def test_what_cannot_be_run_says_why_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    for path in PATHS:
        if isinstance(path, NativePath) and path.architecture != HERE:
            why = path.missing()
            assert why is not None
            assert "make bootstrap" in why or "emulated" in why


def test_a_path_of_instructions_that_no_processor_has_is_missing() -> None:
    assert NativePath("x", "x", HERE, "mmx").missing() == "this processor has no mmx"
    assert "none is older" in str(PythonPath("x", "x", {}, "mmx").missing())
