"""How what the operator is told could be weakened."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = (
    "../../../integration/stacks/test_rendered_layers.py",
    "../../../integration/stacks/test_rendered_platform.py",
)

MUTANTS: tuple[Weakening, ...] = (
    ('"images": {"registries": list(config.image_registries)},\n', '"images": {},\n', 0),
    ('"runs": config.limits.runs, ', "", 0),
    ('"runsPerNamespace": config.limits.runs_per_namespace', "", 0),
    ('"plainHttp": evidence.plain_http', '"plainHttp": True', 0),
    ('"required": evidence.required', '"required": False', 0),
    ('"signer": evidence.signer', '"signer": "file:/tmp/key.pem"', 0),
    ("if evidence.timestamp_authority is not None", "if False", 0),
    ("if evidence.signatures_per_second is not None", "if False", 0),
    ("if evidence.snapshots is not None", "if False", 0),
    ("/etc/tradeplane-snapshot-keys/keyring.json", "/etc/tradeplane-trust/keyring.json", 0),
    ('"credentialsSecret": CLAIM', '"credentialsSecret": "tradeplane-signing-key"', 0),
    ('if store.credentials == "secret" else {}', "", 0),
    ("{} if store.checksum is None else ", "{} if True else ", 0),
    ("if config.images.attested is not None", "if False", 0),
    ("any(namespace.verified_images", "any(not namespace.verified_images", 0),
    ('"listed": listed', '"listed": True', 0),
    ('"listed": listed', '"listed": False', 0),
    ('"builders": list(trust.builders)', '"builders": []', 0),
    ('"plainHttp": trust.plain_http', '"plainHttp": True', 0),
    ('"validSeconds": trust.valid_seconds', '"validSeconds": 3600', 0),
    ("if config.approvals is not None", "if False", 0),
    ('"namespaces": list(rule.namespaces)', '"namespaces": []', 0),
    ('"approvers": rule.approvers', '"approvers": 1', 0),
    ("/etc/tradeplane-trust/keyring.json", "/etc/tradeplane-approvers/keyring.json", 0),
    ("/etc/tradeplane-approvers/keyring.json", "/etc/tradeplane-trust/keyring.json", 0),
    ("if config.failover is not None", "if False", 0),
    ('"validSeconds": region.valid_seconds', '"validSeconds": 30', 0),
    ('if config.serves == "namespaces"', "if False", 0),
    ('if config.serves == "namespaces"', "if True", 0),
)
