"""What the demo builds before it is needed: what will be and is not there, and what becomes of a build that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.demo import ahead
from tradeplane_stacks.local.binaries import COSIGN, PULUMI, PULUMI_KUBERNETES, Binaries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ALL = (PULUMI, PULUMI_KUBERNETES, COSIGN)
GO = """\
#!/bin/sh
[ "$1" = env ] && echo go1.26.8 && exit
echo no space left
exit 1
"""
"""A stand-in for Go that says its version and builds nothing."""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with Go all of PATH beside the shell's own; the cache is empty, and Pulumi has no plugins."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/bin")
    monkeypatch.setenv("TRADEPLANE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "pulumi"))
    put(folder, "go", GO)
    return folder


def put(folder: Path, name: str, text: str = "#!/bin/sh\n") -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def test_what_will_be_needed_and_is_neither_installed_nor_built(path: Path, tmp_path: Path) -> None:
    assert ahead.to_build(evidence=True) == ALL
    assert ahead.to_build(evidence=False) == ALL[:2]
    for program in ALL[:2]:
        put(path, program.name)
    assert ahead.to_build(evidence=True) == (COSIGN,)
    there = Binaries(tmp_path / "cache").path(COSIGN, "go1.26.8")
    there.parent.mkdir(parents=True)
    there.touch()
    assert ahead.to_build(evidence=True) == ()


def test_without_go_nothing_is_built(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradeplane_stacks.local.go_toolchain.BY_HAND", path / "nowhere")
    (path / "go").unlink()
    assert ahead.to_build(evidence=True) == ()


def test_where_all_is_there_nothing_is_started_or_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(command: Sequence[str], **_: object) -> None:
        pytest.fail(f"{command} was started")

    monkeypatch.setattr("subprocess.Popen", started)
    with ahead.built_ahead((), pytest.fail):
        pass


@pytest.mark.usefixtures("path")
def test_a_build_that_fails_is_the_last_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.nice", lambda _: 0)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert ahead.main([PULUMI.name, COSIGN.name]) == 1
    said = capsys.readouterr().err
    assert "no space left" in said
    assert said.count("`go build`") == 1
