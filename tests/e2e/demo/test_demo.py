"""``make demo`` on a cluster of its own: to a result, and again, when its work is done."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_api.run import STORE_VARIABLE

from tests.e2e.demo.cluster import CHECKOUT, EXAMPLES, digest_of, tradeplane
from tests.e2e.demo.conftest import INSTANCE

if TYPE_CHECKING:
    from tests.e2e.demo.cluster import DemoCluster

_STAGES = (
    *(
        "cluster",
        "images",
        "engine",
        "platform",
        "market data",
        "strategy",
        "replay",
        "session",
        "replay of the session",
    ),
    "evidence",
)


def test_the_demo_ends_with_a_finished_strategy_and_its_result(first: subprocess.CompletedProcess[str]) -> None:
    assert first.returncode == 0, first.stderr
    table, rest = first.stdout.split("\n\n", 1)
    header, *rows = table.strip().splitlines()[1:]
    assert header.split()[0] == "NAME"
    shown = {row.split()[0]: row.split() for row in rows}
    assert set(shown) == {"macd-momentum", "quoting"}
    assert "True" in shown["macd-momentum"]
    assert re.search(r"^Total return:\s+-?\d", rest, re.MULTILINE)
    assert re.search(r"^macd-momentum +macd-momentum +True +Exact +Exact +Exact ", rest, re.MULTILINE)
    assert re.search(r"^quoting +quoting-[0-9a-f]{8}-session-1 +True +Exact +Exact +Exact ", rest, re.MULTILINE)
    assert re.search(r"^simulated-book .* Suspended ", rest, re.MULTILINE)
    assert "simulated-book-000001" in snapshots(first.stdout), "the market, captured meanwhile"
    assert len(rest.split("Try next:\n")[1].strip().splitlines()) == 3


def test_the_demo_says_each_stage_with_its_time(first: subprocess.CompletedProcess[str]) -> None:
    for number, name in enumerate(_STAGES, start=1):
        assert re.search(rf"^\[{number}/{len(_STAGES)}\] {name}", first.stderr, re.MULTILINE)
    assert len(re.findall(r"^      done in [0-9.]+ (s|min)", first.stderr, re.MULTILINE)) == len(_STAGES)


def test_the_demo_verifies_its_run_and_says_how_anybody_does(first: subprocess.CompletedProcess[str]) -> None:
    shown = first.stdout.split("$ .venv/bin/tradeplane verify ", 1)[1].split("\n\n")[0].splitlines()
    checks = ("artifact", "signature", "policy", "files", "result", "inputs", "snapshots", "chain", "replays", "time")
    assert [line.split()[:2] for line in shown[1:]] == [["ok", name] for name in checks]
    assert "builder https://tradeplane.dev/evidence/builders/operator-v1/backtest/file" in first.stdout
    said = {line.split()[1]: line for line in shown[1:]}
    assert "replayed: PASSED on amd64" in said["replays"], "what its replay found is evidence as well"
    assert re.search(r"builder https://tradeplane\.dev/evidence/builders/local-v1", said["snapshots"]), "its data are"
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=CHECKOUT, check=True, capture_output=True, text=True)
    assert "builder https://tradeplane.dev/evidence/builders/images-local-v1" in said["chain"]
    assert commit.stdout.strip() in said["chain"], "it goes on to the sources, committed or changed since"
    by_cosign = first.stdout.split("$ cosign verify-attestation ", 1)[1].split("\n\n")[0].splitlines()
    assert re.match(rf"--key build/demo-{INSTANCE}/signing/key-[0-9a-f]{{12}}\.pub .*@sha256:", by_cosign[0])
    assert "  - The signatures were verified against the specified public key" in by_cosign, "by a program not of ours"


def test_whoever_has_registry_and_key_runs_it_again_by_the_command_that_is_shown(
    demo: DemoCluster, first: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    """On the data of the registry, which are held against what was signed: an auditor has no store."""
    command = re.findall(r"^\$ \.venv/bin/(tradeplane verify .*)$", first.stdout, re.MULTILINE)
    program, *asked = shlex.split(command[0])
    mine = {name: value for name, value in os.environ.items() if name != STORE_VARIABLE}
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *asked, "--replay", "-o", "json"],
        cwd=CHECKOUT,
        env=mine | {"XDG_DATA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    last = json.loads(done.stdout)["checks"][-1]
    run = command_to_report(first.stdout).split()[3]
    assert last["message"].startswith(f"{demo.results()[run]} again, from the data of the registry")
    assert (last["name"], last["passed"]) == ("replay", True)


def test_the_demo_verifies_the_ledger_and_shows_who_applied_what(first: subprocess.CompletedProcess[str]) -> None:
    verified = first.stdout.split("$ .venv/bin/tradeplane ledger verify ", 1)[1].split("\n\n")[0].splitlines()
    assert re.match(r"ok   chain +[1-9]\d* entries, the last is sha256:", verified[1])
    assert re.match(r"ok   head +/.*/ledger-heads/\d{16}\.json: entry [1-9]\d* of ", verified[2])
    history = first.stdout.split("$ .venv/bin/tradeplane config history strategy/macd-momentum ", 1)[1]
    version = history.split("\n\n")[0].splitlines()[2]
    assert re.match(r"1 +applied +\S+ +tradeplane-admin \(authenticated\) +sha256:", version)


def test_the_demo_again_finds_its_work_done_and_runs_nothing_twice(
    demo: DemoCluster, first: subprocess.CompletedProcess[str]
) -> None:
    before = demo.started()
    again = demo.demo("up")
    assert again.returncode == 0, again.stderr
    assert command_to_report(again.stdout) == command_to_report(first.stdout)
    assert demo.started() == before
    assert len(demo.results()) == 1
    assert "traded before" in again.stderr
    assert re.search(r"^      0 changes, [1-9][0-9]+ unchanged$", again.stderr, re.MULTILINE)
    assert snapshots(again.stdout) == snapshots(first.stdout)


def test_a_laptop_gives_the_result_of_the_cluster(
    demo: DemoCluster, first: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    run = command_to_report(first.stdout).split()[3]
    there = tradeplane("results", "show", run, "--store", demo.store)
    local = tmp_path.as_uri()
    tradeplane("snapshot", "import", "arch:sp500", "--name", "sp500", "--store", local)
    files = ("-f", str(EXAMPLES / "snapshot-sp500.yaml"), "-f", str(EXAMPLES / "macd-momentum.yaml"))
    here = tradeplane("run", *files, "--store", local)
    assert digest_of(here) == digest_of(there)


def snapshots(text: str) -> set[str]:
    """Return the names in the table of Snapshots."""
    table = text.split("$ kubectl get snapshots ", 1)[1].split("\n\n", 1)[0]
    return {line.split()[0] for line in table.splitlines()[2:]}


def command_to_report(text: str) -> str:
    """Return the third of the commands to try next, which names run and store."""
    return text.strip().splitlines()[-1].strip()
