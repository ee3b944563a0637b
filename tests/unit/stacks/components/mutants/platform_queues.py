"""How the queues of a platform could be of what cannot be."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_platform_queues.py",)

MUTANTS: tuple[Weakening, ...] = (
    ('r"^[1-9][0-9]{0,5}$"', 'r"^[0-9]+$"', 0),
    ('r"^[1-9][0-9]{0,5}$"', 'r"^[1-9].*$"', 0),
    ('r"^[1-9][0-9]{0,5}(Mi|Gi|Ti)$"', 'r"^[0-9]+(Mi|Gi|Ti)$"', 0),
    ('(Mi|Gi|Ti)$"', '(Mi|Gi|Ti)?$"', 0),
    ("tuple[KubernetesName, ...]", "tuple[str, ...]", 0),
    ("worker: bool = False", "worker: bool = True", 0),
    ("if self.worker and self.workers", "if False", 0),
    ("self.workers.count(name) > 1", "False", 0),
)
