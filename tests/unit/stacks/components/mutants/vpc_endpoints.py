"""How endpoints of services could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_region_network.py",)

MUTANTS: tuple[Weakening, ...] = (
    (
        '    "kms",\n    "logs",\n    "secretsmanager",\n    "sts",\n)',
        '    "logs",\n    "secretsmanager",\n    "sts",\n)',
        0,
    ),
    (", condition=account)", ")", 0),
    ('f"{_PREFIX.get(service, service)}:*"', '"*"', 0),
    (
        '{"aws:PrincipalAccount": config.account, "aws:ResourceAccount": config.account}',
        '{"aws:PrincipalAccount": config.account}',
        0,
    ),
    (
        '{"aws:PrincipalAccount": config.account, "aws:ResourceAccount": config.account}',
        '{"aws:ResourceAccount": config.account}',
        0,
    ),
    ('{"StringEquals": account}', "None", 0),
    ('["s3:GetObject"]', '["s3:*"]', 0),
    ("prod-{config.region}-starport-layer-bucket/*", "*", 0),
    ("from_port=443", "from_port=0", 0),
    ("to_port=443", "to_port=65535", 0),
    ('ip_protocol="tcp"', 'ip_protocol="-1"', 0),
    ("cidr_ipv4=cidr", 'cidr_ipv4="0.0.0.0/0"', 0),
    (
        'description="Endpoints of AWS services",',
        'description="Endpoints of AWS services", egress=[{"protocol": "-1", "fromPort": 0, "toPort": 0}],',
        0,
    ),
    ("private_dns_enabled=True", "private_dns_enabled=False", 0),
    ("security_group_ids=[self._group.id],\n", "\n", 0),
    ("policy=document(*own_buckets(self._config)),\n", "\n", 0),
    ("policy=document(own_account(service, self._config)),\n", "\n", 0),
    ('"Gateway"', '"Interface"', 0),
    ("subnet_ids=subnets", "subnet_ids=subnets[:1]", 0),
    ("route_table_ids=route_tables", "route_table_ids=route_tables[:1]", 0),
    ("region=config.region,\n            opts=child", "opts=child", 0),
    ("region=config.region,\n            opts=child", "opts=child", 1),
    ("region=self._config.region,\n            opts", "opts", 0),
    ("region=self._config.region,\n            opts", "opts", 1),
)
