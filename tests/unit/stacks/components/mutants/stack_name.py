"""How the reading of a stack's name could be weakened: two environments would have the same names."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_tags.py", "../programs/test_component_names.py")

MUTANTS: tuple[Weakening, ...] = (
    ("_ENVIRONMENT.fullmatch(", "_ENVIRONMENT.match(", 0),
    ("[a-z][a-z0-9-]{0,19}", "[A-Za-z][a-z0-9-]{0,19}", 0),
    ("[a-z][a-z0-9-]{0,19}", "[a-z][a-z0-9-]*", 0),
    ("known(self.region)", "str(self.region)", 0),
    ("tradeplane-{self.environment}-{key", "tradeplane-{key", 0),
)
