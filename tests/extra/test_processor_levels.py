"""Results on one processor that plays several: the C library and NumPy are shown fewer of its features.

glibc picks other code for exp, log and their like by what the processor has, and the last bits differ; NumPy does the
same for its loops. A result that changed with either would not be the same on the next machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ALGORITHMS = ("macd-momentum", "sma-cross", "rsi-reversion", "bollinger-reversion", "zscore-reversion")
OLDER = {
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
}
C_LIBRARY_DIGEST = """
import hashlib, math, struct
values = [i / 1000 for i in range(1, 20000)]
functions = (math.exp, math.log, math.sin, math.log1p, math.expm1, math.tan)
print(hashlib.sha256(b"".join(struct.pack("d", f(v)) for v in values for f in functions)).hexdigest())
"""
NUMPY_FEATURES = """
import numpy._core._multiarray_umath as core
print(" ".join(name for name in core.__cpu_dispatch__ if core.__cpu_features__[name]))
"""
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


def output(arguments: list[str], environment: dict[str, str]) -> str:
    """Run a command of this environment's Python and return what it prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Import the S&P 500 into a store of this module's own."""
    url = tmp_path_factory.mktemp("store").as_uri()
    output(["-m", "tradeplane_cli", "snapshot", "import", "arch:sp500", "--store", url], {})
    return url


def result_digest(algorithm: str, store: str, folder: Path, environment: dict[str, str]) -> str:
    """Run an algorithm on the example's terms and return its result's digest."""
    strategy = yaml.safe_load((EXAMPLES / "macd-momentum.yaml").read_text(encoding="utf-8"))
    strategy["spec"]["algorithm"] = {"name": algorithm}
    file = folder / f"{algorithm}.yaml"
    file.write_text(yaml.safe_dump(strategy), encoding="utf-8")
    run = f"{algorithm}-{'older' if environment else 'as-is'}"
    arguments = ["run", str(file), str(EXAMPLES / "snapshot-sp500.yaml"), "--store", store, "--run", run, "-o", "json"]
    digest: str = json.loads(output(["-m", "tradeplane_cli", *arguments], environment))["resultDigest"]
    return digest


def test_the_c_library_and_numpy_do_see_an_older_processor() -> None:
    assert output(["-c", C_LIBRARY_DIGEST], {}) != output(["-c", C_LIBRARY_DIGEST], OLDER)
    assert output(["-c", NUMPY_FEATURES], {}).split()
    assert not output(["-c", NUMPY_FEATURES], OLDER).split()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_results_are_the_same_bits_on_an_older_processor(algorithm: str, store: str, tmp_path: Path) -> None:
    assert result_digest(algorithm, store, tmp_path, {}) == result_digest(algorithm, store, tmp_path, OLDER)
