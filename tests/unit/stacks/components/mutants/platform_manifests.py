"""How a platform could be weakened in what is laid over the manifests, which tests/unit/deploy tests as they are."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = (
    "../../../integration/stacks/test_rendered_platform.py",
    "../../../integration/stacks/test_rendered_layers.py",
)

MUTANTS: tuple[Weakening, ...] = (
    ("annotated(OPERATOR, SYSTEM, config.operator_role)", "annotated(RECORDER, SYSTEM, config.operator_role)", 0),
    ("yield annotated(OPERATOR, SYSTEM, config.operator_role)", "pass", 0),
    ('yield changed("Deployment", OPERATOR, selector)', "pass", 0),
    ('yield changed("Deployment", RECORDER, selector)', "pass", 0),
    ("if config.policies:", "if False:", 0),
    ('["all"] if {*config.policies} == {*POLICIES} else sorted(config.policies)', '["all"]', 0),
    ('["all"] if {*config.policies} == {*POLICIES} else sorted(config.policies)', '["tenancy"]', 0),
    ("list(config.image_registries)", "[]", 0),
    ("quotas/{namespace.quota}", "quotas/large", 0),
    ('if namespace.quota != "none"', "if False", 0),
    ("if isinstance(config.store, S3Store):\n        yield", "if True:\n        yield", 0),
    ("if namespace.brokers:", "if True:", 0),
    ("if namespace.queue:", "if True:", 0),
    ("annotated(RUNNER, None, namespace.runner_role)", 'annotated(RUNNER, None, "")', 0),
    (', "tradeplane.dev/runs": "guarded"', "", 0),
    ('"tradeplane.dev/tenant": namespace.tenant', '"tradeplane.dev/tenant": "shared"', 0),
    ("if namespace.verified_images else", "if False else", 0),
    ("if namespace.verified_images else", "if True else", 0),
    ('f"{directory}/{namespace.name}"', "directory", 0),
    ('step("replace", "/spec/claimRef/namespace", namespace),', "", 0),
    (
        "DeployedImages(config.images.operator, config.images.workloads)",
        "DeployedImages(config.images.workloads, config.images.workloads)",
        0,
    ),
    ('[f"../{DEPLOY}/crds", f"../{DEPLOY}/base"]', '[f"../{DEPLOY}/base"]', 0),
    ("if config.pod_identity:", "if True:", 0),
    ("if config.pod_identity:", "if False:", 0),
    ('if config.serves == "namespaces"', "if True", 0),
    ('if config.serves == "namespaces"', "if False", 0),
)
