"""Mount namespaces that a file keeps, made in namespaces that were made on this processor and on that."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_MAKE = """\
import sys
from pathlib import Path
from tradeplane_stacks.local.errors import CommandError
from tradeplane_stacks.local.mount_namespaces import is_mounted, make_mount_namespace
kept = Path(sys.argv[1])
try:
    make_mount_namespace(kept, sys.argv[2])
except CommandError as error:
    print("refused", is_mounted(kept), error)
else:
    print("kept", is_mounted(kept))
"""
_SHOWN = """\
set -e
mount --bind "$0" "$0"
mount --make-private "$0"
touch "$0/kept"
"$@"
nsenter --mount="$0/kept" cat "$0/seen"
"""


def _made(folder: Path, processor: int, script: str) -> str:
    """Make a namespace within one that was made on a processor, and return what was said and what is seen within."""
    every = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    outer = ("taskset", "--cpu-list", str(processor), "unshare", "--mount", "--propagation", "private")
    inner = ("taskset", "--cpu-list", every, sys.executable, "-c", _MAKE, folder / "kept", script)
    done = subprocess.run(
        [*outer, "sh", "-c", _SHOWN, folder, *inner], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout


@pytest.mark.parametrize("processor", sorted(os.sched_getaffinity(0)))
def test_it_is_kept_on_whatever_processor_the_outer_one_was_made(tmp_path: Path, processor: int) -> None:
    (tmp_path / "seen").write_text("outside\n")
    (tmp_path / "instead").write_text("inside\n")
    said = _made(tmp_path, processor, f"mount --bind {tmp_path}/instead {tmp_path}/seen")
    assert said == "kept True\ninside\n"
    assert (tmp_path / "seen").read_text() == "outside\n"


def test_a_script_that_fails_is_told_and_leaves_nothing_mounted(tmp_path: Path) -> None:
    said = _made(tmp_path, min(os.sched_getaffinity(0)), f"mount --bind {tmp_path}/absent {tmp_path}/seen")
    assert said.startswith("refused False ")
    assert f"{tmp_path}/absent" in said
