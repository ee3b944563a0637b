"""Starts components, sees whether they work, and stops them.

It holds no state of its own: what runs is read from process records each time, so any later command, after a crash of
this one or a reboot, finds the cluster as it is. ``up`` mends what is missing or out of date and leaves the rest alone.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_stacks.local import processes
from tradeplane_stacks.local.errors import ComponentError
from tradeplane_stacks.local.processes import ProcessRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_stacks.local.binaries import Report
    from tradeplane_stacks.local.component import Component
    from tradeplane_stacks.local.layout import Layout

_POLL_SECONDS = 0.1
_LOG_LINES = 20
_LOG_TAIL_BYTES = 16_384


@dataclasses.dataclass(frozen=True)
class ComponentStatus:
    """What one component is doing."""

    name: str
    healthy: bool
    detail: str
    pid: int | None = None
    uptime_seconds: float | None = None


@dataclasses.dataclass(frozen=True)
class Supervisor:
    """Processes of one cluster."""

    layout: Layout
    report: Report
    silence_seconds: float = 5.0
    """How long a component that runs may leave its probe unanswered before it is started anew."""

    def record_path(self, name: str) -> Path:
        """Where the process of a component is recorded."""
        return self.layout.run / "processes" / f"{name}.json"

    def log_path(self, name: str) -> Path:
        """Where a component's output goes."""
        return self.layout.logs / f"{name}.log"

    def recorded(self) -> list[str]:
        """Names of all components that were started and not stopped, whether they run or not."""
        return sorted(path.stem for path in (self.layout.run / "processes").glob("*.json"))

    def record(self, name: str) -> ProcessRecord | None:
        """Return the record of a component that runs; None when it does not."""
        record = ProcessRecord.read(self.record_path(name))
        return record if record is not None and processes.is_alive(record) else None

    def start(self, components: Sequence[Component]) -> list[str]:
        """Start what does not run, start again what runs out of date; return the names of what was started."""
        started = []
        for component in components:
            wanted = component.fingerprint()
            running = self.record(component.name)
            if running is not None:
                fault = self._fault(component, running)
                if fault is None:
                    continue
                self.report(f"restarting {component.name}: {fault}")
                self.stop(component.name, component.stop_limit)
            self._end_strays(component)
            self._bury(component.name)
            record = processes.launch(
                component.command_line(), component.environment, self.log_path(component.name), wanted
            )
            record = dataclasses.replace(record, stop_signal=component.stop_signal)
            record.write(self.record_path(component.name))
            started.append(component.name)
        return started

    def wait(self, components: Sequence[Component]) -> None:
        """Wait until every component answers, each within its own limit from now.

        Raises:
            ComponentError: when one ends or does not answer in time, with the end of its log.

        """
        begun = time.monotonic()
        for component in components:
            said = self._look(component)
            while said is not None:
                if self.record(component.name) is None:
                    raise self._failure(component, "ended right after it was started")
                if time.monotonic() - begun > component.start_limit:
                    raise self._failure(component, f"was not ready after {component.start_limit:.0f} s ({said})")
                time.sleep(_POLL_SECONDS)
                said = self._look(component)

    def status(self, component: Component) -> ComponentStatus:
        """Look at one component now."""
        record = self.record(component.name)
        if record is None:
            known = ProcessRecord.read(self.record_path(component.name))
            return ComponentStatus(component.name, healthy=False, detail="stopped" if known is None else "died")
        uptime = processes.uptime_seconds(record)
        if record.fingerprint != component.fingerprint():
            return ComponentStatus(component.name, False, "runs with an older configuration", record.pid, uptime)
        said = component.probe.ask()
        return ComponentStatus(component.name, said is None, said or "ok", record.pid, uptime)

    def stop(self, name: str, limit_seconds: float) -> None:
        """Stop a component, if it runs, and forget it."""
        path = self.record_path(name)
        record = ProcessRecord.read(path)
        if record is not None and processes.stop(record, limit_seconds):
            self.report(f"{name} did not end within {limit_seconds:.0f} s and was killed")
        path.unlink(missing_ok=True)

    def log_end(self, name: str, lines: int = _LOG_LINES) -> str:
        """Return the last lines of a component's log."""
        try:
            with self.log_path(name).open("rb") as log:
                log.seek(0, 2)
                log.seek(max(0, log.tell() - _LOG_TAIL_BYTES))
                text = log.read().decode(errors="replace")
        except FileNotFoundError:
            return "(no log)"
        return "\n".join(text.splitlines()[-lines:]) or "(empty log)"

    def _fault(self, component: Component, running: ProcessRecord) -> str | None:
        """Say why a process that runs must be started anew; None when it need not be."""
        if running.fingerprint != component.fingerprint():
            return "its configuration changed"
        if processes.uptime_seconds(running) < component.start_limit:
            return None  # it may still be starting
        begun = time.monotonic()
        while (said := component.probe.ask()) is not None:
            if time.monotonic() - begun > self.silence_seconds:
                return f"it runs but does not work ({said})"
            time.sleep(_POLL_SECONDS)
        return None

    def _bury(self, name: str) -> None:
        """Collect one that ended as a child of ours: until then others take its id for that of one that runs."""
        ended = ProcessRecord.read(self.record_path(name))
        if ended is not None:
            processes.reap(ended.pid)

    def _end_strays(self, component: Component) -> None:
        """End what an interrupted start left in the component's cgroup without a record of it."""
        strays = [pid for pid in component.placement.processes() if processes.start_ticks(pid) is not None]
        if component.leaves_children:
            own = Path(component.argv[0]).name
            strays = [pid for pid in strays if processes.program_name(pid) == own]
        if strays:
            self.report(f"ending processes that an interrupted start left behind: {component.name} {strays}")
            processes.stop_all(strays, component.stop_limit)

    def _look(self, component: Component) -> str | None:
        if self.record(component.name) is None:
            return "it does not run"
        return component.probe.ask()

    def _failure(self, component: Component, what: str) -> ComponentError:
        return ComponentError(
            f"{component.name} {what}.\n"
            f"--- end of {self.log_path(component.name)}\n{self.log_end(component.name)}\n---\n"
            "What to do: read the lines above and run the same command again, it goes on from here. If that does not "
            "help, `python -m tradeplane_stacks.local down` and then `up` start every process anew and keep the data."
        )
