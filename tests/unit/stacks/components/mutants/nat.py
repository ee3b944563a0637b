"""How the way out of a network could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_region_network.py",)

MUTANTS: tuple[Weakening, ...] = (
    ('if kind == "none":', 'if kind == "all":', 0),
    ("map_public_ip_on_launch=False", "map_public_ip_on_launch=True", 0),
    ("nat_gateway_id=gateways.get(zone, gateways[zones[0]]).id", "gateway_id='igw'", 0),
    ("gateways.get(zone, gateways[zones[0]]).id", "gateways[zones[0]].id", 0),
    ('if kind == "per-zone" else list(tables)[:1]', "if True else []", 0),
    ("route_table_id=table.id,\n                region", "route_table_id='other',\n                region", 0),
    ("cidr_block=cidr", 'cidr_block="10.16.0.0/16"', 0),
    ("self.subnets.append(subnet)", "pass", 0),
    ("region=self._region,\n", "\n", 0),
)
