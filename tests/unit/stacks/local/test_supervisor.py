"""The supervisor: what runs is left alone, what does not is started, and failures tell why."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.local import processes
from tradeplane_stacks.local.component import Component, Placement
from tradeplane_stacks.local.errors import ComponentError
from tradeplane_stacks.local.layout import Layout
from tradeplane_stacks.local.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Answers:
    """A probe that says what it is told to."""

    said: list[str | None] = field(default_factory=lambda: [None])

    def ask(self) -> str | None:
        return self.said.pop(0) if len(self.said) > 1 else self.said[0]


@pytest.fixture
def reports() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, reports: list[str]) -> Iterator[Supervisor]:
    made = Supervisor(Layout(tmp_path), reports.append, silence_seconds=0.2)
    yield made
    for name in made.recorded():
        made.stop(name, 5)


def _component(*said: str | None, argv: tuple[str, ...] = ("/bin/sleep", "60"), limit: float = 5.0) -> Component:
    return Component("c", argv, Answers(list(said) or [None]), start_limit=limit, stop_limit=5)


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_component_is_started_once(supervisor: Supervisor) -> None:
    component = _component()
    assert supervisor.start([component]) == ["c"]
    first = supervisor.record("c")
    assert supervisor.start([component]) == []
    assert supervisor.record("c") == first
    supervisor.wait([component])


def test_component_that_died_is_started_again(supervisor: Supervisor) -> None:
    component = _component()
    supervisor.start([component])
    first = supervisor.record("c")
    assert first is not None
    _kill(first.pid)
    assert supervisor.status(component).detail == "died"
    assert supervisor.start([component]) == ["c"]
    assert supervisor.status(component).healthy


def test_changed_configuration_restarts(supervisor: Supervisor, reports: list[str]) -> None:
    supervisor.start([_component()])
    changed = _component(argv=("/bin/sleep", "61"))
    assert not supervisor.status(changed).healthy
    assert supervisor.start([changed]) == ["c"]
    assert supervisor.status(changed).healthy
    assert reports == ["restarting c: its configuration changed"]


def test_component_that_runs_but_does_not_work_is_restarted(supervisor: Supervisor, reports: list[str]) -> None:
    dumb = _component("no answer", limit=0.0)
    supervisor.start([dumb])
    first = supervisor.record("c")
    assert first is not None
    deadline = time.monotonic() + 60
    while processes.uptime_seconds(first) == 0 and time.monotonic() < deadline:
        pass
    assert supervisor.start([dumb]) == ["c"]
    assert reports == ["restarting c: it runs but does not work (no answer)"]


def test_waiting_ends_when_the_probe_is_answered(supervisor: Supervisor) -> None:
    component = _component("not yet", "not yet", None)
    supervisor.start([component])
    supervisor.wait([component])


def test_component_that_ends_at_once_is_named_with_its_log(supervisor: Supervisor) -> None:
    broken = _component("no", argv=("/bin/sh", "-c", "echo address already in use; exit 3"))
    supervisor.start([broken])
    with pytest.raises(ComponentError, match=r"c ended right after(.|\n)*address already in use(.|\n)*What to do"):
        supervisor.wait([broken])


def test_component_that_is_late_is_named_with_what_it_said(supervisor: Supervisor) -> None:
    late = _component("still loading", limit=0.2)
    supervisor.start([late])
    with pytest.raises(ComponentError, match=r"c was not ready after 0 s \(still loading\)"):
        supervisor.wait([late])


def test_log_end_is_short_whatever_was_logged(supervisor: Supervisor) -> None:
    log = supervisor.log_path("c")
    log.parent.mkdir(parents=True)
    log.write_bytes(b"\xff\xfe old\n" * 10_000 + b"last line\n")
    assert len(supervisor.log_end("c").splitlines()) == 20
    assert supervisor.log_end("c", 1) == "last line"
    assert supervisor.log_end("none") == "(no log)"


def test_stopped_component_is_forgotten(supervisor: Supervisor) -> None:
    component = _component()
    supervisor.start([component])
    supervisor.stop("c", 5)
    assert supervisor.recorded() == []
    assert supervisor.status(component).detail == "stopped"
    supervisor.stop("c", 5)


def test_stray_of_an_interrupted_start_is_ended_first(supervisor: Supervisor, tmp_path: Path) -> None:
    procs = tmp_path / "cgroup.procs"
    stray = processes.launch(("/bin/sleep", "60"), {}, tmp_path / "log", "f")
    procs.write_text(f"{stray.pid}\n", encoding="ascii")
    component = dataclasses.replace(_component(), placement=Placement(cgroup_files=(procs,)))
    supervisor.start([component])
    assert not processes.is_alive(stray)


def test_children_meant_to_outlive_their_parent_are_spared(supervisor: Supervisor, tmp_path: Path) -> None:
    procs = tmp_path / "cgroup.procs"
    shim = processes.launch(("/bin/sleep", "60"), {}, tmp_path / "log", "f")
    procs.write_text(f"{shim.pid}\n", encoding="ascii")
    placement = Placement(cgroup_files=(procs,))
    runtime = dataclasses.replace(_component(argv=("/bin/cat",)), placement=placement, leaves_children=True)
    supervisor.start([runtime])
    assert processes.is_alive(shim)
    processes.stop(shim, 5)
