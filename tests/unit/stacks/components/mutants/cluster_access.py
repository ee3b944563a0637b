"""How access to a cluster could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_region_cluster.py",)

MUTANTS: tuple[Weakening, ...] = (
    ('"edit": "AmazonEKSEditPolicy"', '"edit": "AmazonEKSClusterAdminPolicy"', 0),
    ('"view": "AmazonEKSViewPolicy"', '"view": "AmazonEKSAdminPolicy"', 0),
    ('if self.policy == "cluster-admin" and self.namespaces:', "if False:", 0),
    ('if self.policy in ("admin", "edit") and', 'if self.policy in ("admin",) and', 0),
    ('if self.policy in ("admin", "edit") and', 'if self.policy in ("edit",) and', 0),
    ("if len(set(roles)) != len(roles):", "if False:", 0),
    ("if not any(one.policy", "if False and not any(one.policy", 0),
    ("if len(set(accounts)) != len(accounts):", "if False:", 0),
    ("if one.namespaces\n", "if False\n", 0),
    ("namespaces=list(one.namespaces)", "namespaces=[]", 0),
    ("principal_arn=one.role,\n            type", 'principal_arn="other",\n            type', 0),
    ("principal_arn=one.role,\n            policy_arn", 'principal_arn="other",\n            policy_arn', 0),
    ('type="STANDARD",', 'type="STANDARD", kubernetes_groups=["system:masters"],', 0),
    ("depends_on=[entry]", "depends_on=[]", 0),
    ("role_arn=one.role", 'role_arn="other"', 0),
    ("service_account=one.service_account,\n", 'service_account="default",\n', 0),
    ("namespace=one.namespace,\n", 'namespace="default",\n', 0),
    ("disable_session_tags=False", "disable_session_tags=True", 0),
    ("depends_on=[agent]", "depends_on=[]", 0),
    ('r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"', 'r"^.*$"', 0),
    ("role: RoleArn\n    policy", "role: str\n    policy", 0),
    ("region=region,\n", "\n", 0),
    ("region=region,\n", "\n", 1),
    ("region=region,\n", "\n", 2),
)
