"""How the login of the recorder could be weakened, or be given to others."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_platform_in_regions.py",)

MUTANTS: tuple[Weakening, ...] = (
    ("user: DatabaseName", "user: str", 0),
    ("ca: Certificates", "ca: str", 0),
    ("if database is None:", "if False:", 0),
    ("if database.region not in regions:", "if False:", 0),
    ("if database.account != account:", "if False:", 0),
    ("if role is None:", "if False:", 0),
    ("elif role in others:", "elif False:", 0),
    ("sslmode=verify-full", "sslmode=require", 0),
    ("&sslrootcert={quote(CA_FILE)}", "", 0),
    ("&{IAM_REGION}={database.region}", "", 0),
)
