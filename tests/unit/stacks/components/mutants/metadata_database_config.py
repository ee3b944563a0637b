"""How the checks of a MetadataDatabase's configuration could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_metadata_database.py",)

MUTANTS: tuple[Weakening, ...] = (
    ("(-[a-z0-9]+)*$", "(-*[a-z0-9]+)*$", 0),
    ("max_length=40", "max_length=400", 0),
    ("[a-z][a-z0-9_]{0,62}$", "[a-z][a-z0-9_-]{0,62}$", 0),
    ('Literal["15"]', "str", 0),
    ('r"^db\\.', 'r"', 0),
    ("ge=7, le=35", "ge=0, le=35", 0),
    ("ge=7, le=35", "ge=7, le=350", 0),
    ("backup_days: Annotated[int, Field(ge=7, le=35)] = 35", "backup_days: Annotated[int, Field(ge=7, le=35)] = 7", 0),
    ("Field(min_length=1)", "Field()", 0),
    ("log_days: RetentionDays", "log_days: int", 0),
    ("if self.backup_region == self.region", "if False", 0),
    ("        check_regions(", "        (lambda *_: None)(", 0),
    ("        check_account(", "        (lambda *_, **__: None)(", 0),
    ("        check_apart(", "        (lambda *_, **__: None)(", 0),
    ("(self.region,) if self.backup_region is None else (self.region, self.backup_region)", "(self.region,)", 0),
    ("if MASTER in self.users", "if False", 0),
    ("if self.most_storage_gib < self.storage_gib", "if False", 0),
    ("if len(self.subnet_ids) < 2", "if len(self.subnet_ids) < 1", 0),
    ("if not self.clients", "if False", 0),
)
