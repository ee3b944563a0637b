"""A strategy of a user's own, as its page shows it: a package as an installer leaves it, run by the command.

Programs of their own, because what is installed is found as a program starts.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.conftest import STRATEGY

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

_PAGE = Path(__file__).parents[3] / "docs" / "engine.md"
LIMIT_KIB = 6 * 2**20
"""More address space than the command needs. What is taken of it here is not written to, and so is no memory."""
_IMPORTS = "import numpy as np\nfrom pydantic import BaseModel, Field\n\n\n"


def _shown(language: str) -> str:
    """Return the block in a language that the page has of a strategy of one's own."""
    own = _PAGE.read_text(encoding="utf-8").partition("### Your own\n")[2].partition("\n## ")[0]
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", own, re.DOTALL | re.MULTILINE)
    return str(block)


def _install(folder: Path, distribution: str, code: str) -> Path:
    """Put a package and what is recorded of it where programs find it; return the folder."""
    declared = tomllib.loads(_shown("toml"))["project"]["entry-points"]
    (folder / "my_package.py").write_text(_IMPORTS + code, encoding="utf-8")
    recorded = folder / f"{distribution}-1.0.dist-info"
    recorded.mkdir()
    (recorded / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    groups = ((group, points.items()) for group, points in declared.items())
    lines = [f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in points) for group, points in groups]
    (recorded / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder


def _tradeplane(
    arguments: tuple[str, ...], folder: Path, installed: tuple[Path, ...], kibibytes: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Call the command in a folder that has its store, with packages in other folders installed.

    ``kibibytes``: as a shell does that lets it have no more address space.
    """
    limit = ("sh", "-c", f'ulimit -v {kibibytes}; exec "$@"', "sh") if kibibytes is not None else ()
    path = os.pathsep.join([*map(str, installed), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [*limit, str(Path(sys.executable).with_name("tradeplane")), *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "TRADEPLANE_STORE_URL": (folder / "store").as_uri()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a store, a Snapshot of a few bars in it, and a Strategy ``coin`` on that."""
    folder = tmp_path_factory.mktemp("asked")
    (folder / "store").mkdir()
    days = "".join(f"2020-01-{day:02},{day},{day + 2},{day - 1},{day + 1},10\n" for day in range(2, 30))
    (folder / "bars.csv").write_text(f"Date,Open,High,Low,Close,Volume\n{days}")
    imported = _tradeplane(("snapshot", "import", "bars.csv", "-o", "yaml"), folder, ())
    assert imported.returncode == 0, imported.stderr
    (folder / "snapshot.yaml").write_text(imported.stdout)
    parameters = re.compile(r"    parameters:\n( {6}.*\n)+")
    (folder / "coin.yaml").write_text(parameters.sub("", STRATEGY.replace("name: sma-cross", "name: coin")))
    return folder


@pytest.fixture
def run(asked: Path) -> Run:
    """Run the Strategy with packages in these folders installed."""
    return lambda *installed: _tradeplane(
        ("run", "-f", "coin.yaml", "-f", "snapshot.yaml", "-o", "json"), asked, installed
    )


def test_what_the_page_shows_is_found_runs_and_gives_the_same_again(
    run: Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    installed = _install(tmp_path_factory.mktemp("site"), "coins", _shown("python"))
    first, again = run(installed), run(installed)
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout) == json.loads(again.stdout)
    assert json.loads(first.stdout)["summary"]["trades"] > 0


def test_one_that_takes_all_memory_is_named_where_the_shell_sets_a_limit(
    asked: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    takes = "taken = []\n        while True:\n            taken.append(bytes(2**28))\n        "
    greedy = _shown("python").replace("tossed = ", f"{takes}tossed = ")
    installed = _install(tmp_path_factory.mktemp("site"), "coins", greedy)
    arguments = ("run", "-f", "coin.yaml", "-f", "snapshot.yaml", "-o", "json")
    before = _tradeplane(("results", "list"), asked, ()).stdout
    ended = _tradeplane(arguments, asked, (installed,), kibibytes=LIMIT_KIB)
    assert ended.returncode == 2, ended.stderr
    assert "strategy 'coin' failed in targets() with MemoryError; mend the strategy" in ended.stderr
    assert _tradeplane(("results", "list"), asked, ()).stdout == before


def test_what_is_not_installed_is_refused_with_where_it_would_be_found(run: Run) -> None:
    refused = run()
    assert refused.returncode == 2
    (problem,) = json.loads(refused.stderr)["error"]["problems"]
    assert problem["field"] == "spec.algorithm.name"
    assert "install a package with an entry point of that name in the group tradeplane.strategies" in refused.stderr


def test_one_for_another_api_is_refused_by_its_package(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    older = _shown("python").replace('api_version = "v1"', 'api_version = "v0"')
    refused = run(_install(tmp_path_factory.mktemp("site"), "coins", older))
    assert refused.returncode == 2
    assert "(my_package:Coin of coins) was written for strategy API 'v0', and this is 'v1'" in refused.stderr


def test_of_two_packages_that_claim_a_name_neither_is_run(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    both = [_install(tmp_path_factory.mktemp("site"), name, _shown("python")) for name in ("coins", "dice")]
    refused = run(*both)
    assert refused.returncode == 2
    assert "'coin' is claimed by coins, dice; uninstall all but one" in refused.stderr
