"""How a platform could be weakened where its objects are made."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("../../../integration/stacks/test_rendered_platform.py",)

MUTANTS: tuple[Weakening, ...] = (
    (", **TAKES_BACK}}", "}}", 0),
    ("depends_on=[*after]", "depends_on=[]", 0),
    ('protect=self._config.protected and one["kind"] in PROTECTED', "protect=False", 0),
    ("*secrets(config), ", "", 0),
    ("create=rollout, ", "", 0),
    (", update=rollout", "", 0),
    ('f"system:serviceaccount:{SYSTEM}:{OPERATOR}"', 'f"system:serviceaccounts:{SYSTEM}"', 0),
)
