"""How a platform of several regions could be weakened where it is put on what is beneath it."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_platform_in_regions.py",)

MUTANTS: tuple[Weakening, ...] = (
    ("required_tags(stack, config.ownership)", "{}", 0),
    ("{(SYSTEM, OPERATOR): self._config.operator_role}", "{(SYSTEM, OPERATOR): beneath.runner_role}", 0),
    ("(namespace.name, RUNNER): beneath.runner_role", "(namespace.name, RUNNER): self._config.operator_role", 0),
    ("(namespace.name, RUNNER)", '(namespace.name, "default")', 0),
    ("accounts[SYSTEM, RECORDER] = beneath.ledger_login.role", "pass", 0),
    ("accounts[SYSTEM, RECORDER] = beneath.ledger_login.role", "accounts[SYSTEM, RECORDER] = beneath.runner_role", 0),
    (", beside, there)", ", (), there)", 0),
    ("[ledger_login(login.url, ledger.ca)]", "[]", 0),
    ("ledger is None or login is None", "login is None", 0),
    ("disable_session_tags=False", "disable_session_tags=True", 0),
    ("                region=region,\n", "", 0),
    ("(parent=self, depends_on=[*self._after]),", "(parent=self),", 0),
    ("[*self._after, *identities]", "identities", 0),
    ("[*self._after, *identities]", "[*self._after]", 0),
    ("kubeconfig=beneath.kubeconfig", 'kubeconfig="of nobody"', 0),
    ("(parent=self, provider=provider)", "(parent=self)", 0),
)
