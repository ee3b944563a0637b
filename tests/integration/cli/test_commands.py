"""The commands from the outside: what they print, how they end, and that the results are those of a pod."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from tradeplane_api.run import RunSpecification
from tradeplane_api.snapshot import Snapshot
from tradeplane_cli.failures import DIFFERENT, EXIT_CODES
from tradeplane_workloads.strategies.registry import find_strategy

from tests.unit.cli.command_tree import NO_DOCUMENT, every_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def finished(tradeplane: Command, files: tuple[str, str]) -> dict[str, Any]:
    """Return what ``run -o json`` printed of a finished run."""
    ended = tradeplane("run", "-f", files[0], "-f", files[1], "-o", "json")
    assert ended.code == 0, ended.err
    return dict(json.loads(ended.out))


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_help_of_every_command_has_examples(tradeplane: Command, command: tuple[str, ...]) -> None:
    ended = tradeplane(*command, "--help")
    assert ended.code == 0
    assert re.search(rf"^ .*\btradeplane {' '.join(command)}\b", ended.out.partition("Examples:")[2], re.MULTILINE)


def test_every_command_prints_json_but_those_that_print_something_else() -> None:
    without = {
        words
        for words, command in every_command().items()
        if not any({"-o", "--output"} <= set(option.opts) for option in command.params)
    }
    assert without == set(NO_DOCUMENT)


def test_help_lists_the_exit_codes(tradeplane: Command) -> None:
    printed = tradeplane("--help").out
    assert all(f"{int(code):>3}  {text}" in printed for code, text in EXIT_CODES.items())


def test_help_names_the_command_as_it_was_called(tradeplane: Command) -> None:
    assert "Usage: tradeplane run" in tradeplane("run", "--help").out
    assert "Usage: kubectl tradeplane run" in tradeplane("run", "--help", program="/bin/kubectl-tradeplane").out


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys, tradeplane_cli.main as main; main.application()(['run', '--help'], standalone_mode=False);"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(ended.stderr.split("'"))
    assert loaded.isdisjoint({"numpy", "pyarrow", "plotly", "rich", "obstore", "tradeplane_native", "jinja2", "yaml"})


def test_the_result_is_the_one_a_pod_computes(tradeplane: Command, finished: dict[str, Any], tmp_path: Path) -> None:
    """The runner as a pod starts it, with the specification in its environment and an image named."""
    manifest = json.loads(tradeplane("results", "show", finished["run"], "-o", "json").out)
    specification = manifest["specification"] | {"run": "pod", "image": "registry.example/workloads@" + DIGEST}
    environment = os.environ | {
        "TRADEPLANE_RUN": RunSpecification.model_validate(specification).model_dump_json(),
        "TRADEPLANE_TERMINATION_LOG": str(tmp_path / "termination.json"),
    }
    subprocess.run(
        [sys.executable, "-m", "tradeplane_workloads.runner"],
        env=environment,
        check=True,
        capture_output=True,
        timeout=60,
    )
    answered = json.loads((tmp_path / "termination.json").read_text())
    assert answered["resultDigest"] == finished["resultDigest"]
    pod = json.loads(tradeplane("results", "show", "pod", "-o", "json").out)
    assert pod["runDigest"] != finished["runDigest"]  # the image is part of what decides a run


def test_the_same_again_has_the_same_name_and_result(
    tradeplane: Command, files: tuple[str, str], finished: dict[str, Any]
) -> None:
    assert json.loads(tradeplane("run", "-f", files[0], "-f", files[1], "-o", "json").out) == finished
    assert json.loads(tradeplane("run", *files, "-o", "json").out) == finished


def test_a_name_given_is_kept_and_used_for_one_question_only(tradeplane: Command, files: tuple[str, str]) -> None:
    arguments = ("run", "-f", files[0], "-f", files[1], "--run", "mine")
    assert "mine" in tradeplane(*arguments).out
    strategy = Path(files[0])
    strategy.write_text(strategy.read_text().replace("fast: 3", "fast: 4"))
    ended = tradeplane("run", "-f", files[0], "-f", files[1], "--run", "mine")
    assert ended.code == 3
    assert "name of its own" in ended.err


def test_json_has_the_documented_fields(finished: dict[str, Any]) -> None:
    assert list(finished) == ["run", "resultDigest", "runDigest", "snapshots", "store", "summary"]
    assert finished["summary"]["bars"] == 400


def test_yaml_and_json_say_the_same(tradeplane: Command, finished: dict[str, Any]) -> None:
    for command in (("results", "list"), ("results", "show", finished["run"]), ("version", "-v")):
        printed = {form: tradeplane(*command, "-o", form).out for form in ("json", "yaml")}
        assert json.loads(printed["json"]) == yaml.safe_load(printed["yaml"])


def test_results_are_listed_and_shown(tradeplane: Command, finished: dict[str, Any]) -> None:
    listed = tradeplane("results", "list").out.splitlines()
    assert listed[0].split()[:2] == ["RUN", "ALGORITHM"]
    assert listed[1].split()[:2] == [finished["run"], "sma-cross"]
    assert finished["resultDigest"] in tradeplane("results", "show", finished["run"]).out


def test_the_interval_of_a_sharpe_ratio_is_told(tradeplane: Command, finished: dict[str, Any]) -> None:
    asked = ("results", "bootstrap", finished["run"], "--samples", "200", "--seed", "3")
    told = json.loads(tradeplane(*asked, "-o", "json").out)
    assert list(told) == [
        "run", "resultDigest", "sharpe", "low", "median", "high", "percent", "samples", "defined", "block", "seed"
    ]  # fmt: skip
    assert (told["run"], told["sharpe"]) == (finished["run"], finished["summary"]["sharpe"])
    assert (told["percent"], told["samples"], told["block"], told["seed"]) == (95, 200, 7, 3)
    assert float(told["low"]) < float(told["median"]) < float(told["high"])
    assert json.loads(tradeplane(*asked, "-o", "json").out) == told
    shown = tradeplane(*asked).out
    assert "200, of blocks of 7 returns on average, seed 3" in shown
    assert tradeplane(*asked, "--percent", "100").code == 2
    assert tradeplane("results", "bootstrap", "no-such-run").code == 3


def test_an_import_prints_an_object_the_api_accepts(tradeplane: Command, files: tuple[str, str]) -> None:
    printed = yaml.safe_load(Path(files[1]).read_text())
    snapshot = Snapshot.model_validate(printed)
    assert printed["metadata"] == {"name": "bars"}
    ended = tradeplane("snapshot", "inspect", snapshot.spec.digest, "-o", "json")
    assert json.loads(ended.out)["manifest"]["records"] == 400


def test_several_sources_make_one_snapshot(tradeplane: Command, files: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text((tmp_path / "bars.csv").read_text())
    imported = yaml.safe_load(tradeplane("snapshot", "import", "bars.csv", "other.csv", "-o", "yaml").out)
    assert imported["metadata"]["name"] == "bars-other"
    shown = json.loads(tradeplane("snapshot", "inspect", imported["spec"]["digest"], "-o", "json").out)
    assert [instrument["symbol"] for instrument in shown["manifest"]["instruments"]] == ["BARS", "OTHER"]
    twice = tradeplane("snapshot", "import", "bars.csv", "bars.csv")
    assert twice.code == 3
    assert "twice" in twice.err


def test_a_snapshot_is_verified_and_a_damaged_one_is_refused(
    tradeplane: Command, files: tuple[str, str], tmp_path: Path
) -> None:
    digest = yaml.safe_load((tmp_path / "snapshot.yaml").read_text())["spec"]["digest"]
    assert json.loads(tradeplane("snapshot", "verify", digest, "-o", "json").out)["verified"] is True
    (part,) = (tmp_path / "store").rglob("bars-0.arrow")
    damaged = bytearray(part.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    part.write_bytes(damaged)
    verified = tradeplane("snapshot", "verify", digest, "-o", "json")
    assert verified.code == 3
    assert json.loads(verified.out)["verified"] is False
    assert "bars-0" in json.loads(verified.out)["faults"][0]
    ran = tradeplane("run", "-f", files[0], "-f", files[1])
    assert ran.code == 3
    assert "bars-0" in ran.err


@pytest.mark.parametrize(
    ("before", "after"),
    [('"trades":', '"trades": 1'), (r'"rows":\d+', '"rows":9007199254740992'), (r'"sharpe":"[^"]*"', '"sharpe":"inf"')],
)
def test_a_damaged_result_does_not_hide_the_others(
    tradeplane: Command, files: tuple[str, str], finished: dict[str, Any], tmp_path: Path, before: str, after: str
) -> None:
    tradeplane("run", "-f", files[0], "-f", files[1], "--run", "other")
    manifest = tmp_path / "store" / "results" / "other" / "manifest.json"
    changed, times = re.subn(before, after, manifest.read_text(), count=1)
    assert times == 1
    manifest.write_text(changed)
    ended = tradeplane("results", "list", "-o", "json")
    assert ended.code == 3
    listed = json.loads(ended.out)
    assert [item["run"] for item in listed["items"]] == [finished["run"]]
    assert "other" in listed["faults"][0]


def test_a_run_is_replayed_to_the_same_bits(tradeplane: Command, finished: dict[str, Any], tmp_path: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "store").rglob("*"))
    ended = tradeplane("replay", finished["run"], "-o", "json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["run"] == finished["run"]
    assert found["resultDigest"] == found["baselineDigest"] == finished["resultDigest"]
    verdict = found["verdict"]
    assert (verdict["decisions"], verdict["execution"], verdict["divergence"]) == ("Exact", "Exact", None)
    assert verdict["fillsMatched"] == verdict["fills"] == finished["summary"]["trades"] > 0
    assert found["replayed"]["architecture"] == os.uname().machine
    assert "<none>" in tradeplane("replay", finished["run"]).out
    assert sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "store").rglob("*")) == before


def test_a_replay_that_does_something_else_is_told(
    tradeplane: Command, finished: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The strategy of that name decides otherwise now, as a new version of it might."""
    cross = find_strategy("sma-cross")
    monkeypatch.setattr(type(cross), "targets", lambda _self, bars, _parameters, _rng: np.ones(bars.close.shape))
    ended = tradeplane("replay", finished["run"], "-o", "json")
    assert ended.code == DIFFERENT
    verdict = json.loads(ended.out)["verdict"]
    assert (verdict["decisions"], verdict["execution"]) == ("Diverged", "Diverged")
    assert (verdict["divergence"]["part"], verdict["divergence"]["sequence"]) == ("trades", 0)
    shown = tradeplane("replay", finished["run"]).out
    assert "trades[0]" in shown
    assert "Expected:" in shown


