"""Programs that the demo builds before they are needed, in a process that ends with the stages beside it.

What compiles is a stand-in for Go, which takes minutes for these programs: it does what a test asks.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tradeplane_stacks.demo.ahead import built_ahead
from tradeplane_stacks.local.binaries import COSIGN, PULUMI, PULUMI_KUBERNETES, Binaries, Program

from tests.awaiting import until

GO = "go1.26.8"
TO_THE_TARGET = f"""\
#!/bin/sh
[ "$1" = env ] && echo {GO} && exit
[ "$1" = build ] || exit 0
while [ "$1" != -o ]; do shift; done
"""


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the stand-in for Go has to be; caches are empty, and there are no other programs but the shell's."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setenv("TRADEPLANE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "go"


def put(program: Path, text: str) -> None:
    program.write_text(text)
    program.chmod(0o755)


def built(go: Path, program: Program) -> Path:
    return Binaries(go.parent / "cache").path(program, GO)


def runs(process: int) -> bool:
    """Whether a process is there, and more than an exit code that nobody has asked for."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_programs_are_built_meanwhile_and_no_others(go: Path) -> None:
    put(go, TO_THE_TARGET + 'echo program > "$2"\n')
    said: list[str] = []
    with built_ahead((PULUMI, COSIGN), said.append):
        until(lambda: built(go, PULUMI).exists() and built(go, COSIGN).exists(), "both are built")
    assert said == ["built meanwhile for later stages: pulumi, cosign"]
    assert not built(go, PULUMI_KUBERNETES).exists()


def test_what_is_not_done_is_ended_with_all_that_it_started_and_leaves_nothing(go: Path) -> None:
    at, processes = go.parent / "at", list[int]()
    put(go, f"{TO_THE_TARGET}sleep 600 &\necho $$ $! > {at}.new && mv {at}.new {at}\nwait\n")

    def interrupted() -> None:
        until(at.exists, "it compiles")
        processes.extend(map(int, at.read_text().split()))
        assert all(map(runs, processes))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), built_ahead((PULUMI,), lambda _: None):
        interrupted()
    until(lambda: not any(map(runs, processes)), "the compiler and what it started are gone")
    assert list((go.parent / "cache" / "programs").glob("fresh-*")) == []


def test_one_that_is_in_hand_is_waited_for_and_not_built_again(go: Path) -> None:
    may, builds = go.parent / "may", go.parent / "builds"
    put(go, f'{TO_THE_TARGET}echo building >> {builds}\nuntil [ -e {may} ]; do sleep 0.1; done\necho > "$2"\n')
    with built_ahead((COSIGN,), lambda _: None):
        until(builds.exists, "it compiles")
        may.touch()
        said: list[str] = []
        assert Binaries(go.parent / "cache").build((COSIGN,), said.append)[COSIGN].exists()
        assert said == [], "who waited built nothing"
    assert builds.read_text() == "building\n"
