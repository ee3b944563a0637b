"""How objects could be applied so that what somebody changed by hand stays."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("../../../integration/stacks/test_rendered_platform.py",)

MUTANTS: tuple[Weakening, ...] = (('{"pulumi.com/patchForce": "true"}', '{"pulumi.com/patchForce": "false"}', 0),)
