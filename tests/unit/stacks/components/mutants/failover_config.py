"""How the checks of which regions are one service, and who moves it, could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_failover.py",)

MUTANTS: tuple[Weakening, ...] = (
    ("        check_regions(self.all, ())\n", "", 0),
    ("        check_regions(self.regions, roles.values())\n", "", 0),
    ("if not any(set(self.all) <= allowed for allowed in REGION_SETS)", "if False", 0),
    (
        '    frozenset({"us-east-1", "us-east-2", "us-west-2"}),\n',
        '    frozenset({"us-east-1", "eu-west-1", "eu-west-3"}),\n',
        0,
    ),
    ("Field(min_length=2)", "Field(min_length=1)", 0),
    ("mover_roles: Annotated[tuple[RoleArn, ...], Field(min_length=1)]", "mover_roles: tuple[RoleArn, ...]", 0),
    ("mover_roles: Annotated[tuple[RoleArn, ...]", "mover_roles: Annotated[tuple[str, ...]", 0),
    ("ge=10", "ge=1", 0),
    ("le=300", "le=3000", 0),
    ('if arn.split(":")[4] != self.account', "if False", 0),
    ("        roles |= {", "        _ = {", 0),
    ("if self.operator_role in self.mover_roles", "if False", 0),
    ("if self.record.witness in self.regions", "if False", 0),
    ("if given != set(self.regions)", "if False", 0),
    ('for field in ("vpcs", "endpoints")', 'for field in ("vpcs",)', 0),
    ('for field in ("vpcs", "endpoints")', 'for field in ("endpoints",)', 0),
)
