"""The Rust core gives the same bits as plain x86-64, with wider SIMD, and on arm64 under emulation."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest
from tradeplane_stacks.images.wheels import rustc_for

NATIVE = Path(__file__).resolve().parents[3] / "workloads" / "native"
BUILDS = NATIVE.parents[1] / "build" / "digests"
ARM64 = "aarch64-unknown-linux-gnu"
X86_64 = "x86_64-unknown-linux-gnu"
BUILD_LIMIT_S = 300
RUN_LIMIT_S = 120


def digests(target: str, flags: str = "", emulator: tuple[str, ...] = ()) -> list[str]:
    """Build the example for a target and run it."""
    folder = BUILDS / f"{target}{flags.replace(' ', '')}"
    environment = os.environ | {
        "CARGO_TARGET_DIR": str(folder),
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER": "aarch64-linux-gnu-gcc",
        "RUSTC": str(rustc_for(target)),
        "RUSTFLAGS": flags,
    }
    build = ["cargo", "build", "--quiet", "--locked", "--release", "--no-default-features", "--example", "digests"]
    manifest = ["--manifest-path", str(NATIVE / "Cargo.toml"), "--target", target]
    subprocess.run([*build, *manifest], env=environment, check=True, timeout=BUILD_LIMIT_S)
    program = folder / target / "release" / "examples" / "digests"
    done = subprocess.run([*emulator, program], capture_output=True, text=True, check=True, timeout=RUN_LIMIT_S)
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def baseline() -> list[str]:
    """Digests of the machine's own architecture, without any option."""
    return digests(X86_64 if platform.machine() == "x86_64" else ARM64)


def test_the_example_covers_indicators_and_simulations(baseline: list[str]) -> None:
    names = {line.split()[0].split(".")[0] for line in baseline}
    indicators = {"sma", "ema", "rsi", "macd", "bollinger", "zscore", "atr"}
    simulations = {"fixed-fraction", "volatility-target", "kelly", "figures"}
    assert names == indicators | simulations | {"normal", "events", "tape"}
    counts = {line.split()[0]: int(line.split()[1]) for line in baseline if line.split()[0].endswith(".count")}
    # A simulation that hardly trades would show nothing.
    assert all(count > 1000 for count in counts.values()), counts


def test_arm64_gives_the_same_bits(baseline: list[str]) -> None:
    emulator = () if platform.machine() == "aarch64" else ("qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu")
    assert digests(ARM64, emulator=emulator) == baseline


def test_wider_simd_gives_the_same_bits(baseline: list[str]) -> None:
    wider = ("x86_64", X86_64, "-C target-cpu=x86-64-v3")
    machine, target, flags = wider if platform.machine() == "x86_64" else ("aarch64", ARM64, "-C target-cpu=native")
    assert platform.machine() == machine
    assert digests(target, flags) == baseline
