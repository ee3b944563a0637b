"""Progress is for a person at a terminal; a pipe gets none of it, and NO_COLOR is kept."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

SCRIPT = "from tradeplane_cli.progress import bar\nwith bar('Reading', 3) as advance:\n    advance()\n"
COLOUR = "\x1b[3"


def run_in_terminal(**environment: str) -> str:
    """Return what the script writes to standard error when that is a terminal."""
    master, slave = pty.openpty()
    variables = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    subprocess.run(
        [sys.executable, "-c", SCRIPT],
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
    return written.decode()


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
