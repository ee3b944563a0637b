"""How ConfigMaps of a layer could be others than are mounted."""

from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_platform_layer.py",)

MUTANTS: tuple[Weakening, ...] = (
    ("made if self.rolls else", "made if True else", 0),
    ("made if self.rolls else", "made if False else", 0),
    ("{file}={self.name}/{file}", "{self.name}/{file}", 0),
)
