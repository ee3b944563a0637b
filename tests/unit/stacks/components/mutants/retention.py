"""How what is asked of a retention could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_retention.py",)

MUTANTS: tuple[Weakening, ...] = (
    ("DAYS_OF_A_YEAR = 365", "DAYS_OF_A_YEAR = 366", 0),
    ("ge=1, le=36_500", "ge=0, le=36_500", 0),
    ("ge=1, le=36_500", "ge=0, le=36_500", 1),
    ("if (self.days is None) == (self.years is None)", "if False", 0),
    ("if retention.in_days < self.minimum_days", "if False", 0),
    ("if retention.in_days < self.minimum_days", "if retention.in_days <= self.minimum_days", 0),
    ("if retention.in_days < self.minimum_days", "if retention.in_days < self.minimum_days - 1", 0),
    ("if retention.mode not in self.modes", "if False", 0),
    ('= ("COMPLIANCE",)', '= ("COMPLIANCE", "GOVERNANCE")', 0),
    ("modes: Annotated[tuple[Mode, ...], Field(min_length=1)]", "modes: tuple[Mode, ...]", 0),
)
