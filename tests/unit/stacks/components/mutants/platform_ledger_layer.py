"""How the recorder could be given more than it needs, or be told something else."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = (
    "../../../integration/stacks/test_rendered_layers.py",
    "../../../integration/stacks/test_overlays_by_platform.py",
)

MUTANTS: tuple[Weakening, ...] = (
    ("if ledger.database_port != _POSTGRES", "if False", 0),
    ('components.append("ledger-audit")', "pass", 0),
    ("if ledger.audit is not None", "if True", 0),
    ('components.append("ledger-heads")', "pass", 0),
    ("if audit.node_port is not None", "if False", 0),
    ("made.append(_settings(ledger.heads))", "pass", 0),
    ("str(heads.every_seconds)", '"3600"', 0),
    ('"subPath": "tradeplane-system/ledger-heads"', '"subPath": ""', 0),
    ("if heads.signer != HEADS_KEY_FILE", "if False", 0),
    ('"volumeMounts": [{"mountPath": "/etc/tradeplane-ledger-signing", **gone}],\n', "", 0),
    ('"value": heads.region', '"value": "us-east-1"', 0),
    ("if ledger.role is not None", "if False", 0),
    ("rolls=True", "rolls=False", 0),
)
