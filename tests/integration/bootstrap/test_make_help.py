"""``make help`` tells of every target there is, and the targets that are documented are there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROMISED = ("bootstrap", "demo", "down", "fmt", "lint", "type", "test", "bench", "images", "clean", "help")


def _make(*targets: str) -> str:
    """Return what ``make`` says to a user, who does not start it from another ``make`` as the tests are."""
    alone = {name: value for name, value in os.environ.items() if name not in {"MAKELEVEL", "MAKEFLAGS", "MFLAGS"}}
    ended = subprocess.run(
        ["make", *targets], cwd=ROOT, env=alone, capture_output=True, text=True, check=True, timeout=60
    )
    return ended.stdout


def _explained() -> dict[str, str]:
    """Return what ``make help`` says of each target."""
    said = _make("help")
    lines = [line.split(maxsplit=2) for line in said.splitlines()]
    assert all(len(words) == 3 and words[0] == "make" for words in lines), said
    return {name: text for _, name, text in lines}


def test_every_target_is_explained() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    assert set(_explained()) == set(phony[1].split()) >= set(PROMISED)


def test_make_alone_is_make_help() -> None:
    assert len(_make().splitlines()) == len(_explained())


def test_what_pages_tell_people_to_make_is_a_target() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    told = {
        word for page in pages for word in re.findall(r"(?:^    |`)make ([a-z][a-z-]*)", page.read_text("utf-8"), re.M)
    }
    assert told
    assert told <= set(_explained())


@pytest.mark.parametrize(
    ("targets", "checks"),
    [
        (("demo",), "0"),
        (("demo", "down"), "0"),
        (("demo", "test"), None),
        (("test",), None),
        (("sync",), None),
        ((), None),
    ],
)
def test_who_only_looks_at_the_demo_needs_no_browser(targets: tuple[str, ...], checks: str | None) -> None:
    """What make exports is what it would do, of whose recipes nothing is run here."""
    would_do, _, variables = _make("--print-data-base", "--dry-run", *targets).partition("# Make data base")
    assert re.findall(r"^CHECKS \??= (.*)$", variables, re.MULTILINE) == ([checks] if checks else [])
    assert ("--compile-bytecode" in would_do) == (checks is None and bool(targets))
