"""How who may be named could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_signing_key.py", "test_snapshot_store_config.py", "test_region_network.py")

MUTANTS: tuple[Weakening, ...] = (
    ('r"^[0-9]{12}$"', 'r"^.*$"', 0),
    ("{12}$", "{1,12}$", 0),
    ("role/[A-Za-z0-9+=,.@_/-]+$", "role/.+$", 0),
    (":role/[", ":(role/)?[", 0),
)
