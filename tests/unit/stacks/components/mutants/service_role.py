"""How roles that services take on could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_region_network.py", "test_region_cluster.py")

MUTANTS: tuple[Weakening, ...] = (
    ("principal=service_principal(service)", 'principal={"AWS": "*"}', 0),
    (", condition=condition", "", 0),
    ("policy/{policy}", "policy/AdministratorAccess", 0),
    ("role=role.id", 'role="other"', 0),
    ("ServiceRole(role.arn, role.id, attached)", "ServiceRole(role.arn, role.id, ())", 0),
)
