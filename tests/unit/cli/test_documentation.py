"""What the README and docs/cli.md say about the command is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from tradeplane_api.strategy import Strategy
from tradeplane_cli.failures import EXIT_CODES

from tests.unit.cli.command_tree import NO_DOCUMENT, every_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

ROOT = Path(__file__).parents[3]
PAGES = ("README.md", "docs/cli.md", "docs/index.md")
GROUPS = {command[0] for command in every_command() if len(command) > 1}
SHARED = {"--output", "--debug", "--help", "--store"}


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", read(page), re.DOTALL | re.MULTILINE)


def commands(page: str) -> list[list[str]]:
    """Return the words of each call of tradeplane in a page's shell blocks."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    calls = [re.split(r"[>|)]", line[line.index("tradeplane ") :])[0] for line in lines if "tradeplane " in line]
    return [shlex.split(call, comments=True) for call in calls]


def command_path(words: list[str]) -> tuple[str, ...]:
    return tuple(words[1:3]) if words[1] in GROUPS else (words[1],)


@pytest.mark.parametrize("page", ["README.md", "docs/cli.md"])
def test_commands_in_the_documentation_exist_with_their_options(page: str, tradeplane: Command) -> None:
    calls = commands(page)
    assert calls
    helped = {path: tradeplane(*path, "--help") for path in {tuple(command_path(words)) for words in calls}}
    for words in calls:
        ended = helped[tuple(command_path(words))]
        assert ended.code == 0, words
        for option in (word for word in words if word.startswith("-")):
            assert re.search(rf"(^|[ ,]){re.escape(option)}\b", ended.out, re.MULTILINE), (words, option)


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_every_option_is_documented(command: tuple[str, ...], tradeplane: Command) -> None:
    printed = tradeplane(*command, "--help").out.partition("Options:")[2].partition("Examples:")[0]
    options = set(re.findall(r"(?:^| )(--[a-z][a-z-]+)", printed)) - SHARED
    (section,) = re.findall(
        rf"^## tradeplane {' '.join(command)}\n(.*?)(?=^## |\Z)", read("docs/cli.md"), re.DOTALL | re.MULTILINE
    )
    assert [option for option in sorted(options) if f"`{option}" not in section and f" {option}" not in section] == []


def test_every_exit_code_is_documented() -> None:
    page = read("docs/cli.md")
    assert all(re.search(rf"^\| {int(code)} \|", page, re.MULTILINE) for code in EXIT_CODES)


def test_commands_without_json_are_named_where_it_is_said_of_all() -> None:
    (shared,) = re.findall(r"^`-o`, `--output`\n(.*?)^`--store`", read("docs/cli.md"), re.DOTALL | re.MULTILINE)
    assert [command for command in NO_DOCUMENT if f"`{' '.join(command)}`" not in shared] == []


def test_the_readme_leads_to_the_fields_of_every_kind() -> None:
    pages = sorted(page.name for page in (ROOT / "docs/reference").glob("*.md"))
    assert pages
    assert [page for page in pages if f"(docs/reference/{page})" not in read("README.md")] == []


def test_the_first_strategy_of_the_readme_runs(tradeplane: Command, tmp_path: Path) -> None:
    (first,) = blocks("README.md", "yaml")
    Strategy.model_validate(yaml.safe_load(first))
    (tmp_path / "strategy.yaml").write_text(first)
    (tmp_path / "snapshot.yaml").write_text(tradeplane("snapshot", "import", "arch:sp500", "-o", "yaml").out)
    ended = tradeplane("run", "-f", "strategy.yaml", "-f", "snapshot.yaml")
    assert ended.code == 0, ended.err
    assert "Result digest" in ended.out


@pytest.mark.parametrize("page", PAGES)
def test_pages_hold_lines_within_reach(page: str) -> None:
    long = [line for line in read(page).splitlines() if len(line) > 140 and not line.startswith("|")]
    assert long == []


def test_the_site_asks_no_other_host_for_assets() -> None:
    settings = yaml.safe_load(read("mkdocs.yml"))
    assert settings["theme"]["font"] is False
    assert settings.pop("site_url").startswith("https://")  # its own address, of which nothing is loaded
    assert "http" not in yaml.safe_dump(settings)
