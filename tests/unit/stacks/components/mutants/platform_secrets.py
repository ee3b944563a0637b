"""How what is secret could be shown, or be given to somebody else."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("../../../integration/stacks/test_rendered_layers.py", "test_platform_in_regions.py")

MUTANTS: tuple[Weakening, ...] = (
    (
        "pulumi.Output.secret(pulumi.Output.all(**files).apply(_encoded))",
        "pulumi.Output.all(**files).apply(_encoded)",
        0,
    ),
    ('"tradeplane-signing-key", {"key.pem": evidence', '"tradeplane-ledger-signing", {"key.pem": evidence', 0),
    ('"tradeplane-ledger-signing", {"key.pem": ledger', '"tradeplane-signing-key", {"key.pem": ledger', 0),
    (', "kubernetes.io/dockerconfigjson")', ")", 0),
    ('{"ca.crt": ledger.database.ca}', "{}", 0),
    (', "ca.crt": ca}', "}", 0),
    ('"ca.crt": tls.client_ca', '"ca.crt": tls.certificate', 0),
    ("tls.key.get_secret_value()", "tls.certificate", 0),
    ("yield from _of_ledger(config.ledger)", "pass", 0),
    ("yield from _of_evidence(config.evidence)", "pass", 0),
)
