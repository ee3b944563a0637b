"""How a change could be of another object than it is for."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = (
    "../../../integration/stacks/test_rendered_layers.py",
    "../../../integration/stacks/test_rendered_platform.py",
)

MUTANTS: tuple[Weakening, ...] = (
    ('"eks.amazonaws.com/role-arn"', '"eks.amazonaws.com/role"', 0),
    ('"name": document["metadata"]["name"]', '"name": ".*"', 0),
    ('{"target": {"kind": kind, "name": name}, "patch"', '{"target": {"kind": kind}, "patch"', 0),
    ('step("replace", "/metadata/name", to)', 'step("replace", "/metadata/name", name)', 0),
)
