"""How the checks of where a component is, and who administers it, could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_snapshot_store_config.py",)

MUTANTS: tuple[Weakening, ...] = (
    (
        "administrator_roles: Annotated[tuple[RoleArn, ...], Field(min_length=1)]",
        "administrator_roles: tuple[RoleArn, ...]",
        0,
    ),
    ("ge=14", "ge=7", 0),
    ("if len(set(regions)) != len(regions)", "if False", 0),
    ("if len(found) > 1", "if False", 0),
    ("if unknown := found - set(_DNS_SUFFIX)", "if unknown := set()", 0),
    ('| {arn.split(":")[1] for arn in arns}', "", 0),
    ("enumerate(placement.administrator_roles)} | others", "enumerate(placement.administrator_roles)}", 0),
    ('if arn.split(":")[4] != placement.account', "if False", 0),
    ("dict.fromkeys(placement.administrator_roles, ", "dict.fromkeys((), ", 0),
    ("if arn in seen", "if False", 0),
    ("        seen[arn] = field\n", "", 0),
)
