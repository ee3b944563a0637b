"""How the checks of a SnapshotStore's configuration could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_snapshot_store_config.py",)

MUTANTS: tuple[Weakening, ...] = (
    ("{1,26}", "{1,40}", 0),
    ("[a-z0-9][a-z0-9-]", "[a-z0-9-][a-z0-9-]", 0),
    ("LEAST_DAYS_OF_A_TIER = 30", "LEAST_DAYS_OF_A_TIER = 1", 0),
    ("if self.glacier_instant_days <", "if 0 >", 0),
    ("ge=90", "ge=1", 0),
    ("        check_regions(", "        (lambda *_: None)(", 0),
    ("        check_account(", "        (lambda *_, **__: None)(", 0),
    ("        check_apart(", "        (lambda *_, **__: None)(", 0),
    ("check_account(self, **used, **readers)", "check_account(self, **used)", 0),
    ("check_apart(self, **used, **readers)", "check_apart(self, **used)", 0),
    ("if self.noncurrent_days < self.retention.in_days", "if False", 0),
    ("or self.retention.in_days", "or 1", 0),
    ("regions: Annotated[tuple[Region, ...], Field(min_length=1)]", "regions: tuple[Region, ...]", 0),
)
