"""The runner as a process: killed at every write, stopped by SIGTERM, on a store that is full, gone, or behind S3."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tradeplane_api.run import ExitCode, TerminationMessage
from tradeplane_store import layout
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.snapshots import verify_snapshot, write_snapshot
from tradeplane_workloads.results import list_results, open_results, verify_results

from tests.integration.store.s3_server import s3_environment
from tests.unit.workloads.sample_bars import SOURCE, series
from tests.unit.workloads.sample_results import specification

if TYPE_CHECKING:
    from collections.abc import Iterator

BARS = [series("A", [10_000 + 7 * (day % 13) - 5 * (day % 7) for day in range(120)])]
RUN_WRITES = 6
"""Three parts, the summary, the manifest, and the log."""

KILLED_AT_A_WRITE = """
import os, runpy, signal, sys
from tradeplane_store.disk import DiskStore
moment, number, module = sys.argv[1], int(sys.argv[2]), sys.argv[3]
put = DiskStore.put
done = 0
def counted(self, *args, **kwargs):
    global done
    if moment == "before" and done == number:
        os.kill(os.getpid(), signal.SIGKILL)
    put(self, *args, **kwargs)
    done += 1
    if moment == "after" and done == number:
        os.kill(os.getpid(), signal.SIGKILL)
DiskStore.put = counted
sys.argv = [module]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store((tmp_path / "store").as_uri(), create=True)


@pytest.fixture
def environ(tmp_path: Path, store: ObjectStore) -> dict[str, str]:
    snapshot = write_snapshot(store, BARS, [SOURCE]).id
    return {
        **os.environ,
        "TRADEPLANE_RUN": specification(snapshot).model_dump_json(by_alias=True),
        "TRADEPLANE_STORE_URL": store.url,
        "TRADEPLANE_ATTEMPT": "r1-pod",
        "TRADEPLANE_TERMINATION_LOG": str(tmp_path / "termination-log"),
    }


def runner(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *(arguments or ("-m", "tradeplane_workloads.runner"))]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)


