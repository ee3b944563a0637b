"""Tests of stacks are written for published plugins: the stand-in for that of AWS is known where it is started."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
OF_THE_STAND_IN = "tests.integration.stacks.providers"
STARTED_BY = TESTS / "integration" / "stacks" / "conftest.py"
ABOUT_IT = TESTS / "integration" / "stacks" / "test_stand_ins.py"
SAID_BY_IT = "this stand-in"
"""In each refusal that is the stand-in's own, and that a published plugin or AWS does not say."""


def known_of_it(source: str) -> list[str]:
    """Return what a module knows of the stand-in: modules of it that are imported or named, and what it alone says."""
    found: list[str] = []
    if "providers" not in source and SAID_BY_IT not in source:
        return found
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            named = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            named = [f"{node.module}.{one.name}" for one in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            named = [node.value]
        else:
            continue
        found += [one for one in named if OF_THE_STAND_IN in one or SAID_BY_IT in one]
    return found


def modules() -> list[Path]:
    own = {STARTED_BY, ABOUT_IT, Path(__file__), *(TESTS / "integration" / "stacks" / "providers").glob("*.py")}
    return [one for one in sorted(TESTS.rglob("*.py")) if one not in own]


def test_no_test_of_stacks_knows_the_stand_in() -> None:
    assert STARTED_BY.with_name("test_environment.py") in modules()
    known = {one.relative_to(TESTS): known_of_it(one.read_text(encoding="utf-8")) for one in modules()}
    assert {name: found for name, found in known.items() if found} == {}, "ask the cloud, or the stack's state, instead"


def test_it_is_started_where_the_published_plugin_is_not_found_and_nowhere_else() -> None:
    (started,) = known_of_it(STARTED_BY.read_text(encoding="utf-8"))
    assert "serve()" in started
    assert known_of_it(ABOUT_IT.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "source",
    [
        "from tests.integration.stacks.providers.aws_types import TYPES",
        "from tests.integration.stacks import providers",
        "import tests.integration.stacks.providers.frame as frame",
        "def test() -> None:\n    from tests.integration.stacks.providers import aws",
        "importlib.import_module('tests.integration.stacks.providers.aws')",
        "assert 'tags is not implemented by this stand-in' in error['message']",
        "assert f'{name} is not changed by this stand-in' == error['message']",
    ],
)
def test_what_is_known_of_it_is_found(source: str) -> None:
    assert len(known_of_it(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from tests.integration.stacks.cloud import Cloud",
        "from pulumi import providers",
        "assert 'ExpiredTokenException' in error['message']",
        "monkeypatch.delenv('PULUMI_DEBUG_PROVIDERS', raising=False)",
    ],
)
def test_what_a_published_plugin_has_as_well_is_none_of_it(source: str) -> None:
    assert known_of_it(source) == []