def test_a_replay_of_what_is_not_there_or_not_whole_is_refused(
    tradeplane: Command, finished: dict[str, Any], tmp_path: Path
) -> None:
    absent = tradeplane("replay", "r9")
    assert (absent.code, "run r9" in absent.err) == (3, True)
    (part,) = (tmp_path / "store").rglob("trades.arrow")
    part.write_bytes(part.read_bytes()[:-9])
    damaged = tradeplane("replay", finished["run"])
    assert (damaged.code, "part trades" in damaged.err) == (3, True)


def test_two_runs_are_compared(tradeplane: Command, files: tuple[str, str], finished: dict[str, Any]) -> None:
    strategy = Path(files[0])
    strategy.write_text(strategy.read_text().replace("fast: 3", "fast: 4"))
    assert tradeplane("run", "-f", files[0], "-f", files[1], "--run", "other").code == 0
    assert tradeplane("results", "diff", "other", "other").out.startswith("results are the same")
    ended = tradeplane("results", "diff", finished["run"], "other", "-o", "json")
    assert ended.code == DIFFERENT
    found = json.loads(ended.out)
    asked = {"of": "specification", "field": "simulation.algorithm.parameters.fast", "expected": "3", "got": "4"}
    assert found["fields"][0] == asked
    assert found["divergences"][0]["of"] == "trades"
    shown = tradeplane("results", "diff", finished["run"], "other").out
    assert shown.startswith("results differ")
    assert "simulation.algorithm.parameters.fast" in shown


