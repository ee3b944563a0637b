"""How long logs are kept could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_region_network.py", "test_metadata_database.py")

MUTANTS: tuple[Weakening, ...] = (
    ("Literal[90,", "Literal[7, 30, 90,", 0),
    ("Literal[90", "Literal[30, 90", 0),
)
