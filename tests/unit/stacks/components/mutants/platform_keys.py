"""How what is taken for a key could be weakened."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = (
    "test_platform_config.py",
    "test_platform_trust.py",
    "test_platform_ledger.py",
)

MUTANTS: tuple[Weakening, ...] = (
    ('raise ValueError("is no private key in PEM without a passphrase") from None', "return None", 0),
    ("not isinstance(found, ec.EllipticCurvePrivateKey) or ", "", 0),
    ("or found.curve.name != _CURVE", "or False", 0),
    ("and found.curve.name == _CURVE", "", 0),
    ('raise ValueError("is to be a key of the curve P-256, or of Ed25519")', "return key", 0),
    ('raise ValueError("has no certificate in PEM") from None', "return chain", 0),
    ("_loaded(key)\n    return key", "return key", 0),
)
