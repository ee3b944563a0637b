"""Stacks: how long a preview and the components' own tests take, and how many weakenings of components these notice."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tests.bench.records import Record

PARTS = {
    "unit_tests": "stacks.unit_s",
    "preview": "stacks.preview_s",
    "mutants": "stacks.mutants_killed_fraction",
}
"""Modules, and the record each measures. None is a coroutine: Pulumi's SDK has event loops of its own."""


def records(names: Collection[str] = ()) -> Iterator[Record]:
    """Measure the records whose names begin with one of those asked for, or all where none is."""
    for module, name in PARTS.items():
        if name.startswith(tuple(names) or ("stacks",)):
            yield importlib.import_module(f"{__name__}.{module}").measure()
