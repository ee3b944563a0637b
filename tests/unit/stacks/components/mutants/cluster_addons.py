"""How add-ons of a cluster could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_region_cluster.py",)

MUTANTS: tuple[Weakening, ...] = (
    ('{"enableNetworkPolicy": "true"}', '{"enableNetworkPolicy": "false"}', 0),
    ('{"vpc-cni": {"enableNetworkPolicy": "true"}}', "{}", 0),
    ("addon_version=version,\n", "\n", 0),
    (r"-eksbuild\.[0-9]+$", ".*$", 0),
    ('"AmazonEKS_CNI_Policy"', '"AdministratorAccess"', 0),
    ('"aws:SourceAccount": config.account,', "", 0),
    ('"aws:RequestTag/eks-cluster-name": cluster_name,', "", 0),
    ('"aws:RequestTag/kubernetes-namespace": "kube-system",', "", 0),
    ('"aws:RequestTag/kubernetes-service-account": account,', "", 0),
    ('{"StringEquals": ours}', "None", 0),
    ("if addon not in _ROLES:", "if True:", 0),
    ("service_account=account)", 'service_account="default")', 0),
    ('resolve_conflicts_on_update="OVERWRITE"', 'resolve_conflicts_on_update="PRESERVE"', 0),
    ("depends_on=list(after)", "depends_on=[]", 0),
    ("region=config.region,\n", "\n", 0),
)
