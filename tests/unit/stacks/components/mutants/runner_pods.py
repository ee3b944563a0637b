"""How pods of runners could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_arm64_runners.py",)

MUTANTS: tuple[Weakening, ...] = (
    ('"allowPrivilegeEscalation": False', '"allowPrivilegeEscalation": True', 0),
    ('"capabilities": {"drop": ["ALL"]}', '"capabilities": {"drop": []}', 0),
    ('"runAsNonRoot": True', '"runAsNonRoot": False', 0),
    ('"RuntimeDefault"', '"Unconfined"', 0),
    ('"automountServiceAccountToken": False', '"automountServiceAccountToken": True', 0),
    ('{DEDICATED: dedicated, ARCHITECTURE: "arm64"}', '{ARCHITECTURE: "arm64"}', 0),
    ('{DEDICATED: dedicated, ARCHITECTURE: "arm64"}', "{DEDICATED: dedicated}", 0),
    ('"operator": "Equal"', '"operator": "Exists"', 0),
    ('"limits": both', '"limits": {}', 0),
    ('("169.254.0.0/16",)', "()", 0),
    ('"10.0.0.0/8", ', "", 0),
    ('"172.16.0.0/12", ', "", 0),
    ("LINK_LOCAL if inside else INTERNAL", "LINK_LOCAL", 0),
    ('_port("TCP", 443)', '_port("TCP", 80)', 0),
    ('namespace_selector=_labelled({"kubernetes.io/metadata.name": "kube-system"}),\n', "\n", 0),
    ('pod_selector=_labelled({"k8s-app": "kube-dns"}),\n', "\n", 0),
)