def test_two_snapshots_are_compared(tradeplane: Command, files: tuple[str, str], tmp_path: Path) -> None:
    digest = yaml.safe_load((tmp_path / "snapshot.yaml").read_text())["spec"]["digest"]
    lines = (tmp_path / "bars.csv").read_text().splitlines()
    lines[3] = lines[3].rsplit(",", 1)[0] + ",1001"
    (tmp_path / "other.csv").write_text("\n".join(lines) + "\n")
    imported = tradeplane("snapshot", "import", "other.csv", "--symbol", "BARS", "-o", "json")
    other = json.loads(imported.out)["spec"]["digest"]
    ended = tradeplane("snapshot", "diff", digest, other, "-o", "json")
    assert ended.code == DIFFERENT
    (divergence,) = json.loads(ended.out)["divergences"]
    assert divergence["sequence"] == 2
    assert divergence["fields"] == [{"field": "volume", "expected": "1000", "got": "1001"}]
    assert tradeplane("snapshot", "diff", digest, digest).code == 0
    refused = tradeplane("snapshot", "diff", digest, "sha256:12")
    assert refused.code == 2
    assert "OTHER sha256:12" in refused.err


def test_a_report_is_written_whole(tradeplane: Command, finished: dict[str, Any], tmp_path: Path) -> None:
    ended = tradeplane("results", "report", finished["run"], "-o", "json")
    written = json.loads(ended.out)
    page = tmp_path / f"{finished['run']}.html"
    assert written["bytes"] == page.stat().st_size
    assert finished["resultDigest"] in page.read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.glob("*.html*")] == [page.name]
    assert "MB" in tradeplane("results", "report", finished["run"]).out


