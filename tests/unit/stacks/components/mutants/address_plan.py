"""How the plan of addresses could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_address_plan.py", "test_region_network.py")

MUTANTS: tuple[Weakening, ...] = (
    ('"10.0.0.0/8", ', '"10.0.0.0/8", "100.64.0.0/10", ', 0),
    ('"10.0.0.0/8", ', '"0.0.0.0/0", ', 0),
    ("if not any(", "if False and not any(", 0),
    ("SMALLEST_PREFIX = 16, 20", "SMALLEST_PREFIX = 8, 20", 0),
    ("SMALLEST_PREFIX = 16, 20", "SMALLEST_PREFIX = 16, 28", 0),
    ("AfterValidator(private), AfterValidator(sized)", "AfterValidator(private)", 0),
    ("if region in seen:", "if False:", 0),
    ("if overlaps(cidr, taken):", "if cidr == taken:", 0),
    ("if overlaps(cidr, taken):", "if False:", 0),
    ("return IPv4Network(cidr).overlaps(IPv4Network(other))", "return cidr == other", 0),
    (
        "*quarters, last = IPv4Network(cidr).subnets(prefixlen_diff=2)",
        "*quarters, last = [*IPv4Network(cidr).subnets(prefixlen_diff=2)][:3] + [IPv4Network(cidr)]",
        0,
    ),
)
