"""The command called in this process, with a store and files of the test's own."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import tradeplane_cli.main
import typer.main
from tradeplane_cli.main import application, main

from tests.unit.cli.sample_results import walk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STRATEGY = """\
apiVersion: tradeplane.dev/v1alpha1
kind: Strategy
metadata:
  name: cross
spec:
  algorithm:
    name: sma-cross
    parameters:
      fast: 3
      slow: 8
  snapshotRef:
    name: bars
  capital: "100000"
  costs:
    slippageBasisPoints: "2"
"""


@dataclass(frozen=True)
class Ended:
    """How a call of the command ended."""

    code: int
    out: str
    err: str


@functools.cache
def _commands(program: str) -> Callable[..., object]:
    """Make the tree of commands once: a process of the command's own has to, and its tests call it a thousand times."""
    return typer.main.get_command(application(program))


@pytest.fixture
def tradeplane(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Call the command as a shell would; its store is ``tmp_path/store`` unless the arguments say otherwise."""
    (tmp_path / "store").mkdir()
    monkeypatch.setenv("TRADEPLANE_STORE_URL", (tmp_path / "store").as_uri())
    monkeypatch.delenv("TRADEPLANE_DEBUG", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tradeplane_cli.main, "application", _commands)

    def call(*arguments: str, program: str = "/usr/bin/tradeplane") -> Ended:
        monkeypatch.setattr(sys, "argv", [program, *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        code: Any = ended.value.code
        return Ended(int(code or 0), printed.out, printed.err)

    return call


@pytest.fixture
def files(tmp_path: Path, tradeplane: Callable[..., Ended]) -> tuple[str, str]:
    """Paths of a Strategy and of the Snapshot it refers to, its bars imported into the store."""
    rows = [
        f"{2020 + day // 336}-{day // 28 % 12 + 1:02}-{day % 28 + 1:02},{price},{price},{price},{price},1000"
        for day, price in enumerate(tick / 10_000 for tick in walk(400, 7))
    ]
    (tmp_path / "bars.csv").write_text("Date,Open,High,Low,Close,Volume\n" + "\n".join(rows) + "\n")
    imported = tradeplane("snapshot", "import", "bars.csv", "-o", "yaml")
    assert imported.code == 0, imported.err
    (tmp_path / "snapshot.yaml").write_text(imported.out)
    (tmp_path / "strategy.yaml").write_text(STRATEGY)
    return str(tmp_path / "strategy.yaml"), str(tmp_path / "snapshot.yaml")
