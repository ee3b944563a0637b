"""For each module of components, a module of the same name that says how its security settings could be weakened.

Each has ``TESTS``, the files of tests one of which is to fail, and ``MUTANTS``.
"""

from typing import TypeAlias

Weakening: TypeAlias = tuple[str, str, int]
"""What the module's source says, what is said instead, and which occurrence of it, from 0."""

RENDERINGS = "TRADEPLANE_TEST_RENDERINGS"
"""Variable that names a folder of what kubectl has rendered already, for the many processes that render the same."""
