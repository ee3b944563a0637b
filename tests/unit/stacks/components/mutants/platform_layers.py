"""How what is laid over the operator could be weakened."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = (
    "../../../integration/stacks/test_rendered_layers.py",
    "../../../integration/stacks/test_rendered_platform.py",
)

MUTANTS: tuple[Weakening, ...] = (
    ("{443, 6443}", "set()", 0),
    ("{443, 6443}", "{443, 5000, 6443}", 0),
    ('"file-store-removal") if config.store.removal', '"file-store-removal") if True', 0),
    ('if config.store.credentials == "secret" else ()', "", 0),
    ('("evidence",) if config.evidence is not None else ()', "()", 0),
    ('("evidence",) if config.evidence is not None else ()', '("evidence",)', 0),
    ("config.evidence is not None and config.evidence.keyless", "config.evidence is not None", 0),
    ("config.evidence is not None and config.evidence.keyless", "False", 0),
    ("yield _image_trust(config.images.attested)", "pass", 0),
    ("yield _approvals(config.approvals)", "pass", 0),
    ("yield _snapshot_keys(config.evidence.snapshots)", "pass", 0),
    ("yield ledger_layer(config.ledger)", "pass", 0),
    ("yield _queues(config.queues)", "pass", 0),
    ("if trust.keys is None", "if True", 0),
    ("if approvals.keys is None", "if True", 0),
    ("if snapshots.keys is None", "if True", 0),
    ("if text is None", "if True", 0),
    ("{*ports} - _OPEN_PORTS", "{*ports}", 0),
    ("asked += [(registry, trust.plain_http) for registry in config.image_registries]", "pass", 0),
    ("80 if plain_http else 443", "443", 0),
    ("if queues.worker else []", "if True else []", 0),
    ('"nominalQuota": queues.cpu', '"nominalQuota": "999"', 0),
    ('"nominalQuota": queues.memory', '"nominalQuota": "999Gi"', 0),
    ("list(queues.workers)", "[]", 0),
    ("if queues.workers:", "if True:", 0),
    ("if one_of_several and name == _LEADER_RULES else", "if False else", 0),
    ("if one_of_several and name == _LEADER_RULES else", "if name == _LEADER_RULES else", 0),
    ('"labels": dict(monitoring.labels)', '"labels": {}', 0),
    ('f"{monitoring.interval_seconds}s"', '"30s"', 0),
    ("if config.pod_identity else", "if True else", 0),
    ("if config.pod_identity else", "if False else", 0),
    ('if config.serves == "cluster" else', "if True else", 0),
)
