"""Tables of mutants say what the components say: a weakening of words that are gone would weaken nothing."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.util import find_spec
from pathlib import Path

import pytest
import tradeplane_stacks.components as components

import tests.unit.stacks.components.mutants as tables
from tests.unit.stacks.components.mutants.__main__ import weakened

TABLES = sorted(module.name for module in pkgutil.iter_modules(tables.__path__) if module.name != "__main__")


def test_every_module_of_components_has_a_table() -> None:
    assert sorted(module.name for module in pkgutil.iter_modules(components.__path__)) == TABLES
    for name in TABLES:
        assert importlib.import_module(f"{tables.__name__}.{name}").MUTANTS, name


@pytest.mark.parametrize("name", TABLES)
def test_every_weakening_is_of_what_is_there(name: str) -> None:
    table = importlib.import_module(f"{tables.__name__}.{name}")
    spec = find_spec(f"tradeplane_stacks.components.{name}")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text(encoding="utf-8")
    for weakening in table.MUTANTS:
        assert weakened(source, weakening) != source
