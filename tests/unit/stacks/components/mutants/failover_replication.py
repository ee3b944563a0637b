"""How the check that a service's parts are in each of its regions could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_failover.py",)

MUTANTS: tuple[Weakening, ...] = (
    ("*self._missing(config, key), ", "", 0),
    (", *self._of_others(config, key)", "", 0),
    ('            "signing_key.replica_regions": self.signing_key.regions,\n', "", 0),
    ('            "snapshot_store.regions": self.snapshot_store.regions,\n', "", 0),
    ('            "artifact_registry.regions": self.artifact_registry.regions,\n', "", 0),
    ("if region not in regions]", "if False]", 0),
    ("if account != config.account", "if False", 0),
    ("if role != config.operator_role", "if False", 0),
    ('("signing_key", "snapshot_store", "artifact_registry"):\n', '("snapshot_store", "artifact_registry"):\n', 0),
    ('("signing_key", "snapshot_store", "artifact_registry"):\n', '("signing_key", "artifact_registry"):\n', 0),
    ('("signing_key", "snapshot_store", "artifact_registry"):\n', '("signing_key", "snapshot_store"):\n', 0),
)
