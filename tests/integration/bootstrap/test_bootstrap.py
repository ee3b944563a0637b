"""`bootstrap.sh` on machines that lack this or that: a table of our own, and stand-ins for the programs that would act.

A stand-in `apt-get` "installs" a package by putting a program of that name on PATH, and notes how it was called.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "bootstrap"
PINNED_UV = next(line for line in (SOURCE / "uv.txt").read_text().splitlines() if line.startswith("uv=="))
UV_VERSION = PINNED_UV.removeprefix("uv==").split()[0]

TABLE = """
# a comment
always   | program tp-present | tp-present | is there
always   | program tp-absent  | tp-absent  | draws the picture
embedded | program tp-network | tp-network | carries packets
"""
WITH_CHECKS = TABLE + "checks | program tp-browser | tp-browser | opens pages in tests\n"


class Machine:
    """A directory of programs in front of PATH, and a copy of the script with a table of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.programs = folder, folder / "bin"
        self.programs.mkdir()
        self.calls = folder / "calls"
        self.calls.touch()
        self.script = folder / "bootstrap" / "bootstrap.sh"
        shutil.copytree(SOURCE, self.script.parent)
        self.table(TABLE)
        self.program("tp-present", "")
        self.program("uv", f'echo "uv {UV_VERSION} (test)"')
        self.program("go", "echo go1.99.1")
        self.program("id", "echo 0")
        self.program("dpkg", f'echo "dpkg $*" >> {self.calls}')
        self.program(
            "apt-get",
            f'echo "apt-get $*" >> {self.calls}\n'
            'case "$*" in *" install "*) for name; do case $name in tp-*)\n'
            f"printf '#!/bin/sh\\n' > {self.programs}/$name; chmod +x {self.programs}/$name;; esac; done;; esac",
        )

    def table(self, text: str) -> None:
        (self.script.parent / "requirements.table").write_text(text)

    def program(self, name: str, body: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        home = {"HOME": str(self.folder), "PATH": f"{self.programs}:{os.defpath}", "ARM64": "0"}
        return subprocess.run(
            ["bash", str(self.script), *arguments],
            env=home | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_check_names_what_is_missing_and_why_and_changes_nothing(machine: Machine) -> None:
    ended = machine.run("--check")
    assert ended.returncode == 1
    assert [line.split(maxsplit=1) for line in ended.stdout.splitlines()] == [
        ["tp-absent", "draws the picture"],
        ["tp-network", "carries packets"],
    ]
    assert machine.calls.read_text() == ""


@pytest.mark.parametrize("cluster", ["kind", "current"])
def test_another_cluster_needs_nothing_of_the_embedded_one(machine: Machine, cluster: str) -> None:
    assert "tp-network" not in machine.run("--check", CLUSTER=cluster).stdout


@pytest.mark.parametrize(("checks", "needed"), [("", True), ("1", True), ("0", False)])
def test_what_only_checks_need_can_be_left_out(machine: Machine, checks: str, *, needed: bool) -> None:
    machine.table(WITH_CHECKS)
    said = machine.run("--check", CHECKS=checks).stdout
    assert ("tp-browser" in said) == needed
    assert "tp-absent" in said


def test_what_is_missing_is_installed_and_the_second_time_nothing_is_done(machine: Machine) -> None:
    first = machine.run()
    assert first.returncode == 0, first.stderr
    assert "tp-absent" in first.stderr
    assert "draws the picture" in first.stderr
    calls = machine.calls.read_text()
    assert "install --no-install-recommends tp-absent tp-network\n" in calls
    assert machine.run("--check").returncode == 0
    second = machine.run()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert machine.calls.read_text() == calls


def test_the_second_architecture_is_added_where_a_package_is_of_it(machine: Machine) -> None:
    machine.table("images | package tp-lib:arm64 | tp-lib:arm64 | links\n")
    machine.program("dpkg-query", f"test -e {machine.folder}/linked && printf installed")
    machine.program("apt-get", f'echo "apt-get $*" >> {machine.calls}; touch {machine.folder}/linked')
    assert machine.run().returncode == 0
    calls = machine.calls.read_text().splitlines()
    assert calls.index("dpkg --add-architecture arm64") < next(n for n, call in enumerate(calls) if "update" in call)


def test_without_root_it_says_what_root_would_run_and_what_else_there_is(machine: Machine) -> None:
    machine.program("id", "echo 1000")
    ended = machine.run()
    assert ended.returncode == 1
    assert "apt-get install --no-install-recommends tp-absent tp-network" in ended.stderr
    assert "CLUSTER=kind" in ended.stderr
    assert machine.calls.read_text() == ""


def test_a_failed_installation_shows_the_end_of_its_log(machine: Machine) -> None:
    machine.program("apt-get", "echo E: Unable to locate package; exit 100")
    ended = machine.run()
    assert ended.returncode == 1
    assert "E: Unable to locate package" in ended.stderr
    assert "failed" in ended.stderr


def test_an_installation_that_does_not_help_is_no_success(machine: Machine) -> None:
    machine.program("apt-get", "true")
    ended = machine.run()
    assert ended.returncode == 1
    assert "still missing" in ended.stderr


def test_an_older_program_counts_as_missing(machine: Machine) -> None:
    machine.table("always | newer tp-tool 1.85 | tp-tool | compiles\n")
    for version, missing in (("1.9.2", True), ("1.85.0", False), ("1.100.0", False), ("1.84.9", True)):
        machine.program("tp-tool", f'echo "tp-tool {version} (abc 2026-01-01)"')
        assert ("tp-tool" in machine.run("--check").stdout) == missing, version


def test_another_uv_and_an_old_go_count_as_missing(machine: Machine) -> None:
    machine.table("")
    machine.program("uv", "echo uv 0.0.1")
    machine.program("go", "echo go1.24.9")
    listed = machine.run("--check").stdout
    assert f"uv {UV_VERSION} (PyPI)" in listed
    assert "golang-go" not in listed, "Debian's is too old, and no longer what fetches a newer one"


def test_an_unknown_probe_is_a_mistake_of_the_table(machine: Machine) -> None:
    machine.table("always | sniff it | tp | why\n")
    assert "unknown probe sniff" in machine.run("--check").stderr


def test_the_environment_can_be_evaluated_and_puts_the_pinned_tools_first(machine: Machine) -> None:
    machine.program("uv", "echo uv 0.0.1")
    pinned = machine.folder / "my cache" / "tools" / f"uv-{UV_VERSION}" / "bin"
    pinned.mkdir(parents=True)
    shutil.copy(machine.programs / "tp-present", pinned / "uv")
    shown = machine.run("--env", TRADEPLANE_CACHE=str(machine.folder / "my cache"))
    assert shown.returncode == 0
    found = subprocess.run(
        ["bash", "-c", f"{shown.stdout}\ncommand -v uv"], capture_output=True, text=True, check=True, timeout=30
    )
    assert found.stdout.strip() == str(pinned / "uv")


def test_the_environment_has_the_python_of_the_system_or_the_one_that_is_asked_for(machine: Machine) -> None:
    """On Debian that is the oldest that is supported, whatever else is first on PATH."""
    machine.program("python3", "exit 1")
    assert "export UV_PYTHON=/usr/bin/python3\n" in machine.run("--env").stdout
    asked = machine.folder / "python of mine"
    shown = machine.run("--env", UV_PYTHON=str(asked)).stdout
    found = subprocess.run(
        ["bash", "-c", f'{shown}\necho "$UV_PYTHON"'], capture_output=True, text=True, check=True, timeout=30
    )
    assert found.stdout.strip() == str(asked)


@pytest.mark.parametrize("arguments", [["--wrong"], ["--chek"]])
def test_an_unknown_option_is_refused(machine: Machine, arguments: list[str]) -> None:
    ended = machine.run(*arguments)
    assert ended.returncode == 2
    assert "usage:" in ended.stderr


def test_the_real_table_is_well_formed() -> None:
    lines = [line for line in (SOURCE / "requirements.table").read_text().splitlines() if line and line[0] != "#"]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    assert all(len(row) == 4 and all(row) for row in rows)
    assert {row[0] for row in rows} == {"always", "checks", "images", "embedded"}
    assert {row[1].split()[0] for row in rows} <= {"program", "file", "package", "newer", "builder", "python"}
