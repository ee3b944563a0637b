"""What a program that reads documents loads, seen from a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pydantic
import pytest
from tradeplane_api import conditions, execution, run, simulation, snapshot
from tradeplane_api.base import Document

if TYPE_CHECKING:
    from types import ModuleType

PROGRAM = """
import sys
from tradeplane_api.conditions import Condition, UNSEEN
assert Condition.model_validate(UNSEEN.model_dump()) == UNSEEN
print("importlib.metadata" in sys.modules)
"""


def loads_metadata(setting: str | None) -> bool:
    environment = {name: value for name, value in os.environ.items() if name != "PYDANTIC_DISABLE_PLUGINS"}
    if setting is not None:
        environment["PYDANTIC_DISABLE_PLUGINS"] = setting
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}\n{PROGRAM}"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout == "True\n"


@pytest.mark.parametrize("setting", ["__all__", "1", "true"])
def test_no_plugins_are_not_searched_for(setting: str) -> None:
    assert not loads_metadata(setting)


@pytest.mark.parametrize("setting", [None, "", "one-of-them"])
def test_plugins_are_searched_for_where_there_may_be_some(setting: str | None) -> None:
    assert loads_metadata(setting)


@pytest.mark.parametrize("module", [conditions, execution, run, simulation, snapshot], ids=lambda one: one.__name__)
def test_documents_that_a_run_reads_have_no_annotation_to_compile(module: ModuleType) -> None:
    documents = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Document)]
    own = [one for one in documents if one.__module__ == module.__name__]
    kinds = [kind for one in own for kind in vars(one).get("__annotations__", {}).values()]
    texts = [kind for kind in kinds if isinstance(kind, str)]
    assert own
    assert texts == []


def test_pydantic_asks_its_search_for_nothing_else() -> None:
    """A version of pydantic that wants more of it must be looked at before it is taken."""
    folder = Path(pydantic.__file__).parent
    uses = [re.findall(r"[\w.]*_loader\b.*", path.read_text(encoding="utf-8")) for path in folder.rglob("*.py")]
    assert [use for found in uses for use in found] == ["._loader import get_plugins"]
