"""How the check that a platform's regions have what it is made by could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_platform_in_regions.py",)

MUTANTS: tuple[Weakening, ...] = (
    ('self.replicated.check(config, "platform")', "pass", 0),
    ("*self._leading(config), ", "", 0),
    (", *self._recording(config)", "", 0),
    ("config.of_region(self._told(region, Ledger() if config.ledger is not None else None))", "pass", 0),
    ("Ledger() if config.ledger is not None else None", "None", 0),
    ("region not in self.failover.regions", "False", 0),
    ("if config.ledger is not None:", "if False:", 0),
    ("(config.operator_role, self.replicated.snapshot_store.runner_role)", "(config.operator_role,)", 0),
    (
        "(config.operator_role, self.replicated.snapshot_store.runner_role)",
        "(self.replicated.snapshot_store.runner_role,)",
        0,
    ),
)
