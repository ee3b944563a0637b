"""A network namespace of its own, which has loopback and nothing else, with a registry in it: no way leads out."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_stacks.local.binaries import REGISTRY

from tests.integration.evidence.conftest import program

if TYPE_CHECKING:
    from collections.abc import Iterator

_WITHIN_S = 30
_LISTENS = "0A"
"""State of a socket in /proc/net/tcp."""
_AS = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
"""Who is not root is root of a user namespace, in which the other one is."""


@dataclass(frozen=True)
class CutOff:
    """A namespace, by a process that is in it."""

    process: int

    @property
    def entered(self) -> tuple[str, ...]:
        """What is put before a command, so that it runs there."""
        return ("nsenter", "--target", str(self.process), "--net", *_AS, "--")

    def interfaces(self) -> set[str]:
        """Return the names of the interfaces that there are: by the kernel, whatever a program there says."""
        lines = Path(f"/proc/{self.process}/net/dev").read_text().splitlines()[2:]
        return {line.partition(":")[0].strip() for line in lines}

    def listens(self, port: int) -> bool:
        """Whether a port of it is listened at."""
        lines = [line.split() for line in Path(f"/proc/{self.process}/net/tcp").read_text().splitlines()[1:]]
        return any(line[1].endswith(f":{port:04X}") and line[3] == _LISTENS for line in lines)

    def run(self, *command: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
        """Run a command there, by no proxy; how it ended is for the test to say."""
        return subprocess.run(
            [*self.entered, *map(str, command)],
            capture_output=True,
            check=False,
            text=True,
            env={"HOME": str(home), "PATH": os.environ["PATH"]},
            timeout=_WITHIN_S,
            cwd=home,
        )

    def tradeplane(self, *arguments: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
        """Run our command there."""
        return self.run(sys.executable, "-m", "tradeplane_cli", *arguments, home=home)


@contextmanager
def cut_off(host: str, kept: Path, log: Path) -> Iterator[CutOff]:
    """Serve what a registry was given, from its folder, to a namespace alone."""
    port = host.rpartition(":")[2]
    serves = f'ip link set lo up && exec "{program(REGISTRY)}" serve --addr 127.0.0.1 --port {port} --store-type dir'
    command = ["unshare", "--net", *(("--map-root-user",) if _AS else ()), "sh", "-c", f'{serves} --dir "{kept}"']
    with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            found = CutOff(process.pid)
            _await(found, int(port), process, log)
            yield found
        finally:
            process.terminate()
            process.wait(timeout=_WITHIN_S)


def _await(found: CutOff, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while not found.listens(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"nothing listens at port {port} of the namespace: {log.read_text()[-2000:]}")
        time.sleep(0.02)
