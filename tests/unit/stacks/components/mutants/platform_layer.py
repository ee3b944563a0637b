"""How ConfigMaps of a layer could be others than are mounted."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = (
    "../../../integration/stacks/test_rendered_layers.py",
    "../../../integration/stacks/test_overlays_by_platform.py",
)

MUTANTS: tuple[Weakening, ...] = (
    ("made if self.rolls else", "made if True else", 0),
    ("made if self.rolls else", "made if False else", 0),
    ("{file}={self.name}/{file}", "{self.name}/{file}", 0),
)
