"""A Postgres for tests: Debian's, a cluster of its own in a temporary folder, reached by a socket in it.

Postgres refuses to run as root. Where the tests do, it runs as the user that Debian's package makes; elsewhere as who
runs the tests.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "postgres"
_STARTED_WITHIN_S = 60
_LIMIT_S = 120


def _programs() -> Path:
    """Return where Debian has the programs of the newest Postgres."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    assert found, "Postgres is not installed; run make bootstrap"
    return found[-1].parent


def _owner() -> pwd.struct_passwd | None:
    """Return whom Postgres runs as, where that is somebody else."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(USER)
    except KeyError as error:
        raise AssertionError(
            f"there is no user {USER}, and Postgres does not run as root: install Debian's package postgresql "
            "(make bootstrap), or run the tests as another user"
        ) from error


class Postgres:
    """A server on a socket; its only superuser is ``postgres``, and whoever reaches the socket is believed."""

    def __init__(self, folder: Path, options: str) -> None:
        self.folder = folder
        self._options = f"-c listen_addresses='' -c unix_socket_directories={folder} {options}"

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run a program of Postgres, as its user."""
        owner = _owner()
        return subprocess.run(
            [str(_programs() / program), *arguments],
            check=True,
            capture_output=True,
            timeout=_LIMIT_S,
            cwd="/",
            user=None if owner is None else owner.pw_uid,
            group=None if owner is None else owner.pw_gid,
            extra_groups=None if owner is None else (),
        )

    def start(self) -> None:
        """Start it, and wait until it answers. What a killed one left running may hold it up for a moment."""
        deadline = time.monotonic() + _STARTED_WITHIN_S
        command = ("-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-w", "-t", str(_STARTED_WITHIN_S))
        while True:
            try:
                self.run("pg_ctl", *command, "-o", self._options, "start")
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise AssertionError((self.folder / "log").read_text(errors="replace")[-4_000:]) from None
                time.sleep(0.1)
            else:
                return

    def restart(self, options: str) -> None:
        """Stop it, and start it with more options."""
        self.stop()
        self._options = f"{self._options} {options}"
        self.start()

    def own(self, *files: Path) -> None:
        """Give files to whom it runs as, who alone reads them."""
        folder = self.folder.stat()
        for file in files:
            os.chown(file, folder.st_uid, folder.st_gid)
            file.chmod(0o600)

    def kill(self) -> None:
        """Kill it as a machine that is short of memory would: nothing is written, and nobody is told."""
        os.kill(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def stop(self) -> None:
        """Stop it without waiting for anybody."""
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def create(self, database: str, *options: str) -> str:
        """Make a database, by the options of createdb, and return its URL."""
        self.run("createdb", "-h", str(self.folder), "-U", USER, *options, database)
        return self.url(database)

    def url(self, database: str, user: str = USER) -> str:
        """Return the URL of a database."""
        return f"postgresql://{user}@/{database}?host={self.folder}"


@contextmanager
def postgres(options: str = "-c fsync=off") -> Iterator[Postgres]:
    """Run a server. Without ``fsync`` it survives its own end, and not that of the machine: enough but for timing."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a socket's path may be 107 bytes long
    owner = _owner()
    if owner is not None:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    server = Postgres(folder, options)
    try:
        initial = ("--auth=trust", f"--username={USER}", "--encoding=UTF8", "--locale=C", "--no-sync")
        server.run("initdb", "-D", str(folder / "data"), *initial)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
