"""How the checks of an ArtifactRegistry's configuration could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_artifact_registry.py",)

MUTANTS: tuple[Weakening, ...] = (
    ("min_length=2, ", "", 0),
    ("max_length=60", "max_length=600", 0),
    ('r"^[a-z0-9]+', 'r"^[A-Za-z0-9]+', 0),
    (":repository/{self.results}/*", ":repository/*", 0),
    ("        check_regions(", "        (lambda *_: None)(", 0),
    ("        check_account(", "        (lambda *_, **__: None)(", 0),
    ("        check_apart(", "        (lambda *_, **__: None)(", 0),
    (
        "check_apart(self, operator_role=self.operator_role, **others)",
        "check_apart(self, operator_role=self.operator_role)",
        0,
    ),
    ("self.operator_role, *others.values()]", "self.operator_role]", 0),
    ("if len(set(self.images)) != len(self.images)", "if False", 0),
    ('f"{image}/".startswith(f"{self.results}/") or ', "", 0),
    (' or self.results.startswith(f"{image}/")', "", 0),
    ("publisher_roles: Annotated[tuple[RoleArn, ...], Field(min_length=1)]", "publisher_roles: tuple[RoleArn, ...]", 0),
    ("node_roles: Annotated[tuple[RoleArn, ...], Field(min_length=1)]", "node_roles: tuple[RoleArn, ...]", 0),
    ('Literal["BASIC", "ENHANCED"]', 'Literal["NONE", "BASIC", "ENHANCED"]', 0),
)
