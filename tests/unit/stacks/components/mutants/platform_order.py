"""How the order of a platform could let an object be there before what holds it."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = (
    "test_platform_order.py",
    "../../../integration/stacks/test_rendered_platform.py",
)

MUTANTS: tuple[Weakening, ...] = (
    ('"CustomResourceDefinition": 0', '"CustomResourceDefinition": 1', 0),
    ('"Namespace": 0', '"Namespace": 1', 0),
    ('"RoleBinding": 2', '"RoleBinding": 1', 0),
    ('"ValidatingAdmissionPolicyBinding": 3', '"ValidatingAdmissionPolicyBinding": 2', 0),
    ('"Deployment": 4', '"Deployment": 1', 0),
    ('"Service": 4', '"Service": 3', 0),
    ("_THE_REST = 1", "_THE_REST = 4", 0),
    ('("CustomResourceDefinition", "Namespace")', '("CustomResourceDefinition",)', 0),
    ('("CustomResourceDefinition", "Namespace")', '("Namespace",)', 0),
)
