"""How monitoring could be told what Kubernetes would refuse half-way."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_platform_monitoring.py",)

MUTANTS: tuple[Weakening, ...] = (
    ('r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"', 'r"^.*$"', 0),
    ('[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"', '[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$"', 0),
    ('r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$"', 'r"^.*$"', 0),
    ('r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$"', 'r"^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$"', 0),
    ("max_length=16", "max_length=160", 0),
    ("Field(ge=5, le=120)", "Field(le=120)", 0),
    ("Field(ge=5, le=120)", "Field(ge=5)", 0),
)
