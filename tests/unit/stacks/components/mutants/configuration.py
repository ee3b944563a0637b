"""How the form of all configurations could be weakened: what is misspelt would be no setting at all."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_signing_key.py",)

MUTANTS: tuple[Weakening, ...] = (
    ('extra="forbid"', 'extra="ignore"', 0),
    ('extra="forbid"', 'extra="allow"', 0),
)
