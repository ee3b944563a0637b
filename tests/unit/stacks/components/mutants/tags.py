"""How the tags that everything has could be weakened."""

from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_tags.py", "test_signing_key.py")

MUTANTS: tuple[Weakening, ...] = (
    ("{**(own or {}), **required}", "dict(own or {})", 0),
    ("if reserved:", "if False:", 0),
    ('    f"{PREFIX}data-classification": ownership.data_classification,\n', "", 0),
    ('    f"{PREFIX}owner": ownership.owner,\n', "", 0),
)
