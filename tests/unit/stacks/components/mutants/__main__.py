"""Weaken each security setting of the components, one at a time, and see that a test of theirs fails.

``python -m tests.unit.stacks.components.mutants [module ...]``; apart from the unit tests, as it runs them once for
each weakening. Each runs in a fork of its own, with Pulumi loaded already and the component's module made anew from
weakened source.
"""

import argparse
import importlib
import os
import pkgutil
import sys
import tempfile
import types
from importlib.util import find_spec
from pathlib import Path

import pytest

import tests.unit.stacks.components.mutants as tables
from tests.unit.stacks.components.mutants import RENDERINGS, Weakening

TESTS_OF_COMPONENTS = Path(__file__).parents[1]


def weakened(source: str, weakening: Weakening) -> str:
    """Say something else at one place of a source; a place that is no longer there is an error, not a survivor."""
    said, instead, occurrence = weakening
    parts = source.split(said)
    if occurrence + 1 >= len(parts):
        raise LookupError(f"{said!r} is not there {occurrence + 1} times; bring the table of mutants up to date")
    return said.join(parts[: occurrence + 1]) + instead + said.join(parts[occurrence + 1 :])


def exit_code(module: str, tests: tuple[str, ...], weakening: Weakening) -> int:
    """Run a component's tests on a weakened module, in a process of its own, and return what pytest returns."""
    name = f"tradeplane_stacks.components.{module}"
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    code = compile(weakened(Path(spec.origin).read_text(), weakening), spec.origin, "exec")
    child = os.fork()
    if child == 0:
        try:
            made = types.ModuleType(name)
            sys.modules[name] = made
            exec(code, made.__dict__)  # noqa: S102 -- the component's own source
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            files = [str(TESTS_OF_COMPONENTS / file) for file in tests]
            os._exit(int(pytest.main([*files, "-x", "-q", "-p", "no:cacheprovider"])))
        finally:
            os._exit(70)  # it could not be loaded
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def judge(module: str) -> tuple[int, list[Weakening]]:
    """Return how many weakenings a module has, and those that its tests did not notice."""
    table = importlib.import_module(f"{tables.__name__}.{module}")
    # Anything that is there, said again: nothing is weakened.
    unchanged = (table.MUTANTS[0][0], table.MUTANTS[0][0], 0)
    if exit_code(module, table.TESTS, unchanged) != pytest.ExitCode.OK:
        raise AssertionError(f"the tests of {module} do not pass with nothing weakened, and would show nothing")
    # Anything but failed tests would be tests that could not run, which shows nothing.
    return len(table.MUTANTS), [
        weakening
        for weakening in table.MUTANTS
        if exit_code(module, table.TESTS, weakening) != pytest.ExitCode.TESTS_FAILED
    ]


def main(arguments: list[str]) -> int:
    """Print every weakening that no test noticed; 0 when there is none."""
    known = sorted(module.name for module in pkgutil.iter_modules(tables.__path__) if module.name != "__main__")
    parser = argparse.ArgumentParser(prog=f"python -m {tables.__name__}", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="module", help=f"of {', '.join(known)}; all where none is named")
    modules = parser.parse_args(arguments).modules or known
    if unknown := sorted(set(modules) - set(known)):
        parser.error(f"no table of mutants for {', '.join(unknown)}; there are {', '.join(known)}")
    importlib.import_module("pulumi_aws.kms")  # loaded once, for all forks
    # Weakenings are of what writes kustomizations, and not of what makes objects of them: the same files are the same.
    with tempfile.TemporaryDirectory(prefix="renderings-") as folder:
        os.environ[RENDERINGS] = folder
        return 1 if _told(modules) else 0


def _told(modules: list[str]) -> int:
    """Print how many weakenings of modules were noticed, and return how many were not."""
    survivors = 0
    for module in modules:
        count, unnoticed = judge(module)
        survivors += len(unnoticed)
        for said, instead, occurrence in unnoticed:
            print(f"survives: {module}: {said!r} ({occurrence + 1}) -> {instead!r}")
        print(f"{module}: {count - len(unnoticed)} of {count} weakenings noticed")
    return survivors


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
