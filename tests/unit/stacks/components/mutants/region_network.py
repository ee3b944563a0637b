"""How the network of a region could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_region_network.py",)

# As the engine takes a rule, by the names of the provider.
_RULE = {"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlock": "0.0.0.0/0", "action": "allow", "ruleNo": 1}

MUTANTS: tuple[Weakening, ...] = (
    ("enable_dns_support=True", "enable_dns_support=False", 0),
    ("enable_dns_hostnames=True", "enable_dns_hostnames=False", 0),
    (
        "ingress=[], egress=[], region",
        f"ingress=[{_RULE}], egress=[], region",
        0,
    ),
    (
        "ingress=[], egress=[], region",
        f"ingress=[], egress=[{_RULE}], region",
        0,
    ),
    (
        "ingress=[],\n            egress=[],",
        f"ingress=[{_RULE}],\n            egress=[],",
        0,
    ),
    (
        "ingress=[],\n            egress=[],",
        f"ingress=[],\n            egress=[{_RULE}],",
        0,
    ),
    ("routes=[],", "routes=[ec2.DefaultRouteTableRouteArgs(cidr_block='0.0.0.0/0', gateway_id='igw')],", 0),
    ("self._close_defaults(network)\n", "\n", 0),
    ('ignore_changes=["subnetIds"]', "ignore_changes=[]", 0),
    ("map_public_ip_on_launch=False", "map_public_ip_on_launch=True", 0),
    ('tags={"kubernetes.io/role/internal-elb": "1"}', 'tags={"kubernetes.io/role/elb": "1"}', 0),
    (
        'ec2.RouteTable(f"{name}-routes", ',
        'ec2.RouteTable(f"{name}-routes", routes=[ec2.RouteTableRouteArgs(cidr_block=ANYWHERE, gateway_id="igw")], ',
        0,
    ),
    ('_allow(900, ANYWHERE, "tcp", 1024, 65535)', '_allow(900, ANYWHERE, "-1", 0, 0)', 0),
    ('_allow(900, ANYWHERE, "tcp", 443, 443)', '_allow(900, ANYWHERE, "-1", 0, 0)', 0),
    ('_allow(900, ANYWHERE, "tcp", 443, 443)', '_allow(900, ANYWHERE, "tcp", 0, 65535)', 0),
    ("ours = [self._config.cidr, *self._config.reached_from]", 'ours = ["10.0.0.0/8"]', 0),
    ("[subnet.id for subnet in subnets],\n            ingress", "[],\n            ingress", 0),
    ("[*subnets.values(), *out.subnets]", "[*subnets.values()]", 0),
    (
        "self.flow_log_group = flow_logs(self._name, config, network, config.flow_log_retention_days, self)",
        "self.flow_log_group = network.id",
        0,
    ),
    ("config.flow_log_retention_days, self", "90, self", 0),
    ('nat: Nat = "none"', 'nat: Nat = "single"', 0),
    ("RetentionDays = 365", "RetentionDays = 90", 0),
    ("(*REQUIRED, *config.more_endpoints)", "config.more_endpoints", 0),
    ("refuse_foreign(self.region, self.zones)\n", "pass\n", 0),
    ("if overlaps(self.cidr, other):", "if False:", 0),
    ("cidr: RegionCidr", "cidr: str", 0),
    ("tuple[PrivateCidr, ...], Field(max_length=16)", "tuple[str, ...], Field(max_length=16)", 0),
    ("tuple[PrivateCidr, ...], Field(max_length=16)", "tuple[PrivateCidr, ...], Field(max_length=99)", 0),
    ("Field(min_length=3, max_length=3)", "Field(min_length=1, max_length=3)", 0),
    ("refuse_overlaps((network.region, network.cidr) for network in networks)", "pass", 0),
    ("config.refuse_stack_of_another_region(stack)\n", "pass\n", 0),
    ("required_tags(stack, config.ownership)", "{}", 0),
    ("region=config.region,\n            opts", "opts", 0),
    ("region=region,\n            opts=unplaced", "opts=unplaced", 0),
    ("region=self._config.region,\n            opts", "opts", 0),
)