def test_a_report_without_its_snapshot_says_so(tradeplane: Command, finished: dict[str, Any], tmp_path: Path) -> None:
    (manifest,) = (tmp_path / "store" / "snapshots").rglob("manifest.json")
    manifest.unlink()
    assert tradeplane("results", "report", finished["run"], "--to", "r.html").code == 0
    assert "Prices are not drawn" in (tmp_path / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("fast: 3", "fst: 3", 9, "there is no such parameter"),
        ("fast: 3", "fast: -3", 9, "fast"),
        ("sma-cross", "sma-crass", 7, "sma-cross"),
    ],
)
def test_what_the_engine_refuses_is_located_in_the_file(
    tradeplane: Command, files: tuple[str, str], old: str, new: str, line: int, words: str
) -> None:
    strategy = Path(files[0])
    strategy.write_text(strategy.read_text().replace(old, new))
    ended = tradeplane("run", "-f", files[0], "-f", files[1])
    assert ended.code == 2
    assert f"{files[0]}:{line}: spec.algorithm." in ended.err
    assert words in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("run", "-f", "absent.yaml"), 2, "absent.yaml"),
        (("run",), 2, "Usage"),
        (("snapshot", "inspect", "sha256:short"), 2, "64 hexadecimal digits"),
        (("snapshot", "inspect", DIGEST), 3, "not in the store"),
        (("snapshot", "verify", DIGEST), 3, "not in the store"),
        (("snapshot", "import", "absent.csv"), 3, "absent.csv"),
        (("snapshot", "import", "arch:dowjones"), 2, "sp500"),
        (("snapshot", "import", "bars.csv", "--column", "Day"), 2, "ROLE=HEADER"),
        (("snapshot", "import", "bars.csv", "--daily-close", "noon"), 2, "16:00"),
        (("snapshot", "import", "bars.csv", "--name", "No Name"), 2, "--name"),
        (("snapshot", "import", "a.csv", "b.csv", "--symbol", "A"), 2, "--symbol"),
        (("results", "show", "absent"), 3, "absent"),
        (("results", "show", "../escape"), 2, "escape"),
        (("results", "list", "--store", "ftp://host/x"), 2, "file://"),
        (("results", "list", "--store", "file:///nonexistent/store"), 4, "/nonexistent/store"),
        (("results", "list", "-o", "xml"), 2, "xml"),
        (("completion", "tcsh"), 2, "bash"),
        (("frobnicate",), 2, "frobnicate"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_expected_failures_end_with_their_code_and_no_traceback(
    tradeplane: Command, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ended = tradeplane(*arguments)
    assert ended.code == code, ended.err
    assert words in ended.err + (ended.out if arguments == ("run",) else "")
    assert "Traceback" not in ended.err
    assert arguments == ("run",) or not ended.out


def test_debug_shows_the_traceback(tradeplane: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Traceback" in tradeplane("results", "show", "absent", "--debug").err
    monkeypatch.setenv("TRADEPLANE_DEBUG", "1")
    assert "Traceback" in tradeplane("results", "show", "absent").err


def test_a_failure_is_json_where_json_was_asked_for(tradeplane: Command, files: tuple[str, str]) -> None:
    ended = tradeplane("run", "-f", files[0], "-o", "json")
    error = json.loads(ended.err)["error"]
    assert (error["code"], error["reason"]) == (2, "INVALID")
    assert error["problems"][0]["field"] == "spec.snapshotRef.name"
    assert error["problems"][0]["line"] == 12


@pytest.mark.parametrize("form", [("-o", "json"), ("-ojson",), ("--output=json",), ("--output", "json")], ids=" ".join)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("results", "list", "--bogus"), "No such option: --bogus"),
        (("results", "show"), "Missing argument 'RUN'"),
        (("results", "nothing"), "No such command 'nothing'"),
        (("results", "bootstrap", "r1", "--seed", "x"), "Invalid value for '--seed'"),
    ],
)
def test_a_mistake_on_the_command_line_is_json_where_json_was_asked_for(
    tradeplane: Command, form: tuple[str, ...], arguments: tuple[str, ...], words: str
) -> None:
    ended = tradeplane(*arguments, *form)
    error = json.loads(ended.err)["error"]
    assert (ended.code, error["code"], error["reason"]) == (2, 2, "INVALID")
    assert words in error["message"]
    assert "tradeplane COMMAND --help" in error["remedy"]


