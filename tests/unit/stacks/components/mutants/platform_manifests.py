"""How a platform could be weakened in what is laid over the manifests, which tests/unit/deploy tests as they are."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("../../../integration/stacks/test_rendered_platform.py",)

MUTANTS: tuple[Weakening, ...] = (
    ('"images": {"registries": list(config.image_registries)},\n', "", 0),
    ('"runs": config.limits.runs, ', "", 0),
    ('"runsPerNamespace": config.limits.runs_per_namespace', "", 0),
    ('"plainHttp": evidence.plain_http', '"plainHttp": True', 0),
    ('"required": evidence.required', '"required": False', 0),
    ('"signer": evidence.signer', '"signer": "file:/tmp/key.pem"', 0),
    ("if evidence.timestamp_authority is not None", "if False", 0),
    ('"credentialsSecret": "tradeplane-store"', '"credentialsSecret": "tradeplane-signing-key"', 0),
    ('if store.credentials == "secret" else {}', "", 0),
    ('elif config.store.credentials == "secret"', "else", 0),
    ("    if config.evidence is not None:\n        yield", "    if True:\n        yield", 0),
    ("(443, 6443)", "()", 0),
    ("(443, 6443)", "(443, 5000, 6443)", 0),
    ('yield _changes("NetworkPolicy", "tradeplane-operator-to-registry", "replace", path, port)', "pass", 0),
    ('yield _annotated("tradeplane-operator", SYSTEM, config.operator_role)', "pass", 0),
    (
        'yield _changes("Deployment", "tradeplane-operator", "add", "/spec/template/spec/nodeSelector", selector)',
        "pass",
        0,
    ),
    ('f"{below}/all"', 'f"{below}/tenancy"', 0),
    ("registries = list(config.image_registries)", "registries: list[str] = []", 0),
    ("quotas/{namespace.quota}", "quotas/large", 0),
    ('["s3-egress"] if in_network else []', '["s3-egress"]', 0),
    ('["broker-egress"] if namespace.brokers else []', '["broker-egress"]', 0),
    ('_annotated("tradeplane-runner", None, namespace.runner_role)', '_annotated("tradeplane-runner", None, "")', 0),
    (', "tradeplane.dev/runs": "guarded"', "", 0),
    ('"tradeplane.dev/tenant": namespace.tenant', '"tradeplane.dev/tenant": "shared"', 0),
    (
        "DeployedImages(config.images.operator, config.images.workloads)",
        "DeployedImages(config.images.workloads, config.images.workloads)",
        0,
    ),
    ('[f"{below}/crds", f"{below}/base"]', '[f"{below}/base"]', 0),
)