def termination(environ: dict[str, str]) -> TerminationMessage:
    return TerminationMessage.model_validate_json(Path(environ["TRADEPLANE_TERMINATION_LOG"]).read_bytes())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the result digest of the same run when nothing goes wrong."""
    store = open_store(tmp_path_factory.mktemp("undisturbed").as_uri())
    snapshot = write_snapshot(store, BARS, [SOURCE]).id
    asked = {"TRADEPLANE_RUN": specification(snapshot).model_dump_json(by_alias=True)}
    assert runner({**os.environ, **asked, "TRADEPLANE_STORE_URL": store.url}).returncode == ExitCode.OK
    return open_results(store, "r1").manifest.result_digest


@pytest.mark.parametrize(("moment", "number"), [("before", 0), *(("after", n) for n in range(1, RUN_WRITES + 1))])
def test_killed_between_any_two_writes_the_next_attempt_gives_the_same(
    environ: dict[str, str], store: ObjectStore, undisturbed: str, moment: str, number: int
) -> None:
    killed = runner(environ, "-c", KILLED_AT_A_WRITE, moment, str(number), "tradeplane_workloads.runner")
    assert killed.returncode == -signal.SIGKILL
    manifest_written = number >= 5
    assert list_results(store) == (["r1"] if manifest_written else [])
    again = runner(environ)
    assert again.returncode == ExitCode.OK, again.stderr
    assert termination(environ).result_digest == undisturbed
    assert open_results(store, "r1").manifest.result_digest == undisturbed
    assert verify_results(store, "r1") == []


def test_the_writes_of_a_run_are_as_many_as_are_tried_above(environ: dict[str, str]) -> None:
    whole = runner(environ, "-c", KILLED_AT_A_WRITE, "after", str(RUN_WRITES + 1), "tradeplane_workloads.runner")
    assert whole.returncode == ExitCode.OK, whole.stderr


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_import_killed_between_any_two_writes_is_done_by_the_next(
    tmp_path: Path, store: ObjectStore, number: int
) -> None:
    program = tmp_path / "import_bars.py"
    program.write_text(
        "import sys\nfrom tests.unit.workloads.sample_bars import SOURCE, series\n"
        "from tradeplane_store.objects import open_store\n"
        "from tradeplane_workloads.market.snapshots import write_snapshot\n"
        f"write_snapshot(open_store({store.url!r}), [series('A', [1, 2]), series('B', [3])], [SOURCE])\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())])}
    killed = runner(environ, "-c", KILLED_AT_A_WRITE, "before", str(number), "import_bars")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not any(name.endswith("manifest.json") for name in store.list())
    written = write_snapshot(store, [series("A", [1, 2]), series("B", [3])], [SOURCE])
    assert verify_snapshot(store, written.id) == []


def test_sigterm_ends_it_at_once_and_it_can_be_tried_again(
    environ: dict[str, str], store: ObjectStore, undisturbed: str
) -> None:
    """The main thread waits for a lock, where no handler of Python's would run."""
    program = (
        "import sys, threading, runpy\nfrom tradeplane_store.disk import DiskStore\n"
        "def hang(self, name, limit):\n    print('hanging', flush=True)\n    threading.Event().wait()\n"
        "DiskStore.get = hang\nsys.argv = ['runner']\n"
        "runpy.run_module('tradeplane_workloads.runner', run_name='__main__', alter_sys=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "hanging\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == ExitCode.INTERNAL  # the lock would be waited for without end
    assert "stopped by SIGTERM" in termination(environ).message
    assert "stopped by SIGTERM" in store.get(layout.results_log("r1", "r1-pod")).decode()
    assert list_results(store) == []
    assert runner(environ).returncode == ExitCode.OK
    assert open_results(store, "r1").manifest.result_digest == undisturbed


@pytest.fixture
def small_volume(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 256 KiB."""
    mount = tmp_path / "volume"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mount)], check=True)
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_a_full_volume_is_said_and_nothing_is_lost(
    environ: dict[str, str], undisturbed: str, small_volume: Path
) -> None:
    store = open_store(small_volume.as_uri())
    write_snapshot(store, BARS, [SOURCE])
    filler = small_volume / "filler"
    with filler.open("wb", buffering=0) as file:
        written = 4096
        while written == 4096:
            with contextlib.suppress(OSError):
                written = 0
                written = file.write(b"x" * 4096)
    environ["TRADEPLANE_STORE_URL"] = store.url
    failed = runner(environ)
    assert failed.returncode == ExitCode.STORE
    assert "free space, raise the quota or grow the volume" in termination(environ).message
    assert list_results(store) == []
    filler.unlink()
    assert runner(environ).returncode == ExitCode.OK
    assert open_results(store, "r1").manifest.result_digest == undisturbed


def test_a_run_on_s3_has_the_same_digest(
    environ: dict[str, str], undisturbed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_environment(monkeypatch) as bucket:
        store = open_store(f"s3://{bucket}/team-a")
        written = write_snapshot(store, BARS, [SOURCE])
        assert verify_snapshot(store, written.id) == []
        assert not write_snapshot(store, BARS, [SOURCE]).created
        aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        assert runner({**environ, **aws, "TRADEPLANE_STORE_URL": store.url}).returncode == ExitCode.OK
        assert termination(environ).result_digest == undisturbed
        assert open_results(store, "r1").manifest.result_digest == undisturbed
        store.put(layout.snapshot_part(written.id, "bars-0"), b"damaged")
        refused = runner({**environ, **aws, "TRADEPLANE_STORE_URL": store.url})
        assert refused.returncode == ExitCode.REFUSED
        with pytest.raises(DataRefused, match="part bars-0"):
            raise DataRefused(termination(environ).message)


def test_lines_of_the_log_are_json_on_stderr(environ: dict[str, str]) -> None:
    lines = [json.loads(line) for line in runner(environ).stderr.splitlines()]
    assert {line["level"] for line in lines} == {"info"}
    assert all(line["run"] == "r1" for line in lines)


def test_a_run_loads_nothing_that_it_does_not_need(environ: dict[str, str]) -> None:
    """Start-up counts: each of these would take longer to import than a run of twenty years of days takes."""
    program = (
        "import runpy, sys\nsys.argv = ['runner']\ntry:\n"
        "    runpy.run_module('tradeplane_workloads.runner', run_name='__main__', alter_sys=True)\n"
        "except SystemExit as ended:\n    code = ended.code\n"
        "print(code, *sorted({name.partition('.')[0] for name in sys.modules}))\n"
        "print(*sorted(name for name in sys.modules if name.startswith('pyarrow.')))\n"
    )
    first, second = runner(environ, "-c", program).stdout.splitlines()
    code, *loaded = first.split()
    assert code == "0"
    assert "numpy" in loaded
    assert not {"pandas", "arch", "scipy", "boto3", "yaml", "kopf", "tradeplane_cli"} & set(loaded)
    assert not {"pyarrow.dataset", "pyarrow.parquet", "pyarrow.csv", "pyarrow.compute"} & set(second.split())