@pytest.mark.parametrize("form", [("-o", "yaml"), ("-o", "xml"), ("--", "-o", "json"), ()], ids=" ".join)
def test_it_is_text_where_no_json_was_asked_for(tradeplane: Command, form: tuple[str, ...]) -> None:
    ended = tradeplane("results", "list", "--bogus", *form)
    assert ended.code == 2
    assert ended.err.startswith("Usage: tradeplane results list")


def test_an_unforeseen_failure_is_told_and_asks_for_a_report(
    tradeplane: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(url: str) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("tradeplane_cli.runs.list_runs", broken)
    ended = tradeplane("results", "list")
    assert ended.code == 1
    assert "ZeroDivisionError: by zero" in ended.err
    assert "--debug" in ended.err
    assert "Traceback" not in ended.err


def test_other_objects_are_left_aside_with_a_note(tradeplane: Command, files: tuple[str, str], tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
    ended = tradeplane("run", "-f", files[0], "-f", files[1], "-f", str(other), "-o", "json")
    assert ended.code == 0
    assert "ConfigMap" in ended.err
    json.loads(ended.out)


def test_the_default_store_is_the_users_own(
    tradeplane: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRADEPLANE_STORE_URL")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "data" / "tradeplane" / "store"
    assert json.loads(tradeplane("results", "list", "-o", "json").out)["store"] == folder.as_uri()
    assert folder.is_dir()


def test_completion_offers_commands_and_options(tradeplane: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "_TRADEPLANE_COMPLETE" in tradeplane("completion", "bash").out
    monkeypatch.setenv("_TRADEPLANE_COMPLETE", "complete_bash")
    for typed, expected in (
        ("tradeplane ", "snapshot"),
        ("tradeplane results ", "report"),
        ("tradeplane run --s", "--store"),
    ):
        monkeypatch.setenv("COMP_WORDS", typed)
        monkeypatch.setenv("COMP_CWORD", str(typed.count(" ")))
        assert expected in tradeplane().out.splitlines()


def test_bash_completes_with_the_script_printed(tradeplane: Command) -> None:
    script = tradeplane("completion", "bash").out + (
        "\nCOMP_WORDS=(tradeplane snapshot i); COMP_CWORD=2; _tradeplane_completion tradeplane; echo ${COMPREPLY[@]}\n"
    )
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ended = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60, env=os.environ | {"PATH": path}
    )
    assert ended.stdout.split() == ["import", "inspect"]


@pytest.mark.parametrize(
    ("shell", "script"), [("zsh", "#compdef tradeplane"), ("fish", "complete --command tradeplane")]
)
def test_other_shells_get_what_their_script_asks_for(
    tradeplane: Command, monkeypatch: pytest.MonkeyPatch, shell: str, script: str
) -> None:
    """The shells themselves are not needed for it: their scripts call the command with what was typed in a variable."""
    printed = tradeplane("completion", shell).out
    assert script in printed
    asked = {"_TRADEPLANE_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": "tradeplane snapshot i"}
    asked |= {"_TYPER_COMPLETE_FISH_ACTION": "get-args"} if shell == "fish" else {}
    for name, value in asked.items():
        assert name in printed
        monkeypatch.setenv(name, value)
    offered = tradeplane().out
    assert "import" in offered
    assert "inspect" in offered
    assert "verify" not in offered


def test_completion_is_not_installed_under_the_name_of_a_plugin(tradeplane: Command) -> None:
    assert "--install-completion" in tradeplane("--help").out
    assert "--install-completion" not in tradeplane("--help", program="kubectl-tradeplane").out


def test_an_interruption_has_its_own_code(tradeplane: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(url: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tradeplane_cli.runs.list_runs", interrupted)
    assert tradeplane("results", "list").code == 130
    assert tradeplane("results", "list", "-o", "json").code == 130


def test_a_reader_that_stops_reading_is_no_failure_of_ours() -> None:
    command = [str(Path(sys.executable).with_name("tradeplane")), "--help"]
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(writer)
    assert "Traceback" not in ended.stderr


def test_kubectl_is_offered_what_it_asks_for() -> None:
    command = [str(Path(sys.executable).with_name("kubectl_complete-tradeplane")), "snapshot", "ve"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.splitlines() == ["verify", ":4"]


def test_version_tells_all_parts_where_asked(tradeplane: Command) -> None:
    short = tradeplane("version").out.strip()
    versions = json.loads(tradeplane("version", "-v", "-o", "json").out)
    assert versions["version"] == short
    assert {"tradeplane-native", "pyarrow", "apiVersion", "python"} <= set(versions)
    assert "not installed" not in versions.values()
