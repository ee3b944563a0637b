"""Progress is for a person at a terminal; a pipe gets none of it, and NO_COLOR is kept."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

SCRIPT = "from tradeplane_cli.progress import bar\nwith bar('Reading', 3) as advance:\n    advance()\n"
COLOUR = "\x1b[3"


def seen_in_terminal(command: list[str], **environment: str) -> tuple[str, bytes]:
    """Return what a program writes to standard error when that is a terminal, and what to standard output."""
    master, slave = pty.openpty()
    variables = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    ended = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=slave,
        env=variables | {"TERM": "xterm-256color"} | environment,
        check=True,
        timeout=60,
    )
    os.close(slave)
    written = b""
    try:
        while chunk := os.read(master, 65_536):
            written += chunk
    except OSError:  # the terminal's other side is closed, which is how reading one ends
        pass
    finally:
        os.close(master)
    return written.decode(), ended.stdout


def run_in_terminal(**environment: str) -> str:
    """Return what the script writes to a terminal."""
    return seen_in_terminal([sys.executable, "-c", SCRIPT], **environment)[0]


def test_a_terminal_sees_the_steps() -> None:
    written = run_in_terminal()
    assert "Reading" in written
    assert "1/3" in written


def test_no_color_is_kept() -> None:
    assert COLOUR in run_in_terminal()
    assert COLOUR not in run_in_terminal(NO_COLOR="1")


def test_a_dumb_terminal_and_a_pipe_see_nothing() -> None:
    assert run_in_terminal(TERM="dumb") == ""
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True, timeout=60)
    assert ended.stderr == b""


def test_a_command_shows_it_on_a_terminal_alone_and_what_it_prints_stays_clean(tmp_path: Path) -> None:
    days = "".join(f"2020-01-{day:02},{day},{day + 2},{day - 1},{day + 1},10\n" for day in range(2, 30))
    (tmp_path / "bars.csv").write_text(f"Date,Open,High,Low,Close,Volume\n{days}")
    (tmp_path / "store").mkdir()
    command = [str(Path(sys.executable).with_name("tradeplane")), "snapshot", "import", str(tmp_path / "bars.csv")]
    command += ["-o", "json", "--store", (tmp_path / "store").as_uri()]
    on_terminal, printed = seen_in_terminal(command)
    assert "Reading" in on_terminal
    assert "Writing the snapshot" in on_terminal
    piped = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert piped.stderr == b""
    assert piped.stdout == printed
    assert printed.startswith(b"{")
